// Asks the neighbours for blocks that we lack, when they are ahead of us: one request of a batch at a time, from a peer that
// has them, again from another one when no answer comes.
//
// Pure; one thread. Blocks are not looked at here: whoever commits verifies each one against the channel's configuration.
// Fabric quirk: gossip/state/state.go.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "gossip/view/channel_view.h"
#include "gossip/settings.h"

namespace selvage::gossip {

class StateTransfer {
 public:
  StateTransfer(const StateSettings& settings, std::string channel, Random& random, SteadyTime now);

  struct Request {
    Bytes pki_id;  // whom to ask
    std::string endpoint;
    ::gossip::GossipMessage message;
  };
  // Time has passed. `height`: blocks that we have, those on their way to the ledger included.
  [[nodiscard]] std::optional<Request> tick(uint64_t height, const std::vector<ChannelView::Peer>& peers, SteadyTime now);
  // Is this the answer that we wait for? Then its blocks may be taken; nothing more is asked for until taken().
  [[nodiscard]] bool take_answer(const ::gossip::GossipMessage& message, const Bytes& from, SteadyTime now);
  // The blocks of the answer were handed on, or one of them was no good.
  void taken(bool all_good, SteadyTime now);
  // A neighbour is ahead: look now and not at the next interval.
  void hurry(SteadyTime now) {
    if (!waiting_ && next_ != SteadyTime::max()) next_ = now;
  }
  [[nodiscard]] SteadyTime next() const { return next_; }

  // What a request may ask for: in order, and not more than a batch. Go's words.
  [[nodiscard]] static Status check_request(const ::gossip::RemoteStateRequest& request, uint64_t batch_blocks);

 private:
  const StateSettings settings_;
  const std::string channel_;
  Random& random_;
  SteadyTime next_;
  struct Waiting {
    uint64_t nonce;
    Bytes peer;
  };
  std::optional<Waiting> waiting_;
  int tries_ = 0;
};

}  // namespace selvage::gossip
