#include "tools/cobra.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <ostream>
#include <utility>

#include "config/reader.h"
#include "tools/cobra_completion.h"

namespace selvage::tools::cobra {
namespace {

using Path = std::vector<const Command*>;  // root first

std::string path_text(const Path& path) {
  std::string text;
  for (const Command* command : path) text += (text.empty() ? "" : " ") + command->name();
  return text;
}

Flag help_flag(const Path& path) { return {"help", 'h', Kind::kSwitch, "help for " + path.back()->name(), ""}; }

const char* type_name(Kind kind) {
  switch (kind) {
    case Kind::kText:
      return " string";
    case Kind::kNumber:
      return " int";
    case Kind::kUnsigned:
      return " uint";
    case Kind::kDuration:
      return " duration";
    case Kind::kTexts:
      return " stringArray";
    default:
      return "";
  }
}

std::string flag_table(std::vector<Flag> flags) {
  std::sort(flags.begin(), flags.end(), [](const Flag& a, const Flag& b) { return a.name < b.name; });
  std::vector<std::string> cells;
  size_t width = 0;
  for (const Flag& flag : flags) {
    cells.push_back((flag.letter ? std::string("  -") + flag.letter + ", --" : "      --") + flag.name +
                    type_name(flag.kind));
    width = std::max(width, cells.back().size());
  }
  std::string text;
  for (size_t i = 0; i < flags.size(); ++i) {
    text += cells[i] + std::string(width - cells[i].size() + 3, ' ') + flags[i].help;
    if (!flags[i].fallback.empty() && flags[i].fallback != "false") {
      const char* quote = flags[i].kind == Kind::kText ? "\"" : "";
      text += " (default " + (quote + flags[i].fallback + quote) + ")";
    }
    text += "\n";
  }
  return text;
}

std::vector<Flag> local_flags(const Path& path) {
  std::vector<Flag> flags = path.back()->flags;
  flags.insert(flags.end(), path.back()->persistent_flags.begin(), path.back()->persistent_flags.end());
  flags.push_back(help_flag(path));
  return flags;
}

std::vector<Flag> inherited_flags(const Path& path) {
  std::vector<Flag> flags;
  for (size_t i = 0; i + 1 < path.size(); ++i)
    flags.insert(flags.end(), path[i]->persistent_flags.begin(), path[i]->persistent_flags.end());
  return flags;
}

std::string usage(const Path& path, bool with_flags = true) {
  const Command& command = *path.back();
  const std::string name = path_text(path);
  std::string text = "Usage:\n";
  if (command.run) text += "  " + path_text(Path(path.begin(), path.end() - 1)) + " " + command.use +
                           (command.bare_usage ? "\n" : " [flags]\n");
  if (!command.commands.empty()) {
    text += "  " + name + " [command]\n\nAvailable Commands:\n";
    std::vector<const Command*> sorted;
    size_t width = 11;
    for (const Command& below : command.commands) {
      sorted.push_back(&below);
      width = std::max(width, below.name().size());
    }
    std::sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) { return a->name() < b->name(); });
    for (const Command* below : sorted)
      text += "  " + below->name() + std::string(width - below->name().size() + 1, ' ') + below->summary + "\n";
  }
  if (with_flags) text += "\nFlags:\n" + flag_table(local_flags(path));
  if (const auto inherited = inherited_flags(path); !inherited.empty())
    text += "\nGlobal Flags:\n" + flag_table(inherited);
  if (!command.commands.empty())
    text += "\nUse \"" + name + " [command] --help\" for more information about a command.\n";
  return text;
}

std::string help(const Path& path) {
  const Command& command = *path.back();
  const std::string text = command.help.empty() ? command.summary : command.help;
  return (text.empty() ? "" : text + "\n\n") + usage(path);
}

// How many letters must be changed, added or removed.
size_t distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t changed = diagonal + (std::tolower(a[i - 1]) != std::tolower(b[j - 1]));
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
    }
  }
  return row[b.size()];
}

tl::unexpected<Error> wrong(std::string text) { return fail(Code::kInvalidArgument, std::move(text)); }

// What a value must look like.
Status check_value(const Flag& flag, const std::string& shown, const std::string& value) {
  const std::string invalid = "invalid argument \"" + value + "\" for \"" + shown + "\" flag: ";
  if (flag.kind == Kind::kNumber) {
    int64_t number = 0;
    const auto read = std::from_chars(value.data(), value.data() + value.size(), number);
    if (read.ec != std::errc() || read.ptr != value.data() + value.size())
      return wrong(invalid + "strconv.ParseInt: parsing \"" + value + "\": invalid syntax");
  }
  if (flag.kind == Kind::kUnsigned) {
    uint64_t number = 0;
    const auto read = std::from_chars(value.data(), value.data() + value.size(), number);
    if (read.ec != std::errc() || read.ptr != value.data() + value.size())
      return wrong(invalid + "strconv.ParseUint: parsing \"" + value + "\": " +
                   (read.ec == std::errc::result_out_of_range ? "value out of range" : "invalid syntax"));
  }
  if (flag.kind == Kind::kDuration && !config::parse_duration(value))
    return wrong(invalid + "time: invalid duration \"" + value + "\"");
  if (flag.kind == Kind::kSwitch && !config::parse_bool(value))
    return wrong(invalid + "strconv.ParseBool: parsing \"" + value + "\": invalid syntax");
  return {};
}

}  // namespace

class Runner {
 public:
  Runner(const Command& root, const Arguments& arguments, Terminal terminal)
      : arguments_(arguments), terminal_(terminal), path_{&root} {}

  int run() {
    const size_t at = find_command();
    Call call(terminal_, path_text(path_));
    if (auto parsed = parse(at, call); !parsed) return told(call, parsed.error());
    const Command& command = *path_.back();
    if (path_.size() == 2 && command.name() == "help" && !call.given("help")) return help_on(call.arguments_);
    if (path_.size() == 1 && !call.arguments_.empty()) {
      terminal_.err << "Error: unknown command \"" << call.arguments_[0] << "\" for \"" << command.name() << "\"\n"
                    << suggestions(call.arguments_[0]) << "Run '" << command.name() << " --help' for usage.\n";
      return 1;
    }
    if (call.given("help") || !command.run) {
      terminal_.out << help(path_);
      return 0;
    }
    for (const Command* above : path_) {
      if (!above->prepare) continue;
      if (auto done = above->prepare(call); !done) return told(call, done.error());
      break;
    }
    if (auto done = command.run(call); !done) return told(call, done.error());
    return 0;
  }

 private:
  // "help channel join".
  int help_on(const std::vector<std::string>& words) {
    Path path{path_.front()};
    for (const std::string& word : words) {
      const auto& below = path.back()->commands;
      const auto found = std::find_if(below.begin(), below.end(), [&](const Command& c) { return c.name() == word; });
      if (found == below.end()) {
        if (path.size() > 1) break;
        std::string shown;
        for (const std::string& each : words) shown += (shown.empty() ? "`" : " `") + each + "`";
        terminal_.err << "Unknown help topic [" << shown << "]\n" << usage(path, false);
        return 0;
      }
      path.push_back(&*found);
    }
    terminal_.out << help(path);
    return 0;
  }

  // Commands that may have been meant: one typing mistake or two away, or longer.
  [[nodiscard]] std::string suggestions(const std::string& typed) const {
    std::string text;
    for (const Command& command : path_.front()->commands)
      if (distance(typed, command.name()) <= 2 || command.name().starts_with(typed))
        text += "\t" + command.name() + "\n";
    return text.empty() ? "" : "\nDid you mean this?\n" + text + "\n";
  }

  // Walks down while words name commands; flags may stand between them. Gives the index of the first word left.
  size_t find_command() {
    for (size_t i = 0; i < arguments_.size(); ++i) {
      const std::string& word = arguments_[i];
      if (word.size() > 1 && word[0] == '-') {
        if (word == "--") break;
        if (takes_next(word)) ++i;
        continue;
      }
      const auto& below = path_.back()->commands;
      const auto found = std::find_if(below.begin(), below.end(), [&](const Command& c) { return c.name() == word; });
      if (found == below.end()) break;
      path_.push_back(&*found);
      command_words_.push_back(i);
    }
    return 0;
  }

  const Flag* find(const std::string& name, char letter) {
    known_ = local_flags(path_);
    const auto inherited = inherited_flags(path_);
    known_.insert(known_.end(), inherited.begin(), inherited.end());
    for (const Flag& flag : known_)
      if (letter ? flag.letter == letter : flag.name == name) return &flag;
    return nullptr;
  }

  bool takes_next(const std::string& word) {
    const bool is_long = word[1] == '-';
    if (word.find('=') != std::string::npos || (!is_long && word.size() > 2)) return false;
    const Flag* flag = find(is_long ? word.substr(2) : "", is_long ? '\0' : word[1]);
    return flag != nullptr && flag->kind != Kind::kSwitch;
  }

  Status parse(size_t at, Call& call) {
    for (const Flag& flag : local_flags(path_)) call.fallbacks_[flag.name] = flag.fallback;
    for (const Flag& flag : inherited_flags(path_)) call.fallbacks_[flag.name] = flag.fallback;
    bool flags_ended = false;
    for (size_t i = at; i < arguments_.size(); ++i) {
      const std::string& word = arguments_[i];
      if (std::find(command_words_.begin(), command_words_.end(), i) != command_words_.end()) continue;
      if (flags_ended || word.size() < 2 || word[0] != '-') {
        call.arguments_.push_back(word);
      } else if (word == "--") {
        flags_ended = true;
      } else {
        SELVAGE_CHECK(parse_flag(word, i, call));
      }
    }
    return {};
  }

  Status parse_flag(const std::string& word, size_t& i, Call& call) {
    const bool is_long = word[1] == '-';
    const size_t equals = word.find('=');
    const std::string name = is_long ? word.substr(2, equals == std::string::npos ? equals : equals - 2) : "";
    const Flag* flag = find(name, is_long ? '\0' : word[1]);
    if (flag == nullptr)
      return is_long ? wrong("unknown flag: --" + name)
                     : wrong(std::string("unknown shorthand flag: '") + word[1] + "' in " + word);
    const std::string shown = (flag->letter ? std::string("-") + flag->letter + ", " : "") + "--" + flag->name;
    std::string value = "true";
    if (is_long && equals != std::string::npos) {
      value = word.substr(equals + 1);
    } else if (!is_long && word.size() > 2 && flag->kind != Kind::kSwitch) {
      value = word.substr(word[2] == '=' ? 3 : 2);
    } else if (!is_long && word.size() > 3 && word[2] == '=') {
      value = word.substr(3);
    } else if (flag->kind != Kind::kSwitch) {
      if (i + 1 == arguments_.size())
        return wrong(is_long ? "flag needs an argument: --" + name
                             : std::string("flag needs an argument: '") + word[1] + "' in " + word);
      value = arguments_[++i];
    }
    SELVAGE_CHECK(check_value(*flag, shown, value));
    auto& values = call.given_[flag->name];
    if (flag->kind != Kind::kTexts) values.clear();
    values.push_back(value);
    return {};
  }

  int told(const Call& call, const Error& error) {
    if (error.message.empty()) return 1;
    terminal_.err << "Error: " << to_string(error) << "\n";
    if (call.usage_) terminal_.err << usage(path_) << "\n";
    return 1;
  }

  const Arguments& arguments_;
  Terminal terminal_;
  Path path_;
  std::vector<size_t> command_words_;
  std::vector<Flag> known_;
};

std::string Call::text(const std::string& flag) const {
  if (const auto found = given_.find(flag); found != given_.end()) return found->second.back();
  const auto fallback = fallbacks_.find(flag);
  return fallback == fallbacks_.end() ? "" : fallback->second;
}

bool Call::flag(const std::string& flag) const { return config::parse_bool(text(flag)).value_or(false); }

int64_t Call::number(const std::string& flag) const {
  const std::string value = text(flag);
  int64_t number = 0;
  (void)std::from_chars(value.data(), value.data() + value.size(), number);
  return number;
}

std::chrono::nanoseconds Call::duration(const std::string& flag) const {
  return config::parse_duration(text(flag)).value_or(std::chrono::nanoseconds(0));
}

std::vector<std::string> Call::texts(const std::string& flag) const {
  const auto found = given_.find(flag);
  return found == given_.end() ? std::vector<std::string>{} : found->second;
}

int run(const Command& root, const Arguments& arguments, Terminal terminal) {
  if (root.commands.empty()) return Runner(root, arguments, terminal).run();
  Command whole = root;
  whole.commands.push_back(completion_command(root.name()));
  whole.commands.push_back(help_command(root.name()));
  if (!arguments.empty() && (arguments[0] == "__complete" || arguments[0] == "__completeNoDesc"))
    return complete(whole, {arguments.begin() + 1, arguments.end()}, arguments[0] == "__complete", terminal);
  return Runner(whole, arguments, terminal).run();
}

}  // namespace selvage::tools::cobra
