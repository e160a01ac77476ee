// Command lines in the style of Go's kingpin, which cryptogen and osnadmin have in Fabric: "--name=value", "-n value",
// nested commands, and the same help text and errors, because scripts compare them.
//
// Pure: prints nothing. Not here: the peer's style (tools/peer/cobra.h) and Go's plain flags (go_flags.h).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"

namespace selvage::tools::kingpin {

struct Flag {
  std::string name;
  std::string help;
  char letter = 0;       // 0: long form only
  std::string fallback;  // shown as --name="fallback"
  bool required = false;
  bool is_switch = false;      // takes no value
  bool existing_file = false;  // the value must be a file that can be opened
  bool number = false;         // the value must be one
  bool many = false;           // may be given again; see Parsed::lists
  bool shown_bare = false;     // its fallback is shown without quotes, as those of numbers and files are
};

struct Command {
  std::string name;  // "generate", "channel join"
  std::string help;
  std::vector<Flag> flags;
};

// A first word that has commands below it: "channel".
struct Group {
  std::string name;
  std::string help;
};

struct App {
  std::string name;
  std::string help;
  std::vector<Flag> flags;  // valid with every command
  std::vector<Group> groups;
  std::vector<Command> commands;
};

struct Parsed {
  std::string command;                        // empty when `usage` is to be shown
  std::map<std::string, std::string> values;  // flags that were given or have a fallback; "true" for switches
  std::map<std::string, std::vector<std::string>> lists;  // flags that may be given again
  std::string usage;                          // text for stderr, exit code 0
};

// Errors: kInvalidArgument with kingpin's words ("unknown long flag '--bogus'"), without program name and "try --help".
[[nodiscard]] Result<Parsed> parse(const App& app, const std::vector<std::string>& arguments);

}  // namespace selvage::tools::kingpin
