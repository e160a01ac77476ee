// The config update that leads from one configuration of a channel to another: what `configtxlator compute_update`
// gives, and what an orderer then judges (config_update.h).
//
// Pure. Says nothing of whether anybody may make the change.
#pragma once

#include "base/result.h"
#include "common/configtx.pb.h"

namespace selvage::channel {

// Its channel_id is left empty. Elements that stay are named with their versions where their group's members change.
// kInvalidArgument: "no channel group included for original config", "no differences detected between original and
// updated config".
// Fabric quirk: internal/configtxlator/update/update.go. Policies compare as messages, values as bytes.
[[nodiscard]] Result<::common::ConfigUpdate> update_between(const ::common::Config& original,
                                                            const ::common::Config& updated);

}  // namespace selvage::channel
