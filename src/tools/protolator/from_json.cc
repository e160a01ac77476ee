#include <algorithm>
#include <vector>

#include "tools/protolator/opaque_fields.h"
#include "tools/protolator/plain_json.h"
#include "tools/protolator/protolator.h"
#include "wire/marshal.h"

namespace selvage::tools::protolator {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

Status fill(JsonTree tree, Message& message, const Place& place);

tl::unexpected<Error> wrong(std::string text) { return fail(Code::kInvalidArgument, std::move(text)); }

// Reads one opened field of a message whose plain fields are there.
class Opened {
 public:
  Opened(Message& message, const FieldDescriptor& field, const Place& place)
      : message_(message), change_(*message.GetReflection()), field_(field), place_(place) {}

  Status read(JsonTree value, Opening opening) {
    switch (opening) {
      case Opening::kNested:
      case Opening::kTree:
      case Opening::kBytes:
      case Opening::kToldBytes:
        return single(std::move(value));
      case Opening::kNestedMap:
      case Opening::kTreeMap:
      case Opening::kBytesMap:
        return map(std::move(value));
      default:
        return list(std::move(value));
    }
  }

 private:
  [[nodiscard]] std::string go_name() const { return go_name_of(message_, place_); }
  [[nodiscard]] bool is_bytes() const { return field_.type() == FieldDescriptor::TYPE_BYTES; }

  // A value that is no map where one is needed. `what`: "field x".
  Status check_map(const JsonTree& value, const std::string& what) const {
    if (value.kind == JsonTree::Kind::kMap) return {};
    return wrong("expected " + what + " for message " + go_name() +
                 " to be assignable from map[string]interface {} but was not.  Is " + go_type_of(value));
  }
  Status placed(const Status& done, const std::string& where) const {
    if (done) return done;
    return fail(done.error().within("error in PopulateFrom for " + where + " for message " + go_name()));
  }

  Status below(JsonTree value, const std::string& key, Message& into) const {
    SELVAGE_TRY(const Place place, place_below(message_, field_, key, place_));
    return fill(std::move(value), into, place);
  }
  Result<Bytes> inside(JsonTree value, const std::string& key) const {
    SELVAGE_TRY(const MessagePtr inside, type_inside(message_, field_, key, place_));
    SELVAGE_CHECK(fill(std::move(value), *inside, {}));
    return wire::marshal(*inside);
  }

  Status single(JsonTree value) {
    if (value.kind == JsonTree::Kind::kNull) return {};
    SELVAGE_CHECK(check_map(value, "field " + field_.name()));
    const std::string where = "field " + field_.name();
    if (!is_bytes()) return placed(below(std::move(value), "", *change_.MutableMessage(&message_, &field_)), where);
    auto bytes = inside(std::move(value), "");
    if (!bytes) return placed(fail(bytes.error()), where);
    change_.SetString(&message_, &field_, *bytes);
    return {};
  }

  Status list(JsonTree value) {
    if (value.kind != JsonTree::Kind::kList)
      return wrong("expected slice field " + field_.name() + " for message " + go_name() +
                   " to be assignable from []interface{} but was not. Got " + go_type_of(value));
    for (size_t i = 0; i < value.items.size(); ++i) {
      JsonTree& item = value.items[i];
      SELVAGE_CHECK(check_map(item, "slice field " + field_.name() + " value at index " + std::to_string(i)));
      const std::string where = "slice field " + field_.name() + " at index " + std::to_string(i);
      if (!is_bytes()) {
        SELVAGE_CHECK(placed(below(std::move(item), "", *change_.AddMessage(&message_, &field_)), where));
        continue;
      }
      auto bytes = inside(std::move(item), "");
      if (!bytes) return placed(fail(bytes.error()), where);
      change_.AddString(&message_, &field_, *bytes);
    }
    return {};
  }

  Status map(JsonTree value) {
    if (value.kind != JsonTree::Kind::kMap)
      return wrong("expected map field " + field_.name() + " for message " + go_name() +
                   " to be assignable from map[string]interface{} but was not. Got " + go_type_of(value));
    const FieldDescriptor* key_field = field_.message_type()->map_key();
    const FieldDescriptor* value_field = field_.message_type()->map_value();
    for (auto& [key, item] : value.fields) {
      SELVAGE_CHECK(check_map(item, "map field " + field_.name() + " value for " + key));
      const std::string where = "map field " + field_.name() + " with key " + key;
      Message& entry = *change_.AddMessage(&message_, &field_);
      const Reflection& change = *entry.GetReflection();
      change.SetString(&entry, key_field, key);
      if (value_field->type() != FieldDescriptor::TYPE_BYTES) {
        SELVAGE_CHECK(placed(below(std::move(item), key, *change.MutableMessage(&entry, value_field)), where));
        continue;
      }
      auto bytes = inside(std::move(item), key);
      if (!bytes) return placed(fail(bytes.error()), where);
      change.SetString(&entry, value_field, *bytes);
    }
    return {};
  }

  Message& message_;
  const Reflection& change_;
  const FieldDescriptor& field_;
  const Place& place_;
};

Status fill_fields(JsonTree tree, Message& message, const Place& place) {
  struct Special {
    Opening opening;
    const FieldDescriptor* field;
    JsonTree value;
  };
  std::vector<Special> special;
  const auto* type = message.GetDescriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    const FieldDescriptor& field = *type->field(i);
    const Opening opening = opening_of(message, field, place);
    // Fabric quirk: protolator/json.go opens fields under their .proto names only.
    const auto found = opening == Opening::kPlain ? tree.fields.end() : tree.fields.find(field.name());
    if (found == tree.fields.end()) continue;
    special.push_back({opening, &field, std::move(found->second)});
    tree.fields.erase(found);
  }
  SELVAGE_CHECK(read_plain(std::move(tree), message));
  std::stable_sort(special.begin(), special.end(), [](const auto& a, const auto& b) { return a.opening < b.opening; });
  for (Special& one : special) SELVAGE_CHECK(Opened(message, *one.field, place).read(std::move(one.value), one.opening));
  return {};
}

Status fill(JsonTree tree, Message& message, const Place& place) {
  auto done = fill_fields(std::move(tree), message, place);
  if (!done) return fail(done.error().within(go_name_of(message, place)));
  return {};
}

}  // namespace

Status from_json(BytesView json, Message& message) {
  auto tree = read_json(json);
  if (!tree) return fail(tree.error().within("error unmarshaling intermediate JSON"));
  return fill(std::move(*tree), message, {});
}

}  // namespace selvage::tools::protolator
