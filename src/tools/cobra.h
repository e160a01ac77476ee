// Command lines in the style of Go's cobra, which the peer program has in Fabric: nested commands, flags before or
// after arguments, help on stdout, and after a wrong call the error and the usage on stderr.
//
// Not here: what commands do.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "tools/terminal.h"

namespace selvage::tools::cobra {

enum class Kind { kText, kSwitch, kNumber, kUnsigned, kDuration, kTexts };

struct Flag {
  std::string name;
  char letter = 0;  // 0: long form only
  Kind kind = Kind::kText;
  std::string help;
  std::string fallback;  // as typed: "3s", "true"
};

// One call of one command.
class Call {
 public:
  Call(Terminal terminal, std::string path) : terminal_(terminal), path_(std::move(path)) {}

  [[nodiscard]] std::string text(const std::string& flag) const;
  [[nodiscard]] bool flag(const std::string& flag) const;
  [[nodiscard]] int64_t number(const std::string& flag) const;
  [[nodiscard]] std::chrono::nanoseconds duration(const std::string& flag) const;
  [[nodiscard]] std::vector<std::string> texts(const std::string& flag) const;
  [[nodiscard]] bool given(const std::string& flag) const { return given_.contains(flag); }
  [[nodiscard]] const std::vector<std::string>& arguments() const { return arguments_; }
  [[nodiscard]] const std::string& path() const { return path_; }  // "peer channel join"
  [[nodiscard]] std::string name() const { return path_.substr(path_.rfind(' ') + 1); }
  [[nodiscard]] std::ostream& out() const { return terminal_.out; }
  // What goes wrong from here on is not a wrong call: no usage after the error.
  void silence_usage() { usage_ = false; }
  void show_usage() { usage_ = true; }

 private:
  friend class Runner;
  Terminal terminal_;
  std::string path_;
  std::map<std::string, std::vector<std::string>> given_;
  std::map<std::string, std::string> fallbacks_;
  std::vector<std::string> arguments_;
  bool usage_ = true;
};

struct Command {
  std::string use;  // "fetch <newest|oldest|config|(number)> [outputfile]"; the first word is its name
  std::string summary;
  std::string help;
  std::vector<Flag> flags;
  std::vector<Flag> persistent_flags;  // of this command and all below it
  std::vector<Command> commands;
  std::function<Status(Call&)> run;      // none: prints the help
  std::function<Status(Call&)> prepare;  // before run of this command and of all below it; outermost only
  bool bare_usage = false;               // no "[flags]" after its use
  [[nodiscard]] std::string name() const { return use.substr(0, use.find(' ')); }
};

// Finds and runs a command. A root with commands also has "help", "completion" and "__complete". The exit code: 0, or 1
// after "Error: ..." on stderr. An error without text is one that was told already.
[[nodiscard]] int run(const Command& root, const Arguments& arguments, Terminal terminal);

}  // namespace selvage::tools::cobra
