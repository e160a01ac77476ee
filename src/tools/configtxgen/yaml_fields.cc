#include "tools/configtxgen/yaml_fields.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace selvage::tools::configtxgen {
namespace {

using Kind = config::Node::Kind;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

}  // namespace

void YamlErrors::refuse(const Origin& origin, const std::string& what) {
  if (!first_) first_ = Error{Code::kInvalidArgument, origin.to_string() + " " + what, "", ""};
}

Status YamlErrors::status() const {
  if (first_) return fail(*first_);
  return {};
}

YamlFields::YamlFields(const config::Node* map, YamlErrors& errors) : map_(map), errors_(errors) {
  if (map_ != nullptr && map_->kind == Kind::kNull) map_ = nullptr;
  if (map_ != nullptr && map_->kind != Kind::kMap) {
    errors_.refuse(map_->origin, "is not a map");
    map_ = nullptr;
  }
}

const config::Node* YamlFields::take(const char* key) {
  taken_.insert(lower(key));
  const config::Node* node = map_ == nullptr ? nullptr : map_->find(key);
  return node == nullptr || node->kind == Kind::kNull ? nullptr : node;
}

bool YamlFields::has(const char* key) const {
  const config::Node* node = map_ == nullptr ? nullptr : map_->find(key);
  return node != nullptr && node->kind != Kind::kNull;
}

std::string YamlFields::text(const char* key) {
  const config::Node* node = take(key);
  if (node == nullptr) return "";
  if (node->kind != Kind::kScalar) errors_.refuse(node->origin, "is not a text");
  return node->text;
}

uint64_t YamlFields::number(const char* key, uint64_t max) {
  const config::Node* node = take(key);
  if (node == nullptr) return 0;
  uint64_t value = 0;
  const char* end = node->text.data() + node->text.size();
  const auto read = std::from_chars(node->text.data(), end, value);
  if (read.ec != std::errc() || read.ptr != end || value > max)
    errors_.refuse(node->origin, "is not a number from 0 to " + std::to_string(max));
  return value;
}

uint32_t YamlFields::size(const char* key) {
  const config::Node* node = take(key);
  if (node == nullptr) return 0;
  const auto bytes = config::parse_bytes(node->text);
  if (!bytes || *bytes > UINT32_MAX) errors_.refuse(node->origin, "is not a size below 4 GB, such as \"512 KB\"");
  return static_cast<uint32_t>(bytes.value_or(0));
}

bool YamlFields::flag(const char* key) {
  const config::Node* node = take(key);
  if (node == nullptr) return false;
  const auto value = config::parse_bool(node->text);
  if (!value) errors_.refuse(node->origin, "is neither true nor false");
  return value.value_or(false);
}

std::vector<const config::Node*> YamlFields::items(const char* key) {
  const config::Node* node = take(key);
  if (node == nullptr) return {};
  if (node->kind != Kind::kList) {
    errors_.refuse(node->origin, "is not a list");
    return {};
  }
  std::vector<const config::Node*> items;
  for (const config::Node& item : node->items) items.push_back(&item);
  return items;
}

std::vector<std::string> YamlFields::texts(const char* key) {
  const config::Node* node = take(key);
  if (node == nullptr) return {};
  if (node->kind == Kind::kScalar) return config::parse_list(node->text);
  std::vector<std::string> texts;
  for (const config::Node* item : items(key)) texts.push_back(item->text);
  return texts;
}

const config::Node* YamlFields::map(const char* key) { return take(key); }

std::vector<std::pair<std::string, const config::Node*>> YamlFields::fields(const char* key) {
  const config::Node* node = take(key);
  if (node == nullptr) return {};
  if (node->kind != Kind::kMap) {
    errors_.refuse(node->origin, "is not a map");
    return {};
  }
  std::vector<std::pair<std::string, const config::Node*>> fields;
  for (const auto& [name, field] : node->fields) fields.emplace_back(name, &field);
  return fields;
}

void YamlFields::ignore(const char* key) { (void)take(key); }

void YamlFields::done() {
  if (map_ == nullptr) return;
  for (const auto& [name, field] : map_->fields)
    if (!taken_.contains(lower(name))) errors_.refuse(field.origin, "is not a key that is known here");
}

}  // namespace selvage::tools::configtxgen
