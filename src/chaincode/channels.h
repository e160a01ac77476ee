// The peer's channels as chaincode sees them. Implemented in node/peer. Safe from any thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace common {
class Block;
}
namespace selvage::channel {
class Bundle;
}
namespace selvage::ledger {
class Ledger;
class TxSimulator;
}  // namespace selvage::ledger

namespace selvage::chaincode {

class Channel {
 public:
  virtual ~Channel() = default;
  [[nodiscard]] virtual std::shared_ptr<const channel::Bundle> bundle() const = 0;
  [[nodiscard]] virtual ledger::Ledger& ledger() = 0;
  // Of the newest committed state; collections.h makes it.
  [[nodiscard]] virtual std::unique_ptr<ledger::TxSimulator> new_simulator(const std::string& txid) = 0;
};

class Channels {
 public:
  virtual ~Channels() = default;
  // Null when this peer has not joined the channel.
  [[nodiscard]] virtual std::shared_ptr<Channel> find(const std::string& channel_id) = 0;
  [[nodiscard]] virtual std::vector<std::string> names() const = 0;  // sorted
  // Joins by genesis block: makes the ledger, commits the block, starts delivery. `block` is a config block that cscc
  // has checked. Errors: Fabric's text ("cannot create ledger from genesis block: ledger [x] already exists ...").
  virtual Status join(const std::string& channel_id, const common::Block& block) = 0;
};

}  // namespace selvage::chaincode
