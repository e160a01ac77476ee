// What happens to the private write sets of a transaction before its endorsement is given out.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "endorse/endorser.h"

namespace selvage::endorse {

// Adds the collections' configurations to `private_rw_set` (bytes of rwset.TxPvtReadWriteSet), hands it to other peers
// through `disseminate`, and keeps it in the channel's transient store until its block comes. Without `disseminate` a
// collection whose requiredPeerCount is above zero refuses the transaction, as Go does when it knows of no eligible peer.
[[nodiscard]] Status keep_private_data(Channel& channel, const std::string& txid, const Bytes& private_rw_set,
                                       const ledger::TxSimulator& simulator, const Disseminate& disseminate);

}  // namespace selvage::endorse
