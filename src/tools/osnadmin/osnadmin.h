// The osnadmin program: channels of one orderer, over its admin listener.
#pragma once

#include "tools/terminal.h"

namespace selvage::tools::osnadmin {

// Gives the exit code. Fabric quirk: cmd/osnadmin/main.go.
[[nodiscard]] int run(const Arguments& arguments, Terminal terminal);

}  // namespace selvage::tools::osnadmin
