// A yaml file with the environment over it, by viper's rules: what core.yaml, orderer.yaml and configtx.yaml mean.
//
// Rules: keys are case-insensitive; `<<` merges and anchors work; a non-empty environment variable
// <PREFIX>_<KEY IN UPPER CASE, DOTS AS UNDERSCORES> wins over the file, for keys the file does not name as well. Every
// value knows its Origin. Not here: what the keys mean (core_settings.h, orderer_settings.h) and defaults.
//
// Immutable after load; safe from any thread. Errors are one line: setting, file, remedy.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/origin.h"
#include "base/result.h"

namespace selvage::config {

using Environment = std::map<std::string, std::string>;
[[nodiscard]] Environment process_environment();

struct Field;

// One value of a tree, the environment already applied below it.
struct Node {
  enum class Kind { kNull, kScalar, kList, kMap };
  Kind kind = Kind::kNull;
  std::string text;                                 // of a scalar
  bool quoted = false;                              // a scalar in quotes is text, never a number or null
  std::vector<Node> items;                          // of a list
  std::vector<Field> fields;                        // of a map: keys as typed, in the file's order, merges applied
  Origin origin;

  // A field of a map by case-insensitive name; null when there is none or this is no map.
  [[nodiscard]] const Node* find(std::string_view name) const;
};

struct Field {
  std::string name;
  Node value;
};

// Where `<name>.yaml` is: in FABRIC_CFG_PATH when that is set, else "." and then /etc/hyperledger/fabric. kNotFound says
// which folders were looked at and what to set.
// Fabric quirk: common/viperutil/config_util.go: orderer and configtxgen look in "." and /etc/hyperledger/fabric
// (`look_further`) even when FABRIC_CFG_PATH is set; core/config/config.go: the peer does not.
[[nodiscard]] Result<std::string> find_file(std::string_view name, const Environment& environment,
                                            bool look_further = false);

class Tree {
 public:
  // `prefix`: "CORE", "ORDERER", "CONFIGTX"; empty: no environment.
  [[nodiscard]] static Result<Tree> load(const std::string& file, std::string prefix, const Environment& environment);
  // The same from text; `file` is for origins and relative paths.
  [[nodiscard]] static Result<Tree> parse(std::string_view yaml, std::string file, std::string prefix,
                                          const Environment& environment);

  // By dotted path, "peer.tls.cert.file". Null when neither file nor environment sets it. Owned by the tree.
  [[nodiscard]] const Node* find(std::string_view key) const;
  // As find, but null nodes count as unset too (viper's IsSet on "key:" with nothing behind).
  [[nodiscard]] bool is_set(std::string_view key) const;
  [[nodiscard]] const Node& root() const;
  [[nodiscard]] const std::string& file() const;
  // Relative paths in the file mean: relative to the folder the file is in. Empty stays empty.
  [[nodiscard]] std::string absolute(const std::string& path) const;
  // All of it as yaml, keys in lower case and sorted, for one log line at start. What is secret by its name (pin, password)
  // is "***".
  [[nodiscard]] std::string to_yaml() const;
  // "CORE_PEER_TLS_CERT_FILE": what to set to override a key.
  [[nodiscard]] std::string variable(std::string_view key) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace selvage::config
