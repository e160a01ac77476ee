// Strict DER, read and written: what certificates, keys and signatures need of ASN.1, without OpenSSL's decoders.
//
// Pure; for crypto/ only. The reader borrows its bytes and never reads past them; every failure is a false.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace selvage::crypto::der {

inline constexpr uint8_t kBoolean = 0x01, kInteger = 0x02, kBitString = 0x03, kOctetString = 0x04, kNull = 0x05,
                         kOid = 0x06, kEnumerated = 0x0a, kUtf8String = 0x0c, kNumericString = 0x12,
                         kPrintableString = 0x13, kT61String = 0x14, kIa5String = 0x16, kUtcTime = 0x17,
                         kGeneralizedTime = 0x18, kBmpString = 0x1e, kSequence = 0x30, kSet = 0x31;
// [n] context tags.
constexpr uint8_t context(int n) { return static_cast<uint8_t>(0x80 | n); }
constexpr uint8_t context_constructed(int n) { return static_cast<uint8_t>(0xa0 | n); }

struct Element {
  uint8_t tag = 0;
  BytesView content;
  BytesView whole;  // with tag and length
};

class Reader {
 public:
  explicit Reader(BytesView bytes) : rest_(bytes) {}
  [[nodiscard]] bool empty() const { return rest_.empty(); }
  [[nodiscard]] BytesView rest() const { return rest_; }
  [[nodiscard]] bool next_is(uint8_t tag) const { return !rest_.empty() && static_cast<uint8_t>(rest_[0]) == tag; }
  // The next element, of whatever tag.
  [[nodiscard]] bool read(Element& element);
  // The content of the next element, which must have this tag.
  [[nodiscard]] bool read(uint8_t tag, BytesView& content);
  // As read() when the tag is next; leaves `content` unset otherwise.
  [[nodiscard]] bool read_optional(uint8_t tag, std::optional<BytesView>& content);
  // An INTEGER of at least one byte in its shortest form; content as it is (two's complement).
  [[nodiscard]] bool read_integer(BytesView& content);
  [[nodiscard]] bool read_boolean(bool& value);
  [[nodiscard]] bool read_oid(std::string& dotted);
  // A BIT STRING of whole bytes.
  [[nodiscard]] bool read_bits(BytesView& bytes);

 private:
  BytesView rest_;
};

// "1.2.840.10045.2.1"; nullopt when malformed.
[[nodiscard]] std::optional<std::string> oid_to_string(BytesView content);
[[nodiscard]] std::optional<Bytes> oid_from_string(std::string_view dotted);

[[nodiscard]] Bytes wrap(uint8_t tag, BytesView content);
[[nodiscard]] Bytes oid(std::string_view dotted);           // whole element; dotted must be valid
[[nodiscard]] Bytes unsigned_integer(BytesView big_endian);  // whole element, shortest form
[[nodiscard]] Bytes bit_string(BytesView bytes);            // whole element, no unused bits
[[nodiscard]] Bytes boolean(bool value);

// An unsigned big-endian number in decimal digits.
[[nodiscard]] std::string to_decimal(BytesView big_endian);

}  // namespace selvage::crypto::der
