#include "tools/protolator/plain_json.h"

#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/util/time_util.h>

#include <charconv>
#include <cstdlib>
#include <optional>
#include <set>

namespace selvage::tools::protolator {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

Json plain_message(const Message& message) {
  if (const auto* time = dynamic_cast<const google::protobuf::Timestamp*>(&message))
    return Json(google::protobuf::util::TimeUtil::ToString(*time));
  Json out = Json::object();
  const auto* type = message.GetDescriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    const FieldDescriptor& field = *type->field(i);
    if (field.containing_oneof() != nullptr && !message.GetReflection()->HasField(message, &field)) continue;
    out[field.name()] = plain_field(message, field);
  }
  return out;
}

// `index` is -1 for a field that is not repeated.
Json one(const Message& message, const FieldDescriptor& field, int index) {
  const Reflection& read = *message.GetReflection();
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
    case FieldDescriptor::CPPTYPE_MESSAGE:
      if (many) return plain_message(read.GetRepeatedMessage(message, &field, index));
      return read.HasField(message, &field) ? plain_message(read.GetMessage(message, &field)) : Json();
    default: {
      const Bytes text = many ? read.GetRepeatedString(message, &field, index) : read.GetString(message, &field);
      return field.type() == FieldDescriptor::TYPE_BYTES ? to_base64(text) : text;
    }
  }
}

tl::unexpected<Error> wrong(std::string text) { return fail(Code::kInvalidArgument, "proto: " + std::move(text)); }
std::string at(size_t column) { return "(line 1:" + std::to_string(column) + "): "; }

// The first word of the value, as a tokenizer sees it.
std::string token_of(const JsonTree& tree) {
  if (tree.kind == JsonTree::Kind::kMap) return "{";
  if (tree.kind == JsonTree::Kind::kList) return "[";
  return compact(tree);
}
tl::unexpected<Error> unexpected(const JsonTree& tree) {
  return wrong("syntax error " + at(tree.column) + "unexpected token " + token_of(tree));
}

const char* kind_of(const FieldDescriptor& field) { return field.type_name(); }

// "1e3" and "1.0" are whole numbers too. Digits with a sign, or nothing.
std::string whole_number(const std::string& typed) {
  size_t i = 0;
  const bool negative = !typed.empty() && typed[0] == '-';
  if (negative) ++i;
  std::string whole, fraction;
  auto digits = [&](std::string& into) {
    while (i < typed.size() && typed[i] >= '0' && typed[i] <= '9') into += typed[i++];
  };
  digits(whole);
  if (whole.empty() || (whole.size() > 1 && whole[0] == '0')) return "";
  if (whole == "0") whole.clear();
  if (i < typed.size() && typed[i] == '.') {
    ++i;
    digits(fraction);
    if (fraction.empty()) return "";
  }
  long exponent = 0;
  if (i < typed.size() && (typed[i] == 'e' || typed[i] == 'E')) {
    ++i;
    const bool down = i < typed.size() && typed[i] == '-';
    if (i < typed.size() && (typed[i] == '-' || typed[i] == '+')) ++i;
    std::string power;
    digits(power);
    if (power.empty() || power.size() > 9) return "";
    exponent = (down ? -1 : 1) * std::stol(power);
  }
  if (i != typed.size()) return "";
  while (!fraction.empty() && fraction.back() == '0') fraction.pop_back();
  if (whole.empty() && fraction.empty()) return "0";
  if (exponent >= 0) {
    if (fraction.size() > static_cast<size_t>(exponent) || whole.size() + static_cast<size_t>(exponent) > 20) return "";
    whole += fraction + std::string(static_cast<size_t>(exponent) - fraction.size(), '0');
  } else {
    const size_t drop = static_cast<size_t>(-exponent);
    if (!fraction.empty() || drop > whole.size()) return "";
    for (size_t k = whole.size() - drop; k < whole.size(); ++k)
      if (whole[k] != '0') return "";
    whole.resize(whole.size() - drop);
  }
  if (whole.empty()) return "";
  return (negative ? "-" : "") + whole;
}

template <class Number>
bool parse_number(const std::string& digits, Number& out) {
  if (digits.empty()) return false;
  const char* end = digits.data() + digits.size();
  const auto [rest, error] = std::from_chars(digits.data(), end, out);
  return error == std::errc() && rest == end;
}

// Numbers may be written as texts.
template <class Number>
bool number(const JsonTree& tree, Number& out) {
  if (tree.kind != JsonTree::Kind::kNumber && tree.kind != JsonTree::Kind::kText) return false;
  return parse_number(whole_number(tree.text), out);
}

bool real(const JsonTree& tree, double& out) {
  if (tree.kind != JsonTree::Kind::kNumber && tree.kind != JsonTree::Kind::kText) return false;
  char* end = nullptr;
  if (tree.text.empty() || std::isspace(static_cast<unsigned char>(tree.text[0]))) return false;
  out = std::strtod(tree.text.c_str(), &end);
  return end == tree.text.c_str() + tree.text.size();
}

std::optional<Bytes> bytes_of(const JsonTree& tree) {
  if (tree.kind != JsonTree::Kind::kText) return std::nullopt;
  std::string text = tree.text;
  if (text.find_first_of("-_") != std::string::npos) {
    if (text.find_first_of("+/") != std::string::npos) return std::nullopt;
    for (char& c : text) c = c == '-' ? '+' : c == '_' ? '/' : c;
  }
  if (text.size() % 4 != 0 && text.find('=') != std::string::npos) return std::nullopt;
  return from_base64(text);
}

Status read_message(const JsonTree& tree, Message& message);

// Sets a scalar, or adds one to a repeated field.
Status read_scalar(const JsonTree& tree, Message& message, const FieldDescriptor& field) {
  const Reflection& change = *message.GetReflection();
  const bool many = field.is_repeated();
  const auto put = [&](auto set, auto add, const auto& value) {
    many ? (change.*add)(&message, &field, value) : (change.*set)(&message, &field, value);
    return Status{};
  };
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      if (tree.kind == JsonTree::Kind::kBool) return put(&Reflection::SetBool, &Reflection::AddBool, tree.flag);
      break;
    case FieldDescriptor::CPPTYPE_INT32:
      if (int32_t value; number(tree, value)) return put(&Reflection::SetInt32, &Reflection::AddInt32, value);
      break;
    case FieldDescriptor::CPPTYPE_INT64:
      if (int64_t value; number(tree, value)) return put(&Reflection::SetInt64, &Reflection::AddInt64, value);
      break;
    case FieldDescriptor::CPPTYPE_UINT32:
      if (uint32_t value; number(tree, value)) return put(&Reflection::SetUInt32, &Reflection::AddUInt32, value);
      break;
    case FieldDescriptor::CPPTYPE_UINT64:
      if (uint64_t value; number(tree, value)) return put(&Reflection::SetUInt64, &Reflection::AddUInt64, value);
      break;
    case FieldDescriptor::CPPTYPE_FLOAT:
      if (double value; real(tree, value))
        return put(&Reflection::SetFloat, &Reflection::AddFloat, static_cast<float>(value));
      break;
    case FieldDescriptor::CPPTYPE_DOUBLE:
      if (double value; real(tree, value)) return put(&Reflection::SetDouble, &Reflection::AddDouble, value);
      break;
    case FieldDescriptor::CPPTYPE_ENUM:
      if (tree.kind == JsonTree::Kind::kText) {
        if (const auto* value = field.enum_type()->FindValueByName(tree.text))
          return put(&Reflection::SetEnumValue, &Reflection::AddEnumValue, value->number());
      } else if (int32_t value; tree.kind == JsonTree::Kind::kNumber && number(tree, value)) {
        return put(&Reflection::SetEnumValue, &Reflection::AddEnumValue, value);
      }
      break;
    default:
      if (field.type() == FieldDescriptor::TYPE_BYTES) {
        if (auto value = bytes_of(tree)) {
          many ? change.AddString(&message, &field, *value) : change.SetString(&message, &field, *value);
          return {};
        }
      } else if (tree.kind == JsonTree::Kind::kText) {
        many ? change.AddString(&message, &field, tree.text) : change.SetString(&message, &field, tree.text);
        return {};
      }
  }
  return wrong(at(tree.column) + "invalid value for " + kind_of(field) + " field " + field.json_name() + ": " +
               token_of(tree));
}

Status read_key(const std::string& key, const JsonTree& value, Message& entry, const FieldDescriptor& field) {
  const Reflection& change = *entry.GetReflection();
  const auto refuse = [&]() -> Status {
    return wrong(at(value.key_column) + "invalid value for " + kind_of(field) + " key: " + quoted(key));
  };
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      change.SetString(&entry, &field, key);
      return {};
    case FieldDescriptor::CPPTYPE_BOOL:
      if (key != "true" && key != "false") return refuse();
      change.SetBool(&entry, &field, key == "true");
      return {};
    case FieldDescriptor::CPPTYPE_INT32:
      if (int32_t number; parse_number(key, number)) return change.SetInt32(&entry, &field, number), Status{};
      return refuse();
    case FieldDescriptor::CPPTYPE_INT64:
      if (int64_t number; parse_number(key, number)) return change.SetInt64(&entry, &field, number), Status{};
      return refuse();
    case FieldDescriptor::CPPTYPE_UINT32:
      if (uint32_t number; parse_number(key, number)) return change.SetUInt32(&entry, &field, number), Status{};
      return refuse();
    default:
      if (uint64_t number; parse_number(key, number)) return change.SetUInt64(&entry, &field, number), Status{};
      return refuse();
  }
}

Status read_map(const JsonTree& tree, Message& message, const FieldDescriptor& field) {
  if (tree.kind != JsonTree::Kind::kMap) return unexpected(tree);
  const FieldDescriptor& value_field = *field.message_type()->map_value();
  for (const auto& [key, value] : tree.fields) {
    Message& entry = *message.GetReflection()->AddMessage(&message, &field);
    SELVAGE_CHECK(read_key(key, value, entry, *field.message_type()->map_key()));
    if (value_field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      SELVAGE_CHECK(read_message(value, *entry.GetReflection()->MutableMessage(&entry, &value_field)));
    } else {
      SELVAGE_CHECK(read_scalar(value, entry, value_field));
    }
  }
  return {};
}

Status read_list(const JsonTree& tree, Message& message, const FieldDescriptor& field) {
  if (tree.kind != JsonTree::Kind::kList) return unexpected(tree);
  for (const JsonTree& item : tree.items) {
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      SELVAGE_CHECK(read_message(item, *message.GetReflection()->AddMessage(&message, &field)));
    } else {
      SELVAGE_CHECK(read_scalar(item, message, field));
    }
  }
  return {};
}

Status read_timestamp(const JsonTree& tree, google::protobuf::Timestamp& out) {
  if (tree.kind != JsonTree::Kind::kText) return unexpected(tree);
  const std::string& text = tree.text;
  const size_t dot = text.rfind('.'), zone = text.find_last_of("Z-+");
  if ((dot != std::string::npos && zone != std::string::npos && zone >= dot && zone - dot > 10) ||
      !google::protobuf::util::TimeUtil::FromString(text, &out))
    return wrong(at(tree.column) + "invalid google.protobuf.Timestamp value " + token_of(tree));
  return {};
}

const FieldDescriptor* field_named(const google::protobuf::Descriptor& type, const std::string& name) {
  for (int i = 0; i < type.field_count(); ++i)
    if (type.field(i)->json_name() == name) return type.field(i);
  return type.FindFieldByName(name);
}

Status read_message(const JsonTree& tree, Message& message) {
  if (auto* time = dynamic_cast<google::protobuf::Timestamp*>(&message)) return read_timestamp(tree, *time);
  if (tree.kind != JsonTree::Kind::kMap) return unexpected(tree);
  const Reflection& change = *message.GetReflection();
  std::set<const FieldDescriptor*> seen;
  std::set<const google::protobuf::OneofDescriptor*> chosen;
  for (const auto& [name, value] : tree.fields) {
    const FieldDescriptor* field = field_named(*message.GetDescriptor(), name);
    if (field == nullptr) return wrong(at(value.key_column) + "unknown field " + quoted(name));
    if (!seen.insert(field).second) return wrong(at(value.key_column) + "duplicate field " + quoted(name));
    if (value.kind == JsonTree::Kind::kNull) continue;
    if (field->is_map()) {
      SELVAGE_CHECK(read_map(value, message, *field));
    } else if (field->is_repeated()) {
      SELVAGE_CHECK(read_list(value, message, *field));
    } else {
      if (const auto* oneof = field->containing_oneof(); oneof != nullptr && !chosen.insert(oneof).second)
        return wrong(at(value.key_column) + "error parsing " + quoted(name) + ", oneof " + oneof->full_name() +
                     " is already set");
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        SELVAGE_CHECK(read_message(value, *change.MutableMessage(&message, field)));
      } else {
        SELVAGE_CHECK(read_scalar(value, message, *field));
      }
    }
  }
  return {};
}

}  // namespace

Json plain_field(const Message& message, const FieldDescriptor& field) {
  if (!field.is_repeated()) return one(message, field, -1);
  const Reflection& read = *message.GetReflection();
  const int size = read.FieldSize(message, &field);
  if (!field.is_map()) {
    Json list = Json::array();
    for (int i = 0; i < size; ++i) list.push_back(one(message, field, i));
    return list;
  }
  Json map = Json::object();
  for (int i = 0; i < size; ++i) {
    const Message& entry = read.GetRepeatedMessage(message, &field, i);
    const Json key = one(entry, *field.message_type()->map_key(), -1);
    map[key.is_string() ? key.get<std::string>() : key.dump()] = one(entry, *field.message_type()->map_value(), -1);
  }
  return map;
}

Status read_plain(JsonTree tree, Message& message) {
  place_all(tree);
  return read_message(tree, message);
}

}  // namespace selvage::tools::protolator
