#include "lifecycle/metadata_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace selvage::lifecycle {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kIndexes = "META-INF/statedb/couchdb/indexes/";
constexpr std::string_view kCollections = "META-INF/statedb/couchdb/collections/";

tl::unexpected<Error> refuse(std::string text) { return fail(Code::kInvalidArgument, std::move(text)); }

bool is_of_collection_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

// As Fabric's pattern, which wants ".json" somewhere in what is below the folder.
bool names_index_file(std::string_view path) {
  if (path.starts_with(kIndexes)) return path.substr(kIndexes.size()).find(".json") != std::string_view::npos;
  if (!path.starts_with(kCollections)) return false;
  path.remove_prefix(kCollections.size());
  const size_t name_bytes = static_cast<size_t>(std::find_if_not(path.begin(), path.end(), is_of_collection_name) - path.begin());
  path.remove_prefix(name_bytes);
  constexpr std::string_view kBelow = "/indexes/";
  return name_bytes > 0 && path.starts_with(kBelow) && path.substr(kBelow.size()).find(".json") != std::string_view::npos;
}

// Why a path is none of those that are allowed.
std::string tell_path(std::string_view path) {
  const size_t file = path.rfind('/') + 1;
  const std::string_view folder = path.substr(0, file);
  if (!path.starts_with("META-INF/statedb")) {
    return fmt::format("metadata file path must begin with META-INF/statedb, found: {}", folder);
  }
  std::vector<std::string_view> parts;
  for (size_t at = 0; at < folder.size();) {
    const size_t end = folder.find('/', at);
    if (end > at) parts.push_back(folder.substr(at, end - at));
    at = end + 1;
  }
  if (parts.size() < 4) return fmt::format("metadata file path must include a database and index directory: {}", folder);
  if (parts[2] != "couchdb") {
    return fmt::format("database name [{}] is not supported, valid options: [couchdb]", parts[2]);
  }
  if (parts.size() == 4 && parts[3] != "indexes") {
    return fmt::format("metadata file path does not have an indexes directory: {}", folder);
  }
  if (parts.size() != 6) {
    return fmt::format("metadata file path for collections must include a collections and index directory: {}", folder);
  }
  if (parts[3] != "collections" || parts[5] != "indexes") {
    return fmt::format("metadata file path for collections must have a collections and indexes directory: {}", folder);
  }
  if (!is_of_collection_name(parts[4].front())) return fmt::format("collection name is not valid: {}", parts[4]);
  if (path.substr(file).find(".json") == std::string_view::npos) {
    return fmt::format("artifact file name is not valid: {}", path.substr(file));
  }
  return fmt::format("metadata file path or name is not supported: {}", folder);
}

// {"size": "desc"}
Status check_sorted_field(const Json& field) {
  for (const auto& [name, order] : field.items()) {
    if (!order.is_string()) {
      return refuse("Invalid field definition, fields must be in the form \"fieldname\":\"sort\"");
    }
    const std::string& given = order.get_ref<const std::string&>();
    std::string lower = given;
    for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (lower != "asc" && lower != "desc") {
      return refuse(fmt::format("Sort must be either \"asc\" or \"desc\".  \"{}\" was found.", given));
    }
  }
  return {};
}

Status check_index(const Json& index) {
  for (const auto& [key, value] : index.items()) {
    if (key == "partial_filter_selector") continue;
    if (key != "fields") return refuse("Invalid Entry.  Entry " + key);
    if (!value.is_array()) return refuse("Expecting a JSON array of fields");
    for (const Json& field : value) {
      if (field.is_object()) SELVAGE_CHECK(check_sorted_field(field));
    }
  }
  return {};
}

Status check_definition(const Json& definition) {
  bool has_index = false;
  for (const auto& [key, value] : definition.items()) {
    if (key == "index") {
      if (!value.is_object()) return refuse("Invalid entry, \"index\" must be a JSON");
      SELVAGE_CHECK(check_index(value));
      has_index = true;
    } else if (key == "ddoc" || key == "name") {
      if (!value.is_string()) return refuse("Invalid entry, \"" + key + "\" must be a string");
    } else if (key == "type") {
      if (value != "json") return refuse("Index type must be json");
    } else {
      return refuse("Invalid Entry.  Entry " + key);
    }
  }
  if (!has_index) return refuse("Index definition must include a \"fields\" definition");
  return {};
}

}  // namespace

Status check_metadata_file(std::string_view path, BytesView content) {
  if (!names_index_file(path)) return refuse(tell_path(path));
  Json definition = Json::parse(content, nullptr, false);
  if (definition.is_null()) definition = Json::object();  // as Go reads it
  if (!definition.is_object()) return refuse(fmt::format("Index metadata file [{}] is not a valid JSON", path));
  if (auto good = check_definition(definition); !good) {
    return fail(good.error().within(fmt::format("Index metadata file [{}] is not a valid index definition", path)));
  }
  return {};
}

}  // namespace selvage::lifecycle
