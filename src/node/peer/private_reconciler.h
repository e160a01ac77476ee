// Goes on looking for private data that blocks promised and did not bring, for as long as the peer runs.
#pragma once

#include <stop_token>
#include <thread>

#include "base/clock.h"
#include "gossip/metrics.h"
#include "node/peer/gossip_network.h"
#include "node/peer/peer_channels.h"
#include "node/peer/private_peers.h"

namespace selvage::node {

// A thread of its own, from start() until the stop token of its peers says stop.
class PrivateReconciler {
 public:
  struct Parts {  // all outlive it
    const PrivatePeers& peers;
    GossipNetwork& gossip;
    const Clock& clock;
    gossip::PrivateDataMetrics& metrics;
    std::chrono::nanoseconds interval;  // peer.gossip.pvtData.reconcileSleepInterval
    size_t batch;                       // peer.gossip.pvtData.reconcileBatchSize
    std::stop_token stopping;
  };
  explicit PrivateReconciler(Parts parts) : parts_(std::move(parts)) {}
  // `channels` outlives it.
  void start(PeerChannels& channels);
  // After its stop token said so.
  void join();

 private:
  void run(PeerChannels& channels);
  void reconcile(PeerChannel& channel);

  const Parts parts_;
  std::thread thread_;
};

}  // namespace selvage::node
