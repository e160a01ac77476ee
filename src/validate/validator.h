// What becomes of each transaction of a block: its code before MVCC, as Fabric v2 channels decide it.
//
// A block is validated in two steps, so that the expensive one can run while the block before it is still being written:
// prepare() checks forms and signatures and needs the channel configuration only; finish() looks into state as of the
// block before: duplicate ids, chaincode definitions, endorsement policies, key-level parameters, config transactions.
//
// No I/O of its own. Who calls it: the peer's commit loop (node/peer). The block's signature and data hash are checked by
// whoever received it (deliver/pull). MVCC follows in commit/.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "channel/bundle.h"
#include "ledger/state/rw_set.h"
#include "ledger/state/state_view.h"
#include "plugin/plugins.h"

namespace common {
class Block;
}
namespace selvage::identity {
class SignatureMemory;
}

namespace selvage::validate {

// Calls work(0) ... work(count - 1), in any order and on any threads, and returns when all have returned. pool_worker.h
// makes one from a pool of threads.
using Parallel = std::function<void(size_t count, const std::function<void(size_t)>& work)>;
// On the calling thread.
[[nodiscard]] Parallel sequential();

// Whether the ledger holds a transaction of this id, valid or not.
using TxIdExists = std::function<Result<bool>(const std::string& tx_id)>;

struct TransactionResult {
  uint8_t code = 254;                             // protos.TxValidationCode
  std::string reason;                             // why it is invalid; for the log
  std::string tx_id;                              // of the header, or computed where that is empty; "" when unreadable
  int header_type = 0;                            // common.HeaderType
  std::string chaincode;                          // of an endorser transaction
  std::shared_ptr<const ledger::TxRwSet> rw_set;  // of an endorser transaction whose set could be read
};

struct BlockResult {
  std::vector<TransactionResult> transactions;  // one each
  channel::BundlePtr next_bundle;               // set when the block holds a config transaction: in force after it
  double seconds = 0;
};

// A block between the two steps. Holds on to block and bundle.
class PreparedBlock;

class Validator {
 public:
  // `signatures` (optional) spares signatures that this process made or has checked before; it outlives the validator.
  // `plugins`: the validation plugins that definitions may name; null: vscc alone.
  Validator(std::string channel_id, Parallel parallel, identity::SignatureMemory* signatures = nullptr,
            std::shared_ptr<const plugin::Plugins> plugins = nullptr);
  ~Validator();

  // Any thread; several blocks may be in preparation at once.
  [[nodiscard]] std::shared_ptr<const PreparedBlock> prepare(std::shared_ptr<const ::common::Block> block,
                                                             channel::BundlePtr bundle) const;
  // One block at a time, in order. Prepares again when `bundle` is of another configuration than the one that it was
  // prepared with. `state` is as of the block before.
  // An error means that no code can be given and the channel must stop: state unreadable, a config transaction that does
  // not follow, a capability that this program does not have. kAborted: a validation plugin is missing or gave no judgement;
  // Fabric quirk: gossip/state/state.go, the channel stops and the peer goes on.
  [[nodiscard]] Result<BlockResult> finish(std::shared_ptr<const PreparedBlock> block, const channel::BundlePtr& bundle,
                                           const ledger::StateView& state, const TxIdExists& exists);
  // Both steps.
  [[nodiscard]] Result<BlockResult> validate(std::shared_ptr<const ::common::Block> block, const channel::BundlePtr& bundle,
                                             const ledger::StateView& state, const TxIdExists& exists);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace selvage::validate
