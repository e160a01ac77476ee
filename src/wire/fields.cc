#include "wire/fields.h"

namespace selvage::wire {
namespace {

constexpr uint64_t kLastFieldNumber = (uint64_t{1} << 29) - 1;
constexpr int kEndGroup = 4;
constexpr int kGroupDepth = 100;  // of nested groups, which nothing in Fabric uses

bool take_fixed(BytesView& bytes, size_t size, uint64_t& value) {
  if (bytes.size() < size) return false;
  value = 0;
  for (size_t i = size; i-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  bytes.remove_prefix(size);
  return true;
}

bool take_tag(BytesView& bytes, uint32_t& number, int& type) {
  uint64_t tag = 0;
  if (!take_varint(bytes, tag)) return false;
  if (tag >> 3 < 1 || tag >> 3 > kLastFieldNumber) return false;
  number = static_cast<uint32_t>(tag >> 3);
  type = static_cast<int>(tag & 7);
  return true;
}

bool take_value(BytesView& bytes, int type, uint32_t number, Field& field, int depth);

bool skip_group(BytesView& bytes, uint32_t number, int depth) {
  if (depth > kGroupDepth) return false;
  for (;;) {
    uint32_t inner = 0;
    int type = 0;
    if (!take_tag(bytes, inner, type)) return false;
    if (type == kEndGroup) return inner == number;
    Field ignored;
    if (!take_value(bytes, type, inner, ignored, depth)) return false;
  }
}

bool take_value(BytesView& bytes, int type, uint32_t number, Field& field, int depth) {
  switch (type) {
    case 0:
      return take_varint(bytes, field.value);
    case 1:
      return take_fixed(bytes, 8, field.value);
    case 2: {
      uint64_t size = 0;
      if (!take_varint(bytes, size) || size > bytes.size()) return false;
      field.bytes = bytes.substr(0, size);
      bytes.remove_prefix(size);
      return true;
    }
    case 3:
      return skip_group(bytes, number, depth + 1);
    case 5:
      return take_fixed(bytes, 4, field.value);
    default:
      return false;
  }
}

}  // namespace

bool take_varint(BytesView& bytes, uint64_t& value) {
  value = 0;
  for (size_t i = 0; i < 10; ++i) {
    if (i == bytes.size()) return false;
    const auto byte = static_cast<uint8_t>(bytes[i]);
    if (i == 9 && byte > 1) return false;  // more than 64 bits
    value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      bytes.remove_prefix(i + 1);
      return true;
    }
  }
  return false;
}

bool FieldReader::next(Field& field) {
  if (failed_ || rest_.empty()) return false;
  const BytesView start = rest_;
  int type = 0;
  field.value = 0;
  field.bytes = {};
  if (!take_tag(rest_, field.number, type) || !take_value(rest_, type, field.number, field, 0)) {
    failed_ = true;
    return false;
  }
  field.type = static_cast<FieldType>(type);
  field.raw = start.substr(0, start.size() - rest_.size());
  return true;
}

void append_varint(Bytes& out, uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

void append_bytes_field(Bytes& out, uint32_t number, BytesView bytes) {
  if (bytes.empty()) return;
  append_varint(out, uint64_t{number} << 3 | 2);
  append_varint(out, bytes.size());
  out.append(bytes);
}

void append_varint_field(Bytes& out, uint32_t number, uint64_t value) {
  if (value == 0) return;
  append_varint(out, uint64_t{number} << 3);
  append_varint(out, value);
}

bool read_bytes_fields(BytesView message, std::initializer_list<BytesView*> places) {
  FieldReader fields(message);
  for (Field field; fields.next(field);) {
    if (field.type == FieldType::kBytes && field.number <= places.size()) *places.begin()[field.number - 1] = field.bytes;
  }
  return !fields.failed();
}

}  // namespace selvage::wire
