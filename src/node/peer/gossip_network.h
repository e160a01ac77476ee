// Gossip joined to the rest of the peer: channels and their configurations, ledger heights, the chaincodes that we run,
// blocks given to neighbours and taken from them, and who pulls from the ordering service.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/random.h"
#include "config/core_settings.h"
#include "gossip/gossip_worker.h"
#include "identity/posix_msp_directory.h"
#include "node/peer/peer_channels.h"
#include "node/peer/peer_tls.h"

namespace selvage::rpc {
class Server;
}

namespace selvage::node {

class GossipNetwork {
 public:
  struct Parts {  // all outlive it
    const PeerTls& tls;
    const identity::LocalMsp& local;
    const Clock& clock;
    Random& random;
    metrics::Provider& metrics;
  };
  GossipNetwork(const config::CoreSettings& core, Parts parts);
  ~GossipNetwork();  // stop()

  // Whether a channel's blocks are pulled from its start; with leader election they are once this peer is elected.
  [[nodiscard]] bool leads_at_start() const;
  // Whether who pulls is elected: a leader that reaches no orderer then gives way to another.
  [[nodiscard]] bool elects_leaders() const;

  // Private data and requests for it; on gossip's thread, before start() to be set.
  void on_private(std::function<void(const gossip::Outbox::Arrival& arrival)> arrived);
  // Before start(). `channels` outlives it.
  void attach(PeerChannels& channels);
  void add_to(rpc::Server& server);
  void start();
  // After the server was stopped. Twice is fine.
  void stop();

  // The channel's configuration in force: joins it, and follows it.
  void config_changed(channel::BundlePtr bundle);
  void committed(const std::string& channel, uint64_t height);
  // What this peer can run on the channel; `_lifecycle` is added.
  void set_chaincodes(const std::string& channel, std::vector<gossip::ChaincodeInfo> chaincodes);

  // Views for discovery, gateway and private data.
  [[nodiscard]] gossip::Gossip& gossip();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// From core.yaml's values.
[[nodiscard]] gossip::Settings gossip_settings(const config::CoreSettings& core);
// What a configuration says to gossip.
[[nodiscard]] gossip::ChannelConfig gossip_channel(const channel::Bundle& bundle);

}  // namespace selvage::node
