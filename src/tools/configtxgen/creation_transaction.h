// The transaction that once created a channel, for scripts that still make one. No orderer of v3 takes it: channels are
// created by `osnadmin channel join` with their first block.
//
// Fabric quirk: internal/configtxgen/encoder (MakeChannelCreationTransaction).
#pragma once

#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "common/common.pb.h"
#include "tools/configtxgen/profile.h"

namespace selvage::tools::configtxgen {

// Unsigned. "cannot define a new channel with no Consortium value" and so on.
[[nodiscard]] Result<::common::Envelope> make_creation_transaction(const std::string& channel_id,
                                                                   const Profile& profile, SystemTime now);

}  // namespace selvage::tools::configtxgen
