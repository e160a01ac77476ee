// Takes validated blocks of one channel into its ledger: MVCC, private data, commit hash, storage; then tells those who
// asked. Transactions are final when on_commit runs.
//
// Threads: commit() from one thread (the channel's commit loop); subscribe() from any.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "base/result.h"
#include "commit/private_source.h"
#include "ledger/ledger.h"
#include "ledger/state/rw_set.h"

namespace selvage::commit {

// What validation found out about one transaction.
struct ValidatedTransaction {
  uint8_t code = 254;                             // peer.TxValidationCode before MVCC
  std::string tx_id;                              // "" when unreadable
  int header_type = 0;                            // common.HeaderType
  std::shared_ptr<const ledger::TxRwSet> rw_set;  // of an endorser transaction; null: parsed here when needed
  std::string chaincode;                          // for metrics and events; may be empty
};

struct ValidatedBlock {
  std::shared_ptr<const ::common::Block> block;
  std::vector<ValidatedTransaction> transactions;  // one each
  double validation_seconds = 0;
  // Private data of transactions that are not valid is stored too, and applied to nothing (a capability of the channel).
  bool keeps_private_data_of_invalid = false;
};

struct CommittedTransaction {
  std::string tx_id;
  uint8_t code = 254;
  int header_type = 0;
};

struct CommitNotice {
  std::string channel;
  std::shared_ptr<const ::common::Block> block;  // with filter and commit hash
  std::vector<CommittedTransaction> transactions;
  std::vector<std::string> namespaces;           // public namespaces written by valid transactions, sorted
  const ledger::UpdateBatch* updates = nullptr;  // valid during the call
  bool config = false;                           // holds a valid CONFIG transaction
  struct Times {                                 // seconds, of this block
    double list_missing = 0;                     // finding out which private data should be here
    double store = 0;                            // block and private data
    double purge = 0;                            // the transient store
  } times;
};

// Which private collections concern this peer. Asked by the committer for every collection a valid transaction writes.
class CollectionAccess {
 public:
  virtual ~CollectionAccess() = default;
  // Whether this peer keeps the data.
  [[nodiscard]] virtual bool is_member(const std::string& chaincode, const std::string& collection,
                                   const ledger::StateView& view) const = 0;
};

class Subscription {
 public:
  virtual ~Subscription() = default;  // after it the function is not called any more, nor still running
};

class Committer {
 public:
  // All outlive the committer. Private data whose transaction did not come within `transient_blocks_max` blocks is
  // forgotten (peer.gossip.pvtData.transientstoreMaxBlockRetention).
  Committer(std::shared_ptr<ledger::Ledger> ledger, const CollectionAccess& access, metrics::Provider& metrics,
            uint64_t transient_blocks_max = 20000);
  ~Committer();

  // Asked for what the transient store lacks. Before the first commit(); outlives the committer. Null: nobody.
  void set_source(PrivateDataSource* source) { source_ = source; }

  // Whether the source is asked for private data of transactions that validation refused; otherwise it is recorded as
  // missing, to be reconciled later (peer.gossip.pvtData.skipPullingInvalidTransactionsDuringCommit). Before the first commit().
  void set_pull_invalid(bool pull) { pull_invalid_ = pull; }

  // kInvalidArgument: not the next block. Any other error: storage failed, the channel must stop.
  Status commit(ValidatedBlock block);

  // Called on the committing thread after the block is durable and readable, in the order of subscription. Be quick.
  using OnCommit = std::function<void(const CommitNotice&)>;
  [[nodiscard]] std::unique_ptr<Subscription> subscribe(OnCommit on_commit);

 private:
  struct Listeners;
  struct Instruments;
  // private_collector.cc. The seconds that the list of what should be here took.
  Result<double> collect_private_data(const ValidatedBlock& block, const Bytes& codes,
                                      const std::vector<std::shared_ptr<const ledger::TxRwSet>>& rw_sets,
                                      const ledger::StateView& view, ledger::BlockCommit& commit);

  std::shared_ptr<ledger::Ledger> ledger_;
  const CollectionAccess& access_;
  const uint64_t transient_blocks_max_;
  PrivateDataSource* source_ = nullptr;
  bool pull_invalid_ = true;
  std::unique_ptr<Instruments> instruments_;
  std::shared_ptr<Listeners> listeners_;
};

}  // namespace selvage::commit
