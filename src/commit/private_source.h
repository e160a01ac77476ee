// Where private data of a block comes from when the transient store does not have it: other peers.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace selvage::ledger {
class StateView;
}

namespace selvage::commit {

// One collection's writes of one transaction, promised by their hash.
struct WantedPrivateData {
  uint64_t transaction = 0;  // place in the block
  std::string tx_id;
  std::string ns, collection;
  Bytes hash;                     // SHA-256 of the write set
  std::vector<Bytes> endorsers;   // identities: they have had it
};

class PrivateDataSource {
 public:
  virtual ~PrivateDataSource() = default;
  // Asks for all of it, and again for what is left, for as long as the settings say (peer.gossip.pvtData.pullRetryThreshold).
  // `found` is called with a write set, whose hash it compares: true when it was the right one. Waits; called on the
  // committing thread. `view` is the state before the block.
  virtual void fetch(const std::string& channel, uint64_t block, std::vector<WantedPrivateData> wanted,
                     const ledger::StateView& view,
                     const std::function<bool(const WantedPrivateData& wanted, const Bytes& rw_set)>& found) = 0;
};

}  // namespace selvage::commit
