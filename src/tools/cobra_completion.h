// Shell completion as cobra's programs have it: `<program> completion <shell>` prints a script, and the script asks
// `<program> __complete <words>` for candidates.
//
// The scripts are ours; the answers of __complete are cobra's, so that scripts of upstream's programs work with ours.
#pragma once

#include <string>

#include "tools/cobra.h"

namespace selvage::tools::cobra {

// "completion", with bash, zsh, fish and powershell below it.
[[nodiscard]] Command completion_command(const std::string& program);
// "help", whose work run() does.
[[nodiscard]] Command help_command(const std::string& program);

// One candidate a line, with a tab and its description, then ":4" (no files) or ":0" (files, as the shell likes).
// `words`: what was typed after the program's name; the last is to be completed.
[[nodiscard]] int complete(const Command& root, const Arguments& words, bool descriptions, Terminal terminal);

}  // namespace selvage::tools::cobra
