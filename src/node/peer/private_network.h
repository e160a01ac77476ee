// Private data between peers: given to members before an endorsement is given out, taken from members when a block promises
// what we lack, and answered to members that ask.
//
// Only members ever get any: who a member is says the collection's policy, held against the identity that the other end of
// the connection proved. Values are never logged.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/random.h"
#include "commit/private_source.h"
#include "config/core_settings.h"
#include "endorse/endorser.h"
#include "node/peer/gossip_network.h"
#include "node/peer/peer_channels.h"

namespace selvage::node {

class PrivateNetwork final : public commit::PrivateDataSource {
 public:
  struct Parts {  // all outlive it
    GossipNetwork& gossip;
    std::string mspid;
    const Clock& clock;
    Random& random;
    metrics::Provider& metrics;
  };
  PrivateNetwork(const config::CoreSettings& core, Parts parts);
  ~PrivateNetwork() override;

  // Before anything else; `channels` outlives it.
  void attach(PeerChannels& channels);
  // Looks for what blocks promised and did not bring, every peer.gossip.pvtData.reconcileSleepInterval.
  void start();
  // What waits for other peers gives up; nothing is asked for any more. Any thread.
  void stop();

  // endorse::Disseminate
  [[nodiscard]] Status disseminate(const std::string& channel, const std::string& txid,
                                   const ::transientstore::TxPvtReadWriteSetWithConfigInfo& writes, uint64_t height);

  // commit::PrivateDataSource
  void fetch(const std::string& channel, uint64_t block, std::vector<commit::WantedPrivateData> wanted,
             const ledger::StateView& view,
             const std::function<bool(const commit::WantedPrivateData&, const Bytes&)>& found) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace selvage::node
