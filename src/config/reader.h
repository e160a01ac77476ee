// Reads typed values out of a Tree into plain structs and keeps the first thing that is wrong:
//
//   Reader read(tree);
//   settings.port = read.number("General.ListenPort", 7050);
//   settings.tls.certificate = read.path("General.TLS.Certificate", "tls/server.crt");
//   SELVAGE_CHECK(read.status());
//
// A missing or null value gives the default. For one use by one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/tree.h"

namespace selvage::config {

// A file named by a setting. `path` is absolute or relative to the working folder; empty: not set.
struct File {
  std::string path;
  Origin origin;
};

// Go's duration syntax ("1.5h", "300ms", "-2m30s"); a bare number counts nanoseconds, as in Go.
[[nodiscard]] std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text);
// "98 MB", "512KB", "1g", "1048576": powers of 1024, case-insensitive.
[[nodiscard]] std::optional<uint64_t> parse_bytes(std::string_view text);
// Go's strconv.ParseBool.
[[nodiscard]] std::optional<bool> parse_bool(std::string_view text);
// "[a, b]", "a,b" and "a b".
[[nodiscard]] std::vector<std::string> parse_list(std::string_view text);

class Reader {
 public:
  explicit Reader(const Tree& tree) : tree_(tree) {}

  [[nodiscard]] std::string text(std::string_view key, std::string fallback = "");
  [[nodiscard]] bool flag(std::string_view key, bool fallback = false);
  [[nodiscard]] int64_t number(std::string_view key, int64_t fallback, int64_t min, int64_t max);
  [[nodiscard]] int64_t number(std::string_view key, int64_t fallback) { return number(key, fallback, 0, INT32_MAX); }
  [[nodiscard]] double fraction(std::string_view key, double fallback);
  [[nodiscard]] std::chrono::nanoseconds duration(std::string_view key, std::chrono::nanoseconds fallback);
  [[nodiscard]] uint64_t bytes(std::string_view key, uint64_t fallback);
  [[nodiscard]] std::vector<std::string> list(std::string_view key, std::vector<std::string> fallback = {});
  // Files; relative ones relative to the folder of the yaml.
  [[nodiscard]] File path(std::string_view key, std::string fallback = "");
  [[nodiscard]] std::vector<File> paths(std::string_view key);
  // A list of maps; an environment variable holds it as yaml text. The whole subtree counts as read.
  [[nodiscard]] std::vector<Node> records(std::string_view key);
  // Counts a subtree as read, whatever it holds.
  void accept(std::string_view key);

  // Where the value of a key comes from; for a key that is not set, the key itself in the yaml file.
  [[nodiscard]] Origin origin(std::string_view key) const;
  // Adds an error of the caller's own: "<setting>: <what is wrong>; <remedy>".
  void refuse(std::string_view key, std::string_view what, std::string_view remedy);

  // The first error (kInvalidArgument), if any.
  [[nodiscard]] Status status() const;
  // The same, and an error for each key of the tree that nobody asked for: orderer.yaml's exact unmarshalling.
  [[nodiscard]] Status status_exact() const;

 private:
  [[nodiscard]] const Node* take(std::string_view key);
  const Tree& tree_;
  std::set<std::string> read_;  // lower case
  std::vector<Error> errors_;
};

}  // namespace selvage::config
