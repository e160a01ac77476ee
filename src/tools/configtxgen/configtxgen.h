// The configtxgen program: genesis blocks from configtx.yaml, and blocks shown as JSON.
#pragma once

#include "tools/terminal.h"

namespace selvage::tools::configtxgen {

// Gives the exit code. `program`: as typed, for the usage. Progress goes to the log, as in Fabric.
// Fabric quirk: cmd/configtxgen/main.go.
[[nodiscard]] int run(const std::string& program, const Arguments& arguments, Terminal terminal);

}  // namespace selvage::tools::configtxgen
