// In what two peers' copies of one block differ. Pure.
#pragma once

#include <optional>
#include <string>

#include "common/common.pb.h"

namespace selvage::tools::compare {

// nullopt: same header, same transactions, same validation codes, same commit hash. Otherwise one line for a human. What
// orderers signed may differ: not every peer got the block from the same one.
[[nodiscard]] std::optional<std::string> difference(const ::common::Block& one, const ::common::Block& other);

}  // namespace selvage::tools::compare
