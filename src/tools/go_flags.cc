#include "tools/go_flags.h"

#include <algorithm>

namespace selvage::tools::go_flags {

std::string Parsed::text(const std::string& name) const {
  const auto found = values.find(name);
  return found == values.end() ? "" : found->second;
}

Result<Parsed> parse(const std::vector<Flag>& flags, const std::vector<std::string>& arguments) {
  Parsed parsed;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (word.size() < 2 || word[0] != '-') {
      parsed.rest.assign(arguments.begin() + static_cast<ptrdiff_t>(i), arguments.end());
      break;
    }
    if (word == "--") {
      parsed.rest.assign(arguments.begin() + static_cast<ptrdiff_t>(i) + 1, arguments.end());
      break;
    }
    std::string name = word.substr(word[1] == '-' ? 2 : 1);
    if (name.empty() || name[0] == '-' || name[0] == '=')
      return fail(Code::kInvalidArgument, "bad flag syntax: " + word);
    const size_t equals = name.find('=');
    const bool has_value = equals != std::string::npos;
    std::string value = has_value ? name.substr(equals + 1) : "";
    if (has_value) name.erase(equals);
    const auto flag = std::find_if(flags.begin(), flags.end(), [&](const Flag& f) { return f.name == name; });
    if (flag == flags.end()) {
      if (name == "help" || name == "h") {
        parsed.help = true;
        return parsed;
      }
      return fail(Code::kInvalidArgument, "flag provided but not defined: -" + name);
    }
    if (flag->is_switch) {
      if (!has_value) value = "true";
      if (value != "true" && value != "false" && value != "1" && value != "0")
        return fail(Code::kInvalidArgument, "invalid boolean value \"" + value + "\" for -" + name + ": parse error");
      if (value == "1") value = "true";
    } else if (!has_value) {
      if (i + 1 == arguments.size()) return fail(Code::kInvalidArgument, "flag needs an argument: -" + name);
      value = arguments[++i];
    }
    parsed.values[name] = value;
  }
  return parsed;
}

std::string usage(const std::string& program, std::vector<Flag> flags) {
  std::sort(flags.begin(), flags.end(), [](const Flag& a, const Flag& b) { return a.name < b.name; });
  std::string text = "Usage of " + program + ":\n";
  for (const Flag& flag : flags)
    text += "  -" + flag.name + (flag.is_switch ? "" : " string") + "\n    \t" + flag.help + "\n";
  return text;
}

}  // namespace selvage::tools::go_flags
