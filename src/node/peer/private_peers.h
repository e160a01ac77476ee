// Asks other peers for private data that this one lacks: who may have it, who is asked first, what is not worth asking for.
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "commit/private_source.h"
#include "gossip/metrics.h"
#include "node/peer/gossip_network.h"
#include "node/peer/peer_channels.h"
#include "peer/collection.pb.h"

namespace selvage::node {

// Any thread, after attach().
class PrivatePeers {
 public:
  struct Parts {  // all outlive it
    GossipNetwork& gossip;
    const Clock& clock;
    Random& random;
    gossip::PrivateDataMetrics& metrics;
    uint64_t btl_pull_margin;  // blocks: peer.gossip.pvtData.btlPullMargin
    std::stop_token stopping;  // nobody is asked any more
  };
  using Wanted = commit::WantedPrivateData;
  // Is this peer asked for the item before others?
  using Preference = std::function<bool(const Wanted&, const gossip::PeerInfo&)>;
  // What came for an item. False: it is not what was wanted, others are asked.
  using Found = std::function<bool(const Wanted&, const Bytes& rw_set)>;

  explicit PrivatePeers(Parts parts) : parts_(std::move(parts)) {}
  void attach(PeerChannels& channels) { channels_ = &channels; }

  // Peers of the channel whom the collection's policy admits.
  [[nodiscard]] std::vector<gossip::PeerInfo> members(const std::string& channel,
                                                      const ::protos::StaticCollectionConfig& config) const;
  // Removes what some peer has purged by its blockToLive, or will soon.
  void drop_purged(const std::string& channel, uint64_t block, std::vector<Wanted>& wanted, const ledger::StateView& view) const;
  // Who was a member when the data was written more likely has it than members that joined later, who may be asked too.
  // Removes what no definition of that time knows of.
  [[nodiscard]] Preference members_at(PeerChannel& channel, uint64_t block, std::vector<Wanted>& wanted) const;
  // Each item is asked of one member after the other, those that are preferred first, until it is found or all were asked.
  // What was found goes from `wanted`. Waits for the answers; `found` is called on this thread.
  void ask(const std::string& channel, uint64_t block, std::vector<Wanted>& wanted, const ledger::StateView& view,
           const Preference& is_preferred, const Found& found) const;

 private:
  const Parts parts_;
  PeerChannels* channels_ = nullptr;
};

}  // namespace selvage::node
