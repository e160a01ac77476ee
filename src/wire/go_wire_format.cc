#include "wire/go_wire_format.h"

#include <google/protobuf/descriptor.h>

#include "wire/fields.h"

namespace selvage::wire {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

constexpr size_t kLongestTag = 5;  // that libprotobuf reads
constexpr int kDepth = 100;        // libprotobuf reads no deeper, and says so itself

size_t tag_size(BytesView raw) {
  size_t size = 1;
  while (static_cast<uint8_t>(raw[size - 1]) >= 0x80) ++size;
  return size;
}

// The message inside a field; null when its bytes are no message.
const Descriptor* message_in(const Field& field, const Descriptor& type) {
  if (field.type != FieldType::kBytes) return nullptr;
  const FieldDescriptor* known = type.FindFieldByNumber(static_cast<int>(field.number));
  return known != nullptr && known->type() == FieldDescriptor::TYPE_MESSAGE ? known->message_type() : nullptr;
}

bool holds_packed_varints(const Field& field, const Descriptor& type) {
  if (field.type != FieldType::kBytes) return false;
  const FieldDescriptor* known = type.FindFieldByNumber(static_cast<int>(field.number));
  if (known == nullptr || !known->is_packable()) return false;
  switch (known->type()) {
    case FieldDescriptor::TYPE_DOUBLE:
    case FieldDescriptor::TYPE_FLOAT:
    case FieldDescriptor::TYPE_FIXED32:
    case FieldDescriptor::TYPE_FIXED64:
    case FieldDescriptor::TYPE_SFIXED32:
    case FieldDescriptor::TYPE_SFIXED64:
      return false;
    default:
      return true;
  }
}

bool are_varints(BytesView bytes) {
  for (uint64_t value = 0; !bytes.empty();)
    if (!take_varint(bytes, value)) return false;
  return true;
}

GoReading read(BytesView bytes, const Descriptor& type, int depth) {
  GoReading reading = GoReading::kSame;
  FieldReader fields(bytes);
  for (Field field; fields.next(field);) {
    if (tag_size(field.raw) > kLongestTag) reading = GoReading::kLongTags;
    if (const Descriptor* inside = message_in(field, type); inside != nullptr && depth < kDepth) {
      const GoReading below = read(field.bytes, *inside, depth + 1);
      if (below == GoReading::kRefuses) return below;
      if (below == GoReading::kLongTags) reading = below;
    } else if (holds_packed_varints(field, type) && !are_varints(field.bytes)) {
      return GoReading::kRefuses;
    }
  }
  return fields.failed() ? GoReading::kRefuses : reading;
}

Bytes shorten(BytesView bytes, const Descriptor& type, int depth) {
  Bytes out;
  FieldReader fields(bytes);
  for (Field field; fields.next(field);) {
    append_varint(out, uint64_t{field.number} << 3 | static_cast<uint64_t>(field.type));
    const BytesView rest = field.raw.substr(tag_size(field.raw));
    if (const Descriptor* inside = message_in(field, type); inside != nullptr && depth < kDepth) {
      const Bytes below = shorten(field.bytes, *inside, depth + 1);
      append_varint(out, below.size());
      out += below;
    } else {
      out += rest;
    }
  }
  return out;
}

}  // namespace

GoReading how_go_reads(BytesView bytes, const Descriptor& type) { return read(bytes, type, 0); }

Bytes with_short_tags(BytesView bytes, const Descriptor& type) { return shorten(bytes, type, 0); }

}  // namespace selvage::wire
