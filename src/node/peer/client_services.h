// What clients ask a peer besides endorsing and blocks: discovery, the gateway, commit status and chaincode events, joined to
// gossip, ledgers and the endorser.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "channel/bundle.h"
#include "config/core_settings.h"
#include "identity/posix_msp_directory.h"

namespace selvage::rpc {
class Server;
}

namespace selvage::node {

class Endorsement;
class GossipNetwork;
class PeerChannels;
class PeerTls;

class ClientServices {
 public:
  struct Parts {  // all outlive it
    const config::CoreSettings& core;
    const PeerTls& tls;
    const identity::LocalMsp& local;
    PeerChannels& channels;
    GossipNetwork& gossip;
    Endorsement& endorsement;
    Random& random;
    std::function<void(std::function<void()>)> post;  // soon, on a thread of a pool
  };
  explicit ClientServices(Parts parts);
  ~ClientServices();  // stop()

  // Those that core.yaml enables. Before the server starts, which it outlives.
  void add_to(rpc::Server& server);
  // A channel's configuration changed, or it was joined. Any thread.
  void config_changed(const channel::BundlePtr& bundle);
  // Ends what waits for commits; before the server is stopped.
  void end_streams();
  // Closes connections to other nodes; after the server was stopped. Twice is fine.
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace selvage::node
