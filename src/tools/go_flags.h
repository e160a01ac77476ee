// Command lines in the style of Go's flag package, which configtxgen has in Fabric: -name value, -name=value, --name.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"

namespace selvage::tools::go_flags {

struct Flag {
  std::string name;
  std::string help;
  bool is_switch = false;
};

struct Parsed {
  std::map<std::string, std::string> values;  // "true" for switches
  std::vector<std::string> rest;              // from the first word that is no flag
  bool help = false;
  [[nodiscard]] std::string text(const std::string& name) const;  // empty when not given
};

// Errors: kInvalidArgument with Go's words ("flag provided but not defined: -x"); exit code 2 after the usage.
[[nodiscard]] Result<Parsed> parse(const std::vector<Flag>& flags, const std::vector<std::string>& arguments);
// "Usage of <program>:\n  -name string\n    \thelp\n", flags by name.
[[nodiscard]] std::string usage(const std::string& program, std::vector<Flag> flags);

}  // namespace selvage::tools::go_flags
