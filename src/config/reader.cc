#include "config/reader.h"

#include <charconv>

namespace selvage::config {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

const char* kind_of(const Node& node) {
  switch (node.kind) {
    case Node::Kind::kList: return "a list";
    case Node::Kind::kMap: return "a group of settings";
    default: return "text";
  }
}

// An int in the forms that yaml and Go take: decimal, 0x, 0o, underscores.
std::optional<int64_t> parse_integer(std::string_view text) {
  std::string digits;
  for (char c : text) {
    if (c != '_') digits += c;
  }
  const bool negative = digits.starts_with('-');
  std::string_view rest = digits;
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  int base = 10;
  if (rest.starts_with("0x") || rest.starts_with("0X")) base = 16;
  if (rest.starts_with("0o") || rest.starts_with("0O")) base = 8;
  if (base != 10) rest.remove_prefix(2);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value, base);
  if (error != std::errc() || end != rest.data() + rest.size() || rest.empty()) return std::nullopt;
  return negative ? -value : value;
}

}  // namespace

const Node* Reader::take(std::string_view key) {
  read_.insert(lower(key));
  const Node* node = tree_.find(key);
  if (node == nullptr || node->kind == Node::Kind::kNull) return nullptr;
  // Plain "~" and "null" are nothing; in quotes they are text.
  if (node->kind == Node::Kind::kScalar && !node->quoted && !node->origin.file.empty() &&
      (node->text == "~" || node->text == "null" || node->text == "Null" || node->text == "NULL" || node->text.empty())) {
    return nullptr;
  }
  return node;
}

Origin Reader::origin(std::string_view key) const {
  const Node* node = tree_.find(key);
  if (node == nullptr) return Origin{std::string(key), tree_.file(), 0};
  return node->origin;
}

void Reader::refuse(std::string_view key, std::string_view what, std::string_view remedy) {
  errors_.push_back(Error{Code::kInvalidArgument, origin(key).to_string() + ": " + std::string(what), "", std::string(remedy)});
}

std::string Reader::text(std::string_view key, std::string fallback) {
  const Node* node = take(key);
  if (node == nullptr) return fallback;
  if (node->kind != Node::Kind::kScalar) {
    refuse(key, std::string("is ") + kind_of(*node) + " where one value is expected", "give it one value");
    return fallback;
  }
  return node->text;
}

bool Reader::flag(std::string_view key, bool fallback) {
  if (take(key) == nullptr) return fallback;
  const std::string given = text(key);
  const auto value = parse_bool(given);
  if (!value) refuse(key, "\"" + given + "\" is neither true nor false", "set it to true or false");
  return value.value_or(fallback);
}

int64_t Reader::number(std::string_view key, int64_t fallback, int64_t min, int64_t max) {
  if (take(key) == nullptr) return fallback;
  const std::string given = text(key);
  const auto value = parse_integer(given);
  if (!value || *value < min || *value > max) {
    refuse(key, "\"" + given + "\" is no whole number from " + std::to_string(min) + " to " + std::to_string(max),
           "set it to such a number");
    return fallback;
  }
  return *value;
}

double Reader::fraction(std::string_view key, double fallback) {
  if (take(key) == nullptr) return fallback;
  const std::string given = text(key);
  double value = 0;
  const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), value);
  if (error != std::errc() || end != given.data() + given.size()) {
    refuse(key, "\"" + given + "\" is no number", "set it to a number like 1.6");
    return fallback;
  }
  return value;
}

std::chrono::nanoseconds Reader::duration(std::string_view key, std::chrono::nanoseconds fallback) {
  if (take(key) == nullptr) return fallback;
  const std::string given = text(key);
  const auto value = parse_duration(given);
  if (!value) refuse(key, "\"" + given + "\" is no duration", "set it to a duration like 30s, 1m30s or 500ms");
  return value.value_or(fallback);
}

uint64_t Reader::bytes(std::string_view key, uint64_t fallback) {
  if (take(key) == nullptr) return fallback;
  const std::string given = text(key);
  const auto value = parse_bytes(given);
  if (!value) refuse(key, "\"" + given + "\" is no size", "set it to a size like 512 KB or 100 MB");
  return value.value_or(fallback);
}

std::vector<std::string> Reader::list(std::string_view key, std::vector<std::string> fallback) {
  const Node* node = take(key);
  if (node == nullptr) return fallback;
  if (node->kind == Node::Kind::kScalar) return parse_list(node->text);
  std::vector<std::string> out;
  for (const Node& item : node->items) {
    if (item.kind == Node::Kind::kScalar) out.push_back(item.text);
    else if (item.kind != Node::Kind::kNull) refuse(key, std::string("holds ") + kind_of(item), "list plain values");
  }
  if (node->kind == Node::Kind::kMap) refuse(key, "is a group of settings where a list is expected", "write it as a list");
  return out;
}

File Reader::path(std::string_view key, std::string fallback) {
  const std::string given = text(key, std::move(fallback));
  return File{tree_.absolute(given), origin(key)};
}

std::vector<File> Reader::paths(std::string_view key) {
  std::vector<File> out;
  for (const std::string& one : list(key)) out.push_back(File{tree_.absolute(one), origin(key)});
  return out;
}

std::vector<Node> Reader::records(std::string_view key) {
  const Node* node = take(key);
  accept(key);
  if (node == nullptr) return {};
  Node parsed;
  if (node->kind == Node::Kind::kScalar) {
    // Indented below a key, any yaml value, flow or block, is one field of a map.
    std::string below = "items:\n  ";
    for (char c : node->text) below += c == '\n' ? std::string("\n  ") : std::string(1, c);
    auto tree = Tree::parse(below, node->origin.to_string(), "", {});
    const Node* items = tree ? tree->find("items") : nullptr;
    if (items == nullptr) {
      refuse(key, "is no list in yaml", "write it as [{name: value, ...}, ...]");
      return {};
    }
    parsed = *items;
    node = &parsed;
  }
  if (node->kind != Node::Kind::kList) {
    refuse(key, "is no list", "write it as a list");
    return {};
  }
  for (const Node& item : node->items) {
    if (item.kind == Node::Kind::kMap) continue;
    refuse(key, "holds something else than groups of settings", "write each item as {name: value, ...}");
    return {};
  }
  return node->items;
}

void Reader::accept(std::string_view key) { read_.insert(lower(key) + ".*"); }

Status Reader::status() const {
  if (!errors_.empty()) return fail(errors_.front());
  return {};
}

Status Reader::status_exact() const {
  SELVAGE_CHECK(status());
  // Depth first in the file's order, so that the first mistake in the file is the one that is named.
  struct Walk {
    const std::set<std::string>& read;
    const std::string& file;
    Status check(const Node& node, const std::string& path) const {
      if (read.contains(path) || read.contains(path + ".*")) return {};
      if (node.kind == Node::Kind::kNull) return {};  // as in Fabric: a name with nothing behind it does no harm
      bool known_group = path.empty();
      for (const std::string& key : read) known_group = known_group || key.starts_with(path + ".");
      if (!known_group || node.kind != Node::Kind::kMap) {
        const size_t dot = node.origin.key.rfind('.');
        const std::string group = dot == std::string::npos ? "" : node.origin.key.substr(0, dot);
        const std::string name = dot == std::string::npos ? node.origin.key : node.origin.key.substr(dot + 1);
        return fail(Code::kInvalidArgument, "'" + group + "' has invalid keys: " + name,
                    file + ":" + std::to_string(node.origin.line), "remove that key or mend its spelling");
      }
      for (const auto& [name, value] : node.fields) SELVAGE_CHECK(check(value, path.empty() ? lower(name) : path + "." + lower(name)));
      return {};
    }
  };
  return Walk{read_, tree_.file()}.check(tree_.root(), "");
}

}  // namespace selvage::config
