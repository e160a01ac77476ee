// `cscc`: joins channels, lists them, hands out their configuration.
//
// JoinChain, GetChannels, GetConfigBlock, GetChannelConfig. Joining by snapshot is answered with an error that says so.
#pragma once

#include <memory>

#include "chaincode/channels.h"
#include "chaincode/system/system_chaincode.h"

namespace selvage::chaincode {

// `channels` outlives the chaincode.
[[nodiscard]] std::unique_ptr<SystemChaincode> make_cscc(Channels& channels, AccessCheck access);

}  // namespace selvage::chaincode
