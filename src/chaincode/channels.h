// The peer's channels as chaincode sees them. Implemented in node/peer. Safe from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "chaincode/transaction.h"
#include "common/common.pb.h"
#include "common/ledger.pb.h"
#include "peer/transaction.pb.h"

namespace selvage::ledger {
class StateReader;
}

namespace selvage::chaincode {

class Channel {
 public:
  virtual ~Channel() = default;
  [[nodiscard]] virtual std::shared_ptr<const channel::Bundle> bundle() const = 0;
  [[nodiscard]] virtual Result<std::unique_ptr<ledger::TxSimulator>> new_simulator(const std::string& txid) = 0;
  // Null when the history database is off. Lives as long as the channel.
  [[nodiscard]] virtual ledger::HistoryReader* history() = 0;

  // For qscc and cscc. Errors carry the ledger's text, which is put behind "error " on the wire.
  [[nodiscard]] virtual Result<common::BlockchainInfo> info() = 0;
  [[nodiscard]] virtual Result<std::shared_ptr<const common::Block>> block(uint64_t number) = 0;
  [[nodiscard]] virtual Result<std::shared_ptr<const common::Block>> block_by_hash(BytesView hash) = 0;
  [[nodiscard]] virtual Result<std::shared_ptr<const common::Block>> block_by_txid(const std::string& txid) = 0;
  [[nodiscard]] virtual Result<protos::ProcessedTransaction> transaction(const std::string& txid) = 0;
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
