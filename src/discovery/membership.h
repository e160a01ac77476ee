// What discovery must know of the network and of this peer's channels; node/peer plugs in gossip and the ledgers. All safe
// from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "gossip/message.pb.h"
#include "lifecycle/definition.h"

namespace selvage::channel {
class Bundle;
}

namespace selvage::discovery {

struct InstalledChaincode {
  std::string name;
  std::string version;  // the sequence of its definition, as gossip tells it
};

// A peer, with the messages that it signed itself: they are passed on unchanged, and clients check them.
struct Peer {
  Bytes pki_id;
  Bytes identity;  // msp.SerializedIdentity
  std::string mspid;
  std::string endpoint;            // external; a peer without one is told to nobody
  std::string preferred_endpoint;  // what we ourselves dial
  ::gossip::Envelope alive;        // without the secret part
  ::gossip::Envelope state_info;   // empty in a view of no channel
  uint64_t height = 0;
  std::vector<InstalledChaincode> chaincodes;
};

class Membership {
 public:
  virtual ~Membership() = default;
  // Alive peers of the channel, ourselves included; empty when we have not joined it.
  [[nodiscard]] virtual std::vector<Peer> peers_of(const std::string& channel) = 0;
  // Alive peers of whatever channel, ourselves included.
  [[nodiscard]] virtual std::vector<Peer> peers() = 0;
};

struct ChannelState {
  std::shared_ptr<const channel::Bundle> bundle;  // null: not joined
  // The newest committed definition of a chaincode. kNotFound when there is none.
  std::function<Result<std::shared_ptr<const lifecycle::Definition>>(const std::string& chaincode)> definition;
};
class Channels {
 public:
  virtual ~Channels() = default;
  [[nodiscard]] virtual ChannelState find(const std::string& channel) = 0;
};

}  // namespace selvage::discovery
