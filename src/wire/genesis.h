// The first block of a channel, made of its configuration.
#pragma once

#include <string_view>

#include "base/clock.h"
#include "base/random.h"
#include "common/common.pb.h"

namespace common {
class ConfigGroup;
}

namespace selvage::wire {

// Block 0: one unsigned CONFIG envelope at sequence 0. Fabric quirk: common/genesis/genesis.go.
[[nodiscard]] ::common::Block make_genesis_block(std::string_view channel_id,
                                                 const ::common::ConfigGroup& channel_group, SystemTime now,
                                                 Random& random);

}  // namespace selvage::wire
