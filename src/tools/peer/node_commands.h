// `peer node reset | rollback | pause | resume | rebuild-dbs | unjoin | upgrade-dbs`: what an operator does to a peer that
// is off.
//
// Fabric quirk: internal/peer/node.
#pragma once

#include <vector>

#include "tools/cobra.h"

namespace selvage::tools::peer {

[[nodiscard]] std::vector<cobra::Command> offline_node_commands();

}  // namespace selvage::tools::peer
