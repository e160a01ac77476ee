// What the state machines want done, as data: messages to send, connections to make and to close, and what came for parts of
// the peer that read ledgers.
#pragma once

#include <string>
#include <vector>

#include "gossip/comm/handshake.h"
#include "gossip/message.h"

namespace selvage::gossip {

// A peer as the transport finds it. An empty PKI-id: whoever answers there. An empty endpoint: only over a connection that
// is there.
struct Target {
  Bytes pki_id;
  std::string endpoint;
};

struct Outbox {
  struct Send {
    Target to;
    MessagePtr message;
  };
  // Authenticated, and of a peer that may be in the channel that it names.
  struct Arrival {
    SenderPtr from;
    MessagePtr message;
  };
  struct Leadership {
    std::string channel;
    bool leader = false;
  };
  std::vector<Send> sends;
  std::vector<std::string> dials;  // endpoints; Core::dialled() says how it went
  std::vector<Bytes> closes;       // PKI-ids
  std::vector<Arrival> arrivals;   // remote state, private data, acknowledgements, blocks
  std::vector<Leadership> leaderships;

  void send(Target to, MessagePtr message) { sends.push_back({std::move(to), std::move(message)}); }
};

}  // namespace selvage::gossip
