#include "tools/protolator/protolator.h"

#include <google/protobuf/timestamp.pb.h>

#include <algorithm>
#include <map>
#include <vector>

#include "tools/protolator/opaque_fields.h"
#include "tools/protolator/plain_json.h"
#include "wire/marshal.h"

namespace selvage::tools::protolator {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

Result<Json> tree_of(const Message& message, const Place& place);

// One field that is opened.
class Opened {
 public:
  Opened(const Message& message, const FieldDescriptor& field, const Place& place)
      : message_(message), read_(*message.GetReflection()), field_(field), place_(place) {}

  Result<Json> tree() const {
    switch (opening_of(message_, field_, place_)) {
      case Opening::kNested:
      case Opening::kTree:
        if (!read_.HasField(message_, &field_)) return Json();
        return placed(below("", read_.GetMessage(message_, &field_)), "field " + field_.name());
      case Opening::kBytes:
      case Opening::kToldBytes: {
        const Bytes bytes = read_.GetString(message_, &field_);
        // Bytes that are not there need no type.
        if (bytes.empty()) return Json();
        return placed(inside("", bytes), "field " + field_.name());
      }
      case Opening::kNestedMap:
      case Opening::kTreeMap:
      case Opening::kBytesMap:
        return map();
      default:
        return list();
    }
  }

 private:
  Result<Json> placed(Result<Json> tree, const std::string& where) const {
    if (tree) return tree;
    return fail(tree.error().within("error in PopulateTo for " + where + " for message " + go_name_of(message_, place_)));
  }

  Result<Json> below(const std::string& key, const Message& value) const {
    SELVAGE_TRY(const Place place, place_below(message_, field_, key, place_));
    return tree_of(value, place);
  }

  Result<Json> inside(const std::string& key, const Bytes& bytes) const {
    SELVAGE_TRY(const MessagePtr inside, type_inside(message_, field_, key, place_));
    if (!wire::parse_into(bytes, *inside)) return fail(Code::kInvalidArgument, wire::kBadWireFormat);
    return tree_of(*inside, {});
  }

  Result<Json> list() const {
    Json list = Json::array();
    for (int i = 0; i < read_.FieldSize(message_, &field_); ++i) {
      auto item = field_.type() == FieldDescriptor::TYPE_BYTES
                      ? inside("", read_.GetRepeatedString(message_, &field_, i))
                      : below("", read_.GetRepeatedMessage(message_, &field_, i));
      SELVAGE_TRY(item, placed(std::move(item), "slice field " + field_.name() + " at index " + std::to_string(i)));
      list.push_back(std::move(*item));
    }
    return list;
  }

  Result<Json> map() const {
    Json map = Json::object();
    const FieldDescriptor* key_field = field_.message_type()->map_key();
    const FieldDescriptor* value_field = field_.message_type()->map_value();
    // In order of the keys, so that it is always the same error that is told.
    std::map<std::string, const Message*> entries;
    for (int i = 0; i < read_.FieldSize(message_, &field_); ++i) {
      const Message& entry = read_.GetRepeatedMessage(message_, &field_, i);
      entries[entry.GetReflection()->GetString(entry, key_field)] = &entry;
    }
    for (const auto& [key, entry] : entries) {
      const Reflection& read = *entry->GetReflection();
      auto value = value_field->type() == FieldDescriptor::TYPE_BYTES
                       ? inside(key, read.GetString(*entry, value_field))
                       : below(key, read.GetMessage(*entry, value_field));
      SELVAGE_TRY(map[key], placed(std::move(value), "map field " + field_.name() + " and key " + key));
    }
    return map;
  }

  const Message& message_;
  const Reflection& read_;
  const FieldDescriptor& field_;
  const Place& place_;
};

Result<Json> fields_of(const Message& message, const Place& place) {
  Json tree = Json::object();
  const Reflection& read = *message.GetReflection();
  const auto* type = message.GetDescriptor();
  std::vector<std::pair<Opening, const FieldDescriptor*>> opened;
  for (int i = 0; i < type->field_count(); ++i) {
    const FieldDescriptor& field = *type->field(i);
    if (field.containing_oneof() != nullptr && !read.HasField(message, &field)) continue;
    const Opening opening = opening_of(message, field, place);
    if (opening == Opening::kPlain) {
      tree[field.name()] = plain_field(message, field);
    } else {
      opened.emplace_back(opening, &field);
    }
  }
  std::stable_sort(opened.begin(), opened.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [opening, field] : opened) {
    SELVAGE_TRY(tree[field->name()], Opened(message, *field, place).tree());
  }
  return tree;
}

Result<Json> tree_of(const Message& message, const Place& place) {
  if (message.GetDescriptor()->full_name() == "google.protobuf.Timestamp")
    return fail(Code::kInvalidArgument, go_name_of(message, place) +
                                            ": error unmarshaling intermediate JSON: json: cannot unmarshal string into "
                                            "Go value of type map[string]interface {}");
  auto tree = fields_of(message, place);
  if (!tree) return fail(tree.error().within(go_name_of(message, place)));
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
  SELVAGE_TRY(const Json tree, tree_of(message, Place{kind, "", false}));
  return escape_html(tree.dump(1, '\t', false, Json::error_handler_t::replace)) + "\n";
}

}  // namespace selvage::tools::protolator
