// The peer's access control as system chaincode, chaincode-to-chaincode calls and the endorser ask for it.
#pragma once

#include <memory>

#include "chaincode/channels.h"
#include "chaincode/transaction.h"
#include "identity/msp.h"

namespace selvage::chaincode {

// By the ACLs of the channel's configuration in force, or Fabric's defaults; resources of the peer itself by its local
// MSP. The caller may come from another channel: it is judged by the MSPs of the channel it asks for. Texts are Fabric's.
// `channels` outlives the function.
[[nodiscard]] AccessCheck make_access_check(Channels& channels, std::shared_ptr<const identity::Msp> local);

}  // namespace selvage::chaincode
