#include "tools/cryptogen/go_template.h"

namespace selvage::tools::cryptogen {
namespace {

constexpr const char* kSpace = " \t\r\n";

std::string trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

}  // namespace

Result<std::string> expand_template(const std::string& text, const std::map<std::string, std::string>& fields) {
  std::string out;
  size_t at = 0;
  bool trim_left = false;  // the action before ended with "-}}"
  for (;;) {
    const size_t open = text.find("{{", at);
    std::string literal = text.substr(at, open == std::string::npos ? open : open - at);
    if (trim_left) literal.erase(0, std::min(literal.find_first_not_of(kSpace), literal.size()));
    if (open == std::string::npos) return out + literal;
    const size_t close = text.find("}}", open + 2);
    if (close == std::string::npos)
      return fail(Code::kInvalidArgument, "Error parsing template: template: parse:1: unclosed action");
    std::string action = text.substr(open + 2, close - open - 2);
    if (action.starts_with("- ")) {
      action.erase(0, 2);
      literal.erase(literal.find_last_not_of(kSpace) + 1);
    }
    trim_left = action.ends_with(" -");
    if (trim_left) action.erase(action.size() - 2);
    out += literal;
    action = trimmed(action);
    if (action.size() < 2 || action[0] != '.' || action.find_first_of(" |().$\"", 1) != std::string::npos)
      return fail(Code::kInvalidArgument,
                  "Error parsing template: \"" + action + "\" in \"" + text + "\" is not of the form {{.Field}}");
    const auto field = fields.find(action.substr(1));
    if (field == fields.end())
      return fail(Code::kInvalidArgument,
                  "Error executing template: can't evaluate field " + action.substr(1) + " in \"" + text + "\"");
    out += field->second;
    at = close + 2;
  }
}

}  // namespace selvage::tools::cryptogen
