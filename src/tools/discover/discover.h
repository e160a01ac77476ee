// discover: asks a peer's discovery service for peers, configuration and endorsers, and prints JSON.
#pragma once

#include "tools/terminal.h"

namespace selvage::tools::discover {

// The exit code.
int run(const Arguments& arguments, Terminal terminal);

}  // namespace selvage::tools::discover
