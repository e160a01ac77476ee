// A channel's configuration as discovery tells it: the MSPs, and where orderers are.
#pragma once

#include "base/result.h"
#include "discovery/protocol.pb.h"

namespace common {
class Config;
}

namespace selvage::discovery {

// Pure. Fabric quirk: discovery/support/config; errors are for the log, clients hear "failed fetching config for channel".
[[nodiscard]] Result<::discovery::ConfigResult> make_config_result(const ::common::Config& config);

}  // namespace selvage::discovery
