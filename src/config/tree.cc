#include "config/tree.h"

#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "base/bytes.h"
#include "base/utf8.h"

extern char** environ;

namespace selvage::config {
namespace {

constexpr size_t kNodesMax = 1u << 16;  // aliases of aliases can make a small file huge
constexpr int kDepthMax = 100;
constexpr size_t kFileBytesMax = 16u << 20;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool same(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

tl::unexpected<Error> bad_file(const std::string& file, int line, const std::string& what) {
  return fail(Code::kInvalidArgument, file + (line > 0 ? ":" + std::to_string(line) : "") + ": " + what, "",
              "mend the yaml at that line");
}

// yaml-cpp's nodes -> ours, merge keys resolved.
class Converter {
 public:
  explicit Converter(std::string file) : file_(std::move(file)) {}

  Result<Node> convert(const YAML::Node& from, const std::string& path, int depth) {
    Node node;
    node.origin = Origin{path, file_, from.Mark().line + 1};
    if (depth > kDepthMax || ++count_ > kNodesMax) return bad_file(file_, node.origin.line, "nested too deep or too large");
    if (from.IsScalar()) {
      node.kind = Node::Kind::kScalar;
      node.text = from.Scalar();
      node.quoted = from.Tag() == "!";
    } else if (from.IsSequence()) {
      node.kind = Node::Kind::kList;
      for (const auto& item : from) {
        SELVAGE_TRY(Node made, convert(item, path, depth + 1));
        node.items.push_back(std::move(made));
      }
    } else if (from.IsMap()) {
      node.kind = Node::Kind::kMap;
      SELVAGE_CHECK(convert_map(from, path, depth, &node));
    }
    return node;
  }

 private:
  Status convert_map(const YAML::Node& from, const std::string& path, int depth, Node* node) {
    std::set<std::string> own;
    std::vector<YAML::Node> merges;
    for (const auto& field : from) {
      if (!field.first.IsScalar()) return bad_file(file_, field.first.Mark().line + 1, "a key must be plain text");
      const std::string name = field.first.Scalar();
      if (name == "<<" && field.first.Tag() != "!") {
        if (field.second.IsSequence()) {
          for (const auto& merged : field.second) merges.push_back(merged);
        } else {
          merges.push_back(field.second);
        }
        continue;
      }
      if (!own.insert(name).second) {
        return bad_file(file_, field.first.Mark().line + 1, "mapping key \"" + name + "\" already defined");
      }
      SELVAGE_TRY(Node made, convert(field.second, path.empty() ? name : path + "." + name, depth + 1));
      // The line of the key: that of an empty value or an alias is elsewhere.
      made.origin.line = field.first.Mark().line + 1;
      node->fields.push_back({name, std::move(made)});
    }
    // What the map itself says wins, then the merges in their order.
    for (const YAML::Node& merge : merges) {
      if (!merge.IsMap()) return bad_file(file_, merge.Mark().line + 1, "map merge requires map or sequence of maps as the value");
      SELVAGE_TRY(Node merged, convert(merge, path, depth + 1));
      for (auto& [name, value] : merged.fields) {
        if (own.insert(name).second) node->fields.push_back({name, std::move(value)});
      }
    }
    return {};
  }

  std::string file_;
  size_t count_ = 0;
};

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = lower(c);
  return out;
}

// Plain where yaml reads it back as the same text, else in double quotes.
std::string scalar_text(const Node& node) {
  bool plain = !node.text.empty() && node.text.find(": ") == std::string::npos && node.text.find(" #") == std::string::npos;
  for (char c : node.text) plain = plain && c >= 0x20 && c != '"' && c != '\\';
  if (plain && std::string_view("&*?|-<>=!%@`{}[],'# ").find(node.text[0]) == std::string_view::npos) return node.text;
  return "\"" + escape(node.text, SIZE_MAX) + "\"";
}

void print(const Node& node, size_t indent, std::string* out) {
  const std::string margin(indent, ' ');
  if (node.kind == Node::Kind::kMap) {
    std::map<std::string, const Node*> sorted;
    for (const auto& [name, value] : node.fields) sorted.emplace(lower_case(name), &value);
    for (const auto& [name, value] : sorted) {
      *out += margin + name + ":";
      const bool secret = name == "pin" || name == "password";
      if (secret && value->kind == Node::Kind::kScalar && !value->text.empty()) {
        *out += " \"***\"\n";
      } else if (value->kind == Node::Kind::kScalar) {
        *out += " " + scalar_text(*value) + "\n";
      } else if (value->kind == Node::Kind::kNull) {
        *out += " null\n";
      } else if (value->items.empty() && value->fields.empty()) {
        *out += value->kind == Node::Kind::kMap ? " {}\n" : " []\n";
      } else {
        *out += "\n";
        print(*value, indent + 4, out);
      }
    }
    return;
  }
  for (const Node& item : node.items) {
    if (item.kind == Node::Kind::kScalar) {
      *out += margin + "- " + scalar_text(item) + "\n";
      continue;
    }
    std::string below;
    print(item, indent + 2, &below);
    if (below.size() > indent) below[indent] = '-';
    *out += below;
  }
}

std::string variable_of(const std::string& prefix, std::string_view key) {
  std::string out = prefix + "_";
  for (char c : key) out += c == '.' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return out;
}

// Counted from 1; 0: there is none. As Go's yaml, which knows UTF-16 by its mark.
int line_without_utf8(std::string_view yaml) {
  if (yaml.starts_with("\xff\xfe") || yaml.starts_with("\xfe\xff") || is_utf8(yaml)) return 0;
  int number = 1;
  for (size_t end = 0; (end = yaml.find('\n')) != std::string_view::npos && is_utf8(yaml.substr(0, end)); ++number) {
    yaml.remove_prefix(end + 1);
  }
  return number;
}

}  // namespace

Environment process_environment() {
  Environment out;
  for (char** at = environ; at != nullptr && *at != nullptr; ++at) {
    const std::string_view pair = *at;
    const size_t equals = pair.find('=');
    if (equals != std::string_view::npos) out.emplace(pair.substr(0, equals), pair.substr(equals + 1));
  }
  return out;
}

const Node* Node::find(std::string_view name) const {
  for (const auto& [key, value] : fields) {
    if (key == name) return &value;
  }
  for (const auto& [key, value] : fields) {
    if (same(key, name)) return &value;
  }
  return nullptr;
}

Result<std::string> find_file(std::string_view name, const Environment& environment, bool look_further) {
  std::vector<std::string> folders;
  const auto given = environment.find("FABRIC_CFG_PATH");
  const bool is_given = given != environment.end() && !given->second.empty();
  std::error_code ignored;
  if (is_given) {
    if (!look_further && !std::filesystem::is_directory(given->second, ignored)) {
      return fail(Code::kNotFound, "FABRIC_CFG_PATH " + given->second + " does not exist", "",
                  "set FABRIC_CFG_PATH to the folder that holds " + std::string(name) + ".yaml");
    }
    folders.push_back(given->second);
  }
  if (!is_given || look_further) {
    folders.emplace_back(".");
    folders.emplace_back("/etc/hyperledger/fabric");
  }
  std::string looked;
  for (const std::string& folder : folders) {
    for (const char* extension : {".yaml", ".yml"}) {
      const std::string file = (std::filesystem::path(folder) / (std::string(name) + extension)).lexically_normal();
      if (std::filesystem::is_regular_file(file, ignored)) return file;
    }
    looked += (looked.empty() ? "" : " ") + folder;
  }
  return fail(Code::kNotFound, "Config File \"" + std::string(name) + "\" Not Found in \"[" + looked + "]\"", "",
              "set FABRIC_CFG_PATH to the folder that holds " + std::string(name) + ".yaml");
}

struct Tree::State {
  Node root;
  std::string file;
  std::string prefix;
  std::map<std::string, Node> variables;  // those of our prefix that are not empty

  // Environment over the file, for all that the file names.
  void overlay(Node* node, const std::string& path) {
    for (auto& [name, value] : node->fields) {
      const std::string key = path.empty() ? name : path + "." + name;
      if (const auto found = variables.find(variable_of(prefix, key)); found != variables.end()) {
        value = found->second;
      } else if (value.kind == Node::Kind::kMap) {
        overlay(&value, key);
      }
    }
  }
};

Result<Tree> Tree::parse(std::string_view yaml, std::string file, std::string prefix, const Environment& environment) {
  Tree tree;
  tree.state_ = std::make_shared<State>();
  State& state = *tree.state_;
  state.file = file;
  state.prefix = std::move(prefix);
  if (const int line = line_without_utf8(yaml); line != 0) {
    return bad_file(file, line, "not valid yaml: holds bytes that are no UTF-8");
  }
  try {
    const YAML::Node document = YAML::Load(std::string(yaml));
    SELVAGE_TRY(state.root, Converter(file).convert(document, "", 0));
  } catch (const YAML::Exception& error) {
    return bad_file(file, error.mark.is_null() ? 0 : error.mark.line + 1, "not valid yaml: " + escape(error.msg));
  }
  if (state.root.kind != Node::Kind::kMap && state.root.kind != Node::Kind::kNull) {
    return bad_file(file, 1, "holds no settings");
  }
  state.root.kind = Node::Kind::kMap;
  if (!state.prefix.empty()) {
    for (const auto& [name, value] : environment) {
      if (value.empty() || !name.starts_with(state.prefix + "_")) continue;
      Node node;
      node.kind = Node::Kind::kScalar;
      node.text = value;
      node.origin = Origin{name, "", 0};
      state.variables.emplace(name, std::move(node));
    }
    state.overlay(&state.root, "");
  }
  return tree;
}

Result<Tree> Tree::load(const std::string& file, std::string prefix, const Environment& environment) {
  std::ifstream in(file, std::ios::binary);
  std::error_code ignored;
  if (!in) {
    return fail(Code::kNotFound, "cannot read " + file, "", "check that it exists and may be read by this user");
  }
  if (std::filesystem::file_size(file, ignored) > kFileBytesMax) return bad_file(file, 0, "too large for a configuration file");
  std::ostringstream text;
  text << in.rdbuf();
  return parse(text.str(), file, std::move(prefix), environment);
}

const Node* Tree::find(std::string_view key) const {
  if (!state_->prefix.empty()) {
    const auto found = state_->variables.find(variable_of(state_->prefix, key));
    if (found != state_->variables.end()) return &found->second;
  }
  const Node* at = &state_->root;
  while (at != nullptr && !key.empty()) {
    const size_t dot = key.find('.');
    at = at->find(key.substr(0, dot));
    key = dot == std::string_view::npos ? std::string_view() : key.substr(dot + 1);
  }
  return at;
}

bool Tree::is_set(std::string_view key) const {
  const Node* node = find(key);
  return node != nullptr && node->kind != Node::Kind::kNull;
}

const Node& Tree::root() const { return state_->root; }
const std::string& Tree::file() const { return state_->file; }

std::string Tree::absolute(const std::string& path) const {
  if (path.empty() || path[0] == '/') return path;
  return (std::filesystem::path(state_->file).parent_path() / path).lexically_normal();
}

std::string Tree::to_yaml() const {
  std::string out;
  print(state_->root, 0, &out);
  return out;
}

std::string Tree::variable(std::string_view key) const { return variable_of(state_->prefix, key); }

}  // namespace selvage::config
