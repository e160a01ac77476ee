#include "tools/protolator/protolator.h"

#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/util/time_util.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "tools/protolator/opaque_fields.h"
#include "wire/marshal.h"

namespace selvage::tools::protolator {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using Json = nlohmann::json;  // keeps keys sorted

Result<Json> tree_of(const Message& message, const Place& place);

// One scalar; `index` is -1 for a field that is not repeated.
Json scalar(const Message& message, const Reflection& read, const FieldDescriptor& field, int index) {
  const bool many = index >= 0;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return many ? read.GetRepeatedInt32(message, &field, index) : read.GetInt32(message, &field);
    case FieldDescriptor::CPPTYPE_UINT32:
      return many ? read.GetRepeatedUInt32(message, &field, index) : read.GetUInt32(message, &field);
    case FieldDescriptor::CPPTYPE_INT64:
      return std::to_string(many ? read.GetRepeatedInt64(message, &field, index) : read.GetInt64(message, &field));
    case FieldDescriptor::CPPTYPE_UINT64:
      return std::to_string(many ? read.GetRepeatedUInt64(message, &field, index) : read.GetUInt64(message, &field));
    case FieldDescriptor::CPPTYPE_BOOL:
      return many ? read.GetRepeatedBool(message, &field, index) : read.GetBool(message, &field);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return many ? read.GetRepeatedDouble(message, &field, index) : read.GetDouble(message, &field);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return many ? read.GetRepeatedFloat(message, &field, index) : read.GetFloat(message, &field);
    case FieldDescriptor::CPPTYPE_ENUM: {
      const int number = many ? read.GetRepeatedEnumValue(message, &field, index) : read.GetEnumValue(message, &field);
      const auto* value = field.enum_type()->FindValueByNumber(number);
      return value != nullptr ? Json(value->name()) : Json(number);
    }
    default: {
      const Bytes text = many ? read.GetRepeatedString(message, &field, index) : read.GetString(message, &field);
      return field.type() == FieldDescriptor::TYPE_BYTES ? to_base64(text) : text;
    }
  }
}

Result<Json> open_bytes(const Bytes& bytes, Message& inside) {
  if (!wire::parse_into(bytes, inside)) return fail(Code::kInvalidArgument, wire::kBadWireFormat);
  return tree_of(inside, {});
}

Result<Json> bytes_tree(const Message& message, const Reflection& read, const FieldDescriptor& field,
                        const Place& place) {
  const int count = field.is_repeated() ? read.FieldSize(message, &field) : 0;
  Json list = Json::array();
  for (int i = 0; i < count; ++i) {
    SELVAGE_TRY(MessagePtr inside, type_inside(message, field, place));
    if (!inside) {
      list.push_back(scalar(message, read, field, i));
      continue;
    }
    SELVAGE_TRY(Json item, open_bytes(read.GetRepeatedString(message, &field, i), *inside));
    list.push_back(std::move(item));
  }
  if (field.is_repeated()) return list;
  const Bytes bytes = read.GetString(message, &field);
  auto inside = type_inside(message, field, place);
  // Bytes that are not there need no type, but where a type is known they show as null.
  if (bytes.empty()) return inside && !*inside ? Json("") : Json();
  if (!inside) return fail(inside.error());
  if (!*inside) return Json(to_base64(bytes));
  return open_bytes(bytes, **inside);
}

Result<Json> message_tree(const Message& owner, const FieldDescriptor& field, const std::string& key,
                          const Message& value, const Place& place) {
  if (const auto* time = dynamic_cast<const google::protobuf::Timestamp*>(&value))
    return Json(google::protobuf::util::TimeUtil::ToString(*time));
  SELVAGE_TRY(const Place below, place_below(owner, field, key, place));
  return tree_of(value, below);
}

Result<Json> map_tree(const Message& message, const Reflection& read, const FieldDescriptor& field,
                      const Place& place) {
  Json map = Json::object();
  const FieldDescriptor* key_field = field.message_type()->map_key();
  const FieldDescriptor* value_field = field.message_type()->map_value();
  for (int i = 0; i < read.FieldSize(message, &field); ++i) {
    const Message& entry = read.GetRepeatedMessage(message, &field, i);
    const Reflection& entry_read = *entry.GetReflection();
    const Json key_json = scalar(entry, entry_read, *key_field, -1);
    const std::string key = key_json.is_string() ? key_json.get<std::string>() : key_json.dump();
    if (value_field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      auto value = message_tree(message, field, key, entry_read.GetMessage(entry, value_field), place);
      if (!value) return fail(value.error().within(key));
      map[key] = std::move(*value);
    } else {
      map[key] = scalar(entry, entry_read, *value_field, -1);
    }
  }
  return map;
}

Result<Json> field_tree(const Message& message, const Reflection& read, const FieldDescriptor& field,
                        const Place& place) {
  if (field.is_map()) return map_tree(message, read, field, place);
  if (field.type() == FieldDescriptor::TYPE_BYTES) return bytes_tree(message, read, field, place);
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    if (!field.is_repeated()) {
      if (!read.HasField(message, &field)) return Json();
      return message_tree(message, field, "", read.GetMessage(message, &field), place);
    }
    Json list = Json::array();
    for (int i = 0; i < read.FieldSize(message, &field); ++i) {
      SELVAGE_TRY(Json item, message_tree(message, field, "", read.GetRepeatedMessage(message, &field, i), place));
      list.push_back(std::move(item));
    }
    return list;
  }
  if (!field.is_repeated()) return scalar(message, read, field, -1);
  Json list = Json::array();
  for (int i = 0; i < read.FieldSize(message, &field); ++i) list.push_back(scalar(message, read, field, i));
  return list;
}

Result<Json> tree_of(const Message& message, const Place& place) {
  Json tree = Json::object();
  const Reflection& read = *message.GetReflection();
  const auto* type = message.GetDescriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    const FieldDescriptor& field = *type->field(i);
    if (field.real_containing_oneof() != nullptr && !read.HasField(message, &field)) continue;
    auto value = field_tree(message, read, field, place);
    if (!value) return fail(value.error().within(field.name()));
    tree[field.name()] = std::move(*value);
  }
  return tree;
}

// Go's JSON writer escapes what could end a script element in HTML.
std::string escape_html(const std::string& json) {
  std::string out;
  out.reserve(json.size());
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (c == '<') {
      out += "\\u003c";
    } else if (c == '>') {
      out += "\\u003e";
    } else if (c == '&') {
      out += "\\u0026";
    } else if (json.compare(i, 3, "\xe2\x80\xa8") == 0 || json.compare(i, 3, "\xe2\x80\xa9") == 0) {
      out += json[i + 2] == '\xa8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

Result<std::string> to_json(const Message& message, GroupKind kind) {
  auto tree = tree_of(message, Place{kind, ""});
  if (!tree) return fail(tree.error().within("*" + message.GetDescriptor()->full_name()));
  return escape_html(tree->dump(1, '\t', false, Json::error_handler_t::replace)) + "\n";
}

}  // namespace selvage::tools::protolator
