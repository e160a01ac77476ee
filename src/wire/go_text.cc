#include "wire/go_text.h"

#include <vector>

#include "base/bytes.h"
#include "base/utf8.h"
#include "wire/fields.h"

namespace selvage::wire {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

std::string quoted(const Bytes& text) {
  static constexpr char kHex[] = "0123456789abcdef";
  const bool valid = is_utf8(text);
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !valid)) {
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string enum_text(const FieldDescriptor& field, int number) {
  const auto* value = field.enum_type()->FindValueByNumber(number);
  return value == nullptr ? std::to_string(number) : value->name();
}

// A value at `index`; -1: not repeated.
std::string text_of(const Message& message, const FieldDescriptor& field, int index) {
  const Reflection& read = *message.GetReflection();
  const bool many = index >= 0;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return "{" + go_text(many ? read.GetRepeatedMessage(message, &field, index) : read.GetMessage(message, &field)) + "}";
    case FieldDescriptor::CPPTYPE_STRING:
      return quoted(many ? read.GetRepeatedString(message, &field, index) : read.GetString(message, &field));
    case FieldDescriptor::CPPTYPE_ENUM:
      return enum_text(field, many ? read.GetRepeatedEnumValue(message, &field, index) : read.GetEnumValue(message, &field));
    case FieldDescriptor::CPPTYPE_INT32:
      return std::to_string(many ? read.GetRepeatedInt32(message, &field, index) : read.GetInt32(message, &field));
    case FieldDescriptor::CPPTYPE_UINT32:
      return std::to_string(many ? read.GetRepeatedUInt32(message, &field, index) : read.GetUInt32(message, &field));
    case FieldDescriptor::CPPTYPE_INT64:
      return std::to_string(many ? read.GetRepeatedInt64(message, &field, index) : read.GetInt64(message, &field));
    case FieldDescriptor::CPPTYPE_UINT64:
      return std::to_string(many ? read.GetRepeatedUInt64(message, &field, index) : read.GetUInt64(message, &field));
    case FieldDescriptor::CPPTYPE_BOOL:
      return (many ? read.GetRepeatedBool(message, &field, index) : read.GetBool(message, &field)) ? "true" : "false";
    default:
      return "";  // floating point: nothing that is printed has it
  }
}

}  // namespace

std::string go_text(const Message& message) {
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);  // those that are set, by number
  std::string text;
  auto add = [&](const std::string& part) { text += (text.empty() ? "" : " ") + part; };
  for (const FieldDescriptor* field : fields) {
    if (!field->is_repeated()) {
      add(field->name() + ":" + text_of(message, *field, -1));
      continue;
    }
    for (int i = 0; i < message.GetReflection()->FieldSize(message, field); ++i)
      add(field->name() + ":" + text_of(message, *field, i));
  }
  return text;
}

}  // namespace selvage::wire
