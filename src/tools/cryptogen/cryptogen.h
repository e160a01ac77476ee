// The cryptogen program: key material for a network that is tried out or tested.
#pragma once

#include "tools/terminal.h"

namespace selvage::tools::cryptogen {

// Gives the exit code. Fabric quirk: cmd/cryptogen/main.go.
[[nodiscard]] int run(const Arguments& arguments, Terminal terminal);

}  // namespace selvage::tools::cryptogen
