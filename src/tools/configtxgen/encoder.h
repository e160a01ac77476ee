// A profile as the configuration tree of a channel.
//
// Reads certificate and MSP files that the profile names. Errors are one line: organisation or consenter, file, reason.
// Fabric quirk: internal/configtxgen/encoder.
#pragma once

#include "base/result.h"
#include "common/configtx.pb.h"
#include "tools/configtxgen/profile.h"

namespace selvage::tools::configtxgen {

// The root group, "Channel".
[[nodiscard]] Result<::common::ConfigGroup> make_channel_group(const Profile& profile);

[[nodiscard]] Result<::common::ConfigGroup> make_application_org(const Organization& organization);
[[nodiscard]] Result<::common::ConfigGroup> make_orderer_org(const Organization& organization,
                                                             const Capabilities& channel_capabilities);

}  // namespace selvage::tools::configtxgen
