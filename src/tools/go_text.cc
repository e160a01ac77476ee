#include "tools/go_text.h"

#include <nlohmann/json.hpp>

#include "base/bytes.h"

namespace selvage::tools {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using Json = nlohmann::ordered_json;

// A scalar at `index` (-1: not repeated) as JSON; bytes stay raw text here.
Json scalar(const Message& message, const FieldDescriptor& field, int index) {
  const Reflection& read = *message.GetReflection();
  const bool many = index >= 0;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return many ? read.GetRepeatedInt32(message, &field, index) : read.GetInt32(message, &field);
    case FieldDescriptor::CPPTYPE_UINT32:
      return many ? read.GetRepeatedUInt32(message, &field, index) : read.GetUInt32(message, &field);
    case FieldDescriptor::CPPTYPE_INT64:
      return many ? read.GetRepeatedInt64(message, &field, index) : read.GetInt64(message, &field);
    case FieldDescriptor::CPPTYPE_UINT64:
      return many ? read.GetRepeatedUInt64(message, &field, index) : read.GetUInt64(message, &field);
    case FieldDescriptor::CPPTYPE_BOOL:
      return many ? read.GetRepeatedBool(message, &field, index) : read.GetBool(message, &field);
    case FieldDescriptor::CPPTYPE_ENUM:
      return many ? read.GetRepeatedEnumValue(message, &field, index) : read.GetEnumValue(message, &field);
    case FieldDescriptor::CPPTYPE_STRING: {
      const Bytes text = many ? read.GetRepeatedString(message, &field, index) : read.GetString(message, &field);
      return field.type() == FieldDescriptor::TYPE_BYTES ? to_base64(text) : text;
    }
    default:
      return nullptr;  // floating point: nothing that is printed has it
  }
}

// "local_package" -> "LocalPackage".
std::string go_name(const std::string& name) {
  std::string out;
  bool up = true;
  for (const char c : name) {
    if (c == '_') {
      up = true;
      continue;
    }
    out += up ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    up = false;
  }
  return out;
}

Json json_of(const Message& message);

Json value_json(const Message& message, const FieldDescriptor& field, int index) {
  if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) return scalar(message, field, index);
  const Reflection& read = *message.GetReflection();
  return json_of(index >= 0 ? read.GetRepeatedMessage(message, &field, index) : read.GetMessage(message, &field));
}

Json map_json(const Message& message, const FieldDescriptor& field) {
  const Reflection& read = *message.GetReflection();
  nlohmann::json sorted = nlohmann::json::object();  // Go sorts a map's keys
  for (int i = 0; i < read.FieldSize(message, &field); ++i) {
    const Message& entry = read.GetRepeatedMessage(message, &field, i);
    const Json key = scalar(entry, *field.message_type()->map_key(), -1);
    sorted[key.is_string() ? key.get<std::string>() : key.dump()] =
        value_json(entry, *field.message_type()->map_value(), -1);
  }
  Json map = Json::object();
  for (auto& [key, value] : sorted.items()) map[key] = value;
  return map;
}

Json json_of(const Message& message) {
  Json tree = Json::object();
  const Reflection& read = *message.GetReflection();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor& field = *message.GetDescriptor()->field(i);
    if (const auto* oneof = field.real_containing_oneof()) {
      const std::string key = go_name(oneof->name());
      if (!tree.contains(key)) tree[key] = nullptr;
      if (read.HasField(message, &field)) tree[key] = Json{{go_name(field.name()), value_json(message, field, -1)}};
    } else if (field.is_map()) {
      if (read.FieldSize(message, &field) > 0) tree[field.name()] = map_json(message, field);
    } else if (field.is_repeated()) {
      Json list = Json::array();
      for (int k = 0; k < read.FieldSize(message, &field); ++k) list.push_back(value_json(message, field, k));
      if (!list.empty()) tree[field.name()] = std::move(list);
    } else if (read.HasField(message, &field)) {
      tree[field.name()] = value_json(message, field, -1);
    }
  }
  return tree;
}

}  // namespace

std::string go_json(const Message& message, const std::string& indent) {
  const Json tree = json_of(message);
  if (indent.empty()) return tree.dump(-1, ' ', false, Json::error_handler_t::replace);
  return tree.dump(static_cast<int>(indent.size()), indent[0], false, Json::error_handler_t::replace);
}

const char* go_json_kind(const nlohmann::json& value) {
  if (value.is_string()) return "string";
  if (value.is_boolean()) return "bool";
  if (value.is_array()) return "array";
  if (value.is_object()) return "object";
  return value.is_number() ? "number" : "null";
}

}  // namespace selvage::tools
