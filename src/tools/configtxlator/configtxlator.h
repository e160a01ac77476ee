// The configtxlator program: configuration as JSON and back, and the update between two configurations; as commands on
// files and as a small REST server.
//
// Fabric quirk: cmd/configtxlator.
#pragma once

#include "tools/terminal.h"

namespace selvage::tools::configtxlator {

// Gives the exit code. `start` does not come back unless it cannot listen.
[[nodiscard]] int run(const Arguments& arguments, Terminal terminal);

}  // namespace selvage::tools::configtxlator
