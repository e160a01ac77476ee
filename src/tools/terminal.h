// What every tool has: its streams, its version banner, and files read and written whole.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace selvage::tools {

// Tools write to these and never to std::cout, so that tests can look.
struct Terminal {
  std::ostream& out;
  std::ostream& err;
};

using Arguments = std::vector<std::string>;  // without the program's name

// "cryptogen:\n Version: ...\n", the form in which each of Fabric's tools answers `version`.
[[nodiscard]] std::string version_banner(const std::string& program);

// Errors have Go's words: "open <path>: no such file or directory".
[[nodiscard]] Result<Bytes> read_file(const std::string& path);
// Replaces the file. `mode` applies where it is new. Makes no folders.
[[nodiscard]] Status write_file(const std::string& path, BytesView content, unsigned mode = 0644);
// With all folders above it.
[[nodiscard]] Status make_folder(const std::string& path, unsigned mode = 0755);
[[nodiscard]] bool exists(const std::string& path);

}  // namespace selvage::tools
