// Walks the fields of a protobuf message without copying and without a generated class.
//
// It accepts and refuses the same bytes as Go's protobuf, so that two peers never differ on what a message says: field
// numbers 1..2^29-1, groups skipped, varints of at most ten bytes.
#pragma once

#include <cstdint>
#include <initializer_list>

#include "base/bytes.h"

namespace selvage::wire {

enum class FieldType : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kGroup = 3, kFixed32 = 5 };

struct Field {
  uint32_t number = 0;
  FieldType type = FieldType::kVarint;
  uint64_t value = 0;  // of kVarint, kFixed64, kFixed32
  BytesView bytes;     // of kBytes
  BytesView raw;       // the whole field with its tag

  [[nodiscard]] bool is_bytes(uint32_t wanted) const { return number == wanted && type == FieldType::kBytes; }
  [[nodiscard]] bool is_varint(uint32_t wanted) const { return number == wanted && type == FieldType::kVarint; }
};

// Views point into the message, which must outlive them. One thread.
class FieldReader {
 public:
  explicit FieldReader(BytesView message) : rest_(message) {}
  // False at the end and at the first malformed field; failed() tells the two apart.
  [[nodiscard]] bool next(Field& field);
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  BytesView rest_;
  bool failed_ = false;
};

// A message of bytes fields: number 1 goes to the first place, 2 to the second, and so on; the last one of a number counts, and
// what is not there leaves its place as it was. False when the bytes are no message.
[[nodiscard]] bool read_bytes_fields(BytesView message, std::initializer_list<BytesView*> places);

// Reads one varint from the front of `bytes`; false when there is none.
[[nodiscard]] bool take_varint(BytesView& bytes, uint64_t& value);
// Writers of single fields, for messages put together by hand.
void append_varint(Bytes& out, uint64_t value);
void append_bytes_field(Bytes& out, uint32_t number, BytesView bytes);  // nothing for empty bytes, as proto3 does
void append_varint_field(Bytes& out, uint32_t number, uint64_t value);  // nothing for 0

}  // namespace selvage::wire
