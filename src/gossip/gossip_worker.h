// Gossip as the rest of the peer sees it: Core on a thread of its own, its streams, and its views.
//
//   Gossip gossip(settings, transport, {crypto, clock, random, metrics}, events);
//   gossip.add_to(server);           // before the server starts
//   gossip.start();
//   gossip.set_channel(config);      // joins, and follows its configurations
//
// All functions from any thread; none waits for the network. Events come on gossip's thread: hand work on.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/random.h"
#include "gossip/comm/transport_worker.h"
#include "gossip/outbox.h"
#include "gossip/peer_crypto.h"
#include "gossip/peer_view.h"
#include "gossip/settings.h"

namespace selvage::rpc {
class Server;
}

namespace selvage::gossip {

class Gossip {
 public:
  struct Parts {  // all outlive it
    const PeerCrypto& crypto;
    const Clock& clock;
    Random& random;
    metrics::Provider& metrics;
  };
  struct Events {
    // Remote state, private data, blocks: authenticated, of a peer that may read the channel.
    std::function<void(const Outbox::Arrival& arrival)> arrived;
    // With peer.gossip.useLeaderElection: this peer is to pull the channel's blocks, or is not any more.
    std::function<void(const std::string& channel, bool leader)> leadership;
  };
  Gossip(Settings settings, TransportSettings transport, Parts parts, Events events);
  ~Gossip();  // stop()

  void add_to(rpc::Server& server);
  void start();
  // No event comes after it. Stop the server first, so that no stream is opened. Twice is fine.
  void stop();

  void set_channel(ChannelConfig config);
  void leave_channel(const std::string& channel);
  void set_height(const std::string& channel, uint64_t height);
  void set_chaincodes(const std::string& channel, std::vector<ChaincodeInfo> chaincodes);
  void yield_leadership(const std::string& channel);
  void set_transfer_height(const std::string& channel, uint64_t height);
  // Is this the awaited answer to our request for blocks? Then state_taken() must follow.
  [[nodiscard]] bool take_state_answer(const ::gossip::GossipMessage& message, const Bytes& from);
  void state_taken(const std::string& channel, bool all_good);
  void pass_block_on(const MessagePtr& block, const Bytes& except);

  void send(const Target& to, ::gossip::GossipMessage message);
  // Sends with a nonce of its own. `done` comes once, on gossip's thread: with the answer (an acknowledgement, or a response
  // that bears the nonce), or kDeadlineExceeded after `timeout`.
  void ask(const Target& to, ::gossip::GossipMessage message, Milliseconds timeout,
           std::function<void(Result<MessagePtr> answer)> done);

  // Alive members of the channel, this peer not among them; empty when it was not joined.
  [[nodiscard]] std::vector<PeerInfo> peers_of_channel(const std::string& channel) const;
  // Alive members of whatever channel.
  [[nodiscard]] std::vector<PeerInfo> members() const;
  // This peer; state_info is empty when `channel` is, or was not joined.
  [[nodiscard]] PeerInfo self(const std::string& channel) const;
  // All identities that are known and valid, by PKI-id.
  [[nodiscard]] std::vector<std::pair<Bytes, Bytes>> identities() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace selvage::gossip
