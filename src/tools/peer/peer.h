// The peer program's commands, all but the node itself, which the caller brings.
#pragma once

#include <vector>

#include "tools/cobra.h"
#include "tools/terminal.h"

namespace selvage::tools::peer {

// Gives the exit code. `node_commands`: what comes under `peer node`; empty: there is no such branch.
[[nodiscard]] int run(const Arguments& arguments, Terminal terminal, std::vector<cobra::Command> node_commands);

}  // namespace selvage::tools::peer
