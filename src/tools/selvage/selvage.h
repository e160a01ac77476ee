// The selvage program: what Fabric has no command for.
#pragma once

#include "tools/terminal.h"

namespace selvage::tools::selvage_program {

// Gives the exit code.
[[nodiscard]] int run(const Arguments& arguments, Terminal terminal);

}  // namespace selvage::tools::selvage_program
