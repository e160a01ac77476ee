#include "tools/kingpin.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <set>

namespace selvage::tools::kingpin {
namespace {

constexpr size_t kWidth = 80;
constexpr size_t kWideCell = 30;  // a first column this wide gets a line of its own

const Flag kHelp{"help", "Show context-sensitive help (also try --help-long and --help-man).", 0, "", false, true,
                 false};

std::vector<std::string> wrap(const std::string& text, size_t width) {
  std::vector<std::string> lines;
  std::string line;
  for (size_t i = 0; i < text.size();) {
    const size_t end = std::min(text.find(' ', i), text.size());
    const std::string word = text.substr(i, end - i);
    i = end + 1;
    if (word.empty()) continue;
    if (!line.empty() && line.size() + 1 + word.size() > width) {
      lines.push_back(line);
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  lines.push_back(line);
  return lines;
}

std::string upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

std::string with_value(const Flag& flag) {
  if (flag.is_switch) return "--" + flag.name;
  const bool plain = flag.number || flag.existing_file || flag.shown_bare;
  return "--" + flag.name + "=" +
         (flag.fallback.empty() ? upper(flag.name) : plain ? flag.fallback : "\"" + flag.fallback + "\"") +
         (flag.many ? " ..." : "");
}

// " --required=REQUIRED [<flags>]".
std::string summary(const std::vector<Flag>& flags, bool help_counts) {
  std::string text;
  bool optional = help_counts;
  for (const Flag& flag : flags) {
    if (flag.required) {
      text += " " + with_value(flag);
    } else {
      optional = true;
    }
  }
  return text + (optional ? " [<flags>]" : "");
}

std::string flag_table(const std::vector<Flag>& flags) {
  const bool letters = std::any_of(flags.begin(), flags.end(), [](const Flag& f) { return f.letter != 0; });
  std::vector<std::pair<std::string, std::string>> rows;
  for (const Flag& flag : flags) {
    std::string cell = flag.letter ? std::string("-") + flag.letter + ", " : letters ? "    " : "";
    rows.emplace_back(cell + with_value(flag), flag.help);
  }
  size_t column = 0;
  for (const auto& row : rows)
    if (row.first.size() < kWideCell) column = std::max(column, row.first.size());
  std::string text = "Flags:\n";
  const std::string indent = "  " + std::string(column + 2, ' ');
  for (const auto& [cell, help] : rows) {
    text += "  " + cell + std::string(cell.size() < column ? column - cell.size() : 0, ' ') + "  ";
    if (cell.size() >= kWideCell) text += "\n" + indent;
    const auto lines = wrap(help, kWidth - column - 4);
    for (size_t i = 0; i < lines.size(); ++i) text += (i > 0 ? indent : "") + lines[i] + "\n";
  }
  return text + "\n";
}

std::string command_list(const App& app, const std::string& prefix) {
  std::string text;
  if (prefix.empty()) text += "  help [<command>...]\n    Show help.\n\n";
  for (const Command& command : app.commands) {
    if (!command.name.starts_with(prefix)) continue;
    text += "  " + command.name + summary(command.flags, false) + "\n";
    for (const auto& line : wrap(command.help, kWidth - 4)) text += "    " + line + "\n";
    text += "\n";
  }
  return text + "\n";
}

// Help for the program, for a group of commands, or for one command.
std::string usage_of(const App& app, const Group* group, const Command* command) {
  std::vector<Flag> flags{kHelp};
  flags.insert(flags.end(), app.flags.begin(), app.flags.end());
  std::string text = "usage: " + app.name;
  std::string help = app.help;
  if (command != nullptr) {
    text += " " + command->name + summary(command->flags, false);
    help = command->help;
    flags.insert(flags.end(), command->flags.begin(), command->flags.end());
  } else if (group != nullptr) {
    text += " " + group->name + " <command> [<args> ...]";
    help = group->help;
  } else {
    text += summary(app.flags, true) + " <command> [<args> ...]";
  }
  text += "\n\n";
  for (const auto& line : wrap(help, kWidth)) text += line + "\n";
  text += "\n" + flag_table(flags);
  if (command == nullptr && group != nullptr) text += "Subcommands:\n" + command_list(app, group->name + " ");
  if (command == nullptr && group == nullptr) text += "Commands:\n" + command_list(app, "");
  return text;
}

tl::unexpected<Error> wrong(std::string text) { return fail(Code::kInvalidArgument, std::move(text)); }

class Parser {
 public:
  Parser(const App& app, const std::vector<std::string>& arguments) : app_(app), arguments_(arguments) {}

  Result<Parsed> run() {
    for (; at_ < arguments_.size() && !help_; ++at_) {
      const std::string& word = arguments_[at_];
      if (word.size() > 1 && word[0] == '-') {
        SELVAGE_CHECK(take_flag(word));
      } else {
        SELVAGE_CHECK(take_word(word));
      }
    }
    if (arguments_.empty() || help_) {
      parsed_.usage = usage_of(app_, group_, command_);
      return parsed_;
    }
    SELVAGE_CHECK(finish());
    return parsed_;
  }

 private:
  const Flag* find(const std::string& name, char letter) const {
    auto matches = [&](const Flag& flag) { return letter ? flag.letter == letter : flag.name == name; };
    if (matches(kHelp)) return &kHelp;
    for (const Flag& flag : app_.flags)
      if (matches(flag)) return &flag;
    if (command_ != nullptr)
      for (const Flag& flag : command_->flags)
        if (matches(flag)) return &flag;
    return nullptr;
  }

  selvage::Status take_flag(const std::string& word) {
    const bool is_long = word[1] == '-';
    const size_t equals = is_long ? word.find('=') : std::string::npos;
    const std::string name = is_long ? word.substr(2, equals == std::string::npos ? equals : equals - 2) : "";
    const std::string shown = is_long ? "--" + name : word.substr(0, 2);
    const Flag* flag = find(name, is_long ? '\0' : word[1]);
    if (flag == nullptr) return wrong(std::string("unknown ") + (is_long ? "long" : "short") + " flag '" + shown + "'");
    if (flag == &kHelp) {
      help_ = true;
      return {};
    }
    std::string value = "true";
    if (!flag->is_switch) {
      if (equals != std::string::npos) {
        value = word.substr(equals + 1);
      } else if (!is_long && word.size() > 2) {
        value = word.substr(2);
      } else if (at_ + 1 < arguments_.size() && (arguments_[at_ + 1].size() < 2 || arguments_[at_ + 1][0] != '-')) {
        value = arguments_[++at_];
      } else {
        return wrong("expected argument for flag '" + shown + "'");
      }
    }
    given_.emplace_back(flag, value);
    return {};
  }

  // After the whole line is known to be well-formed, in the order in which the flags were given.
  selvage::Status take_values() {
    for (const auto& [flag, value] : given_) {
      if (flag->existing_file && !std::ifstream(value))
        return wrong("open " + value + ": " + (errno == ENOENT ? "no such file or directory" : std::strerror(errno)));
      if (double number; flag->number) {
        const char* end = value.data() + value.size();
        const auto [rest, error] = std::from_chars(value.data(), end, number);
        if (error != std::errc() || rest != end)
          return wrong("strconv.ParseFloat: parsing \"" + value + "\": invalid syntax");
      }
      if (flag->many) {
        parsed_.lists[flag->name].push_back(value);
      } else {
        parsed_.values[flag->name] = value;
      }
    }
    return {};
  }

  selvage::Status take_word(const std::string& word) {
    if (command_ != nullptr) return wrong("unexpected " + word);
    if (words_.empty() && word == "help") {
      help_ = true;
      return {};
    }
    words_ += (words_.empty() ? "" : " ") + word;
    for (const Command& command : app_.commands)
      if (command.name == words_) command_ = &command;
    for (const Group& group : app_.groups)
      if (group.name == words_) group_ = &group;
    if (command_ == nullptr && (group_ == nullptr || group_->name != words_))
      return wrong("expected command but got \"" + word + "\"");
    return {};
  }

  selvage::Status finish() {
    if (command_ == nullptr)
      return group_ != nullptr ? wrong("must select a subcommand of '" + group_->name + "'")
                               : wrong("command not specified");
    SELVAGE_CHECK(take_values());
    parsed_.command = command_->name;
    for (const auto* flags : {&command_->flags, &app_.flags}) {
      for (const Flag& flag : *flags) {
        if (parsed_.values.contains(flag.name)) continue;
        if (flag.required) return wrong("required flag --" + flag.name + " not provided");
        if (!flag.fallback.empty()) parsed_.values[flag.name] = flag.fallback;
      }
    }
    return {};
  }

  const App& app_;
  const std::vector<std::string>& arguments_;
  size_t at_ = 0;
  std::string words_;
  const Group* group_ = nullptr;
  const Command* command_ = nullptr;
  bool help_ = false;
  std::vector<std::pair<const Flag*, std::string>> given_;
  Parsed parsed_;
};

}  // namespace

Result<Parsed> parse(const App& app, const std::vector<std::string>& arguments) { return Parser(app, arguments).run(); }

}  // namespace selvage::tools::kingpin
