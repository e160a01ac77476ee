// What DeliverFiltered sends of a block: channel, number, and of each transaction its id, type, code and the names of its
// events. Pure.
//
// Fabric quirk: core/peer/deliverevents.go (toFilteredBlock)
#pragma once

#include "base/result.h"

namespace common {
class Block;
}
namespace protos {
class FilteredBlock;
}

namespace selvage::node {

// kInvalidArgument when a transaction does not parse, as then Fabric sends no block either.
[[nodiscard]] Result<::protos::FilteredBlock> make_filtered_block(const ::common::Block& block);

}  // namespace selvage::node
