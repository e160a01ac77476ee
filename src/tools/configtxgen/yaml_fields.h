// Reads the fields of one yaml map and refuses those that nobody asked for.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/reader.h"
#include "config/tree.h"

namespace selvage::tools::configtxgen {

// The first error of a whole file; shared by all YamlFields made for it.
class YamlErrors {
 public:
  void refuse(const Origin& origin, const std::string& what);
  [[nodiscard]] Status status() const;

 private:
  std::optional<Error> first_;
};

// For one map; null and missing count as a map without fields. The node must outlive it.
class YamlFields {
 public:
  YamlFields(const config::Node* map, YamlErrors& errors);

  [[nodiscard]] bool has(const char* key) const;  // and not null
  [[nodiscard]] std::string text(const char* key);
  [[nodiscard]] uint64_t number(const char* key, uint64_t max);
  [[nodiscard]] uint32_t size(const char* key);  // "10 MB" or a number
  [[nodiscard]] bool flag(const char* key);
  [[nodiscard]] std::vector<std::string> texts(const char* key);
  [[nodiscard]] std::vector<const config::Node*> items(const char* key);
  [[nodiscard]] const config::Node* map(const char* key);
  // Every field of a map below, whatever its name.
  [[nodiscard]] std::vector<std::pair<std::string, const config::Node*>> fields(const char* key);
  void ignore(const char* key);
  // Call last: refuses the rest.
  void done();

 private:
  const config::Node* take(const char* key);
  const config::Node* map_;
  YamlErrors& errors_;
  std::set<std::string> taken_;  // lower case
};

}  // namespace selvage::tools::configtxgen
