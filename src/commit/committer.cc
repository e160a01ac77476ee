#include "commit/committer.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <set>
#include <thread>

#include "base/log.h"
#include "commit/mvcc.h"
#include "common/common.pb.h"
#include "ledger/block_reading.h"
#include "ledger/state/commit_hash.h"
#include "peer/transaction.pb.h"
#include "wire/marshal.h"

namespace selvage::commit {
namespace {

const log::Logger& logger() {
  static const log::Logger logger("kvledger");
  return logger;
}
const log::Logger& private_logger() {
  static const log::Logger logger("gossip.privdata");
  return logger;
}
const log::Logger& validation_logger() {
  static const log::Logger logger("validation");
  return logger;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}
long milliseconds(double seconds) { return static_cast<long>(seconds * 1000); }

std::string code_name(uint8_t code) {
  const std::string name = ::protos::TxValidationCode_Name(static_cast<::protos::TxValidationCode>(code));
  return name.empty() ? std::to_string(code) : name;
}

std::string type_name(int header_type) {
  if (header_type < 0) return "unknown";
  const std::string name = ::common::HeaderType_Name(static_cast<::common::HeaderType>(header_type));
  return name.empty() ? std::to_string(header_type) : name;
}

metrics::Options metric(const char* name, const char* help) {
  metrics::Options options;
  options.name_space = "ledger";
  options.name = name;
  options.help = help;
  options.label_names = {"channel"};
  options.statsd_format = "%{#fqname}.%{channel}";
  options.buckets = {0.005, 0.01, 0.015, 0.05, 0.1, 1, 10};
  return options;
}

metrics::Options transaction_metric() {
  metrics::Options options = metric("transaction_count", "Number of transactions processed.");
  options.label_names = {"channel", "transaction_type", "chaincode", "validation_code"};
  options.statsd_format = "%{#fqname}.%{channel}.%{transaction_type}.%{chaincode}.%{validation_code}";
  options.buckets.clear();
  return options;
}

bool has_private_part(const ledger::TxRwSet& rw_set) {
  for (const auto& ns : rw_set.namespaces) {
    if (!ns.collections.empty()) return true;
  }
  return false;
}

constexpr uint64_t kTransientPurgeBlocks = 100;  // how often what never came into a block is looked for

}  // namespace

struct Committer::Listeners {
  std::mutex mutex;  // held during calls
  std::atomic<std::thread::id> calling;
  uint64_t next = 0;
  std::map<uint64_t, OnCommit> functions;
};

struct Committer::Instruments {
  Instruments(metrics::Provider& provider, const std::string& channel)
      : block_processing(provider
                             .histogram(metric("block_processing_time",
                                               "Time taken in seconds for ledger block processing."))
                             .with({channel})),
        storage(provider
                    .histogram(metric("blockstorage_and_pvtdata_commit_time",
                                      "Time taken in seconds for committing the block and private data to storage."))
                    .with({channel})),
        state(provider
                  .histogram(metric("statedb_commit_time",
                                    "Time taken in seconds for committing block changes to state db."))
                  .with({channel})),
        transactions(provider.counter(transaction_metric())) {}
  metrics::Histogram& block_processing;
  metrics::Histogram& storage;
  metrics::Histogram& state;
  metrics::Family<metrics::Counter>& transactions;
};

namespace {

template <class Listeners>
class Listening final : public Subscription {
 public:
  Listening(std::shared_ptr<Listeners> listeners, uint64_t id) : listeners_(std::move(listeners)), id_(id) {}
  ~Listening() override {
    if (listeners_->calling.load() == std::this_thread::get_id()) {
      listeners_->functions.erase(id_);  // by the function itself, which holds the lock
      return;
    }
    std::lock_guard lock(listeners_->mutex);
    listeners_->functions.erase(id_);
  }

 private:
  std::shared_ptr<Listeners> listeners_;
  uint64_t id_;
};

}  // namespace

Committer::Committer(std::shared_ptr<ledger::Ledger> ledger, const CollectionAccess& access,
                     metrics::Provider& metrics, uint64_t transient_blocks_max)
    : ledger_(std::move(ledger)), access_(access), transient_blocks_max_(transient_blocks_max),
      instruments_(std::make_unique<Instruments>(metrics, ledger_->channel())),
      listeners_(std::make_shared<Listeners>()) {}

Committer::~Committer() = default;

std::unique_ptr<Subscription> Committer::subscribe(OnCommit on_commit) {
  std::lock_guard lock(listeners_->mutex);
  const uint64_t id = listeners_->next++;
  listeners_->functions.emplace(id, std::move(on_commit));
  return std::make_unique<Listening<Listeners>>(listeners_, id);
}

Status Committer::commit(ValidatedBlock validated) {
  const auto started = std::chrono::steady_clock::now();
  const std::string& channel = ledger_->channel();
  const ::common::Block& block = *validated.block;
  const uint64_t number = block.header().number();
  const size_t count = static_cast<size_t>(block.data().data_size());
  if (number != ledger_->height() || validated.transactions.size() != count) {
    return fail(Code::kInvalidArgument, fmt::format("expected block [{}] with a code for each of its transactions",
                                                    ledger_->height()));
  }
  const auto view = ledger_->view();

  std::vector<MvccTransaction> checked(count);
  std::vector<std::shared_ptr<const ledger::TxRwSet>> rw_sets(count);
  std::vector<std::string> chaincodes(count);
  for (size_t i = 0; i < count; ++i) {
    ValidatedTransaction& transaction = validated.transactions[i];
    checked[i].code = transaction.code;
    if (transaction.code != kValid) {
      LOG_WARN(validation_logger(),
               "Channel [{}]: Block [{}] Transaction index [{}] TxId [{}] marked as invalid by committer. Reason code "
               "[{}]",
               channel, number, i, escape(transaction.tx_id), code_name(transaction.code));
      continue;
    }
    const auto reading = ledger::read_transaction_header(block.data().data(static_cast<int>(i)));
    transaction.header_type = reading.header_type;
    if (reading.header_type == ::common::CONFIG) {
      rw_sets[i] = std::make_shared<const ledger::TxRwSet>(ledger::make_config_rw_set(reading.data));
    } else if (reading.header_type == ::common::ENDORSER_TRANSACTION) {
      const auto action = ledger::read_action(reading.data);
      if (!action) {
        checked[i].code = ::protos::NIL_TXACTION;
        continue;
      }
      chaincodes[i] = fmt::format("{}:{}", action->chaincode_name, action->chaincode_version);
      rw_sets[i] = transaction.rw_set;
      if (!rw_sets[i]) {
        auto parsed = ledger::parse_tx_rw_set(action->results);
        if (!parsed) {
          checked[i].code = ::protos::INVALID_OTHER_REASON;
          continue;
        }
        rw_sets[i] = std::make_shared<const ledger::TxRwSet>(std::move(*parsed));
      }
    }
    checked[i].rw_set = rw_sets[i];
  }

  ledger::BlockCommit commit;
  SELVAGE_TRY(commit.updates, check_and_apply(number, checked, *view));
  commit.codes.resize(count);
  for (size_t i = 0; i < count; ++i) {
    commit.codes[i] = static_cast<char>(checked[i].code);
    commit.tx_ids.push_back(validated.transactions[i].tx_id);
    if (checked[i].code != validated.transactions[i].code) {
      LOG_WARN(validation_logger(),
               "Block [{}] Transaction index [{}] TxId [{}] marked as invalid by state validator. Reason code [{}]",
               number, i, escape(validated.transactions[i].tx_id), code_name(checked[i].code));
    }
  }
  CommitNotice notice;
  SELVAGE_TRY(notice.times.list_missing, collect_private_data(validated, commit.codes, rw_sets, *view, commit));

  auto stored = std::make_shared<::common::Block>(block);
  auto* metadata = stored->mutable_metadata();
  while (metadata->metadata_size() <= ::common::COMMIT_HASH) metadata->add_metadata();
  metadata->set_metadata(::common::TRANSACTIONS_FILTER, commit.codes);
  const Bytes previous = ledger_->commit_hash();
  // A channel whose first blocks had no commit hash never gets one.
  if (number == 1 || !previous.empty()) {
    commit.commit_hash = ledger::make_commit_hash(commit.codes, commit.updates, previous);
    ::common::Metadata hash;
    hash.set_value(commit.commit_hash);
    metadata->set_metadata(::common::COMMIT_HASH, wire::marshal(hash));
  }
  commit.block = stored;
  const double state_validation = seconds_since(started);

  const auto storing = std::chrono::steady_clock::now();
  SELVAGE_TRY(const auto times, ledger_->commit(commit));
  notice.times.store = seconds_since(storing);
  LOG_INFO(logger(),
           "[{}] Committed block [{}] with {} transaction(s) in {}ms (state_validation={}ms "
           "block_and_pvtdata_commit={}ms state_commit={}ms) commitHash=[{}]",
           channel, number, count, milliseconds(seconds_since(started)), milliseconds(state_validation),
           milliseconds(times.blocks_and_private_seconds), milliseconds(times.state_seconds),
           to_hex(commit.commit_hash));
  instruments_->block_processing.observe(state_validation);
  instruments_->storage.observe(times.blocks_and_private_seconds);
  instruments_->state.observe(times.state_seconds);

  notice.channel = channel;
  notice.block = std::move(stored);
  notice.updates = &commit.updates;
  for (const auto& [ns, keys] : commit.updates.public_updates) notice.namespaces.push_back(ns);
  // Those whose private data was dealt with, also of transactions that were refused.
  std::set<uint64_t> promised;
  for (const auto& write : commit.private_writes) promised.insert(write.transaction);
  for (const auto& missing : commit.missing) promised.insert(missing.transaction);
  std::vector<std::string> private_transactions;
  for (size_t i = 0; i < count; ++i) {
    const auto& transaction = validated.transactions[i];
    notice.transactions.push_back({transaction.tx_id, checked[i].code, transaction.header_type});
    if (checked[i].code == kValid && transaction.header_type == ::common::CONFIG) notice.config = true;
    if (promised.contains(i) || (rw_sets[i] && has_private_part(*rw_sets[i]))) {
      private_transactions.push_back(transaction.tx_id);
    }
    // Fabric quirk: core/ledger/kvledger/txmgmt/validation/batch_preparer.go: what validation refused has no type there.
    const int type = transaction.code == kValid ? transaction.header_type : -1;
    instruments_->transactions
        .with({channel, type_name(type), chaincodes[i].empty() ? "unknown" : chaincodes[i], code_name(checked[i].code)})
        .add(1);
  }
  const auto purging = std::chrono::steady_clock::now();
  auto purged = ledger_->transient().purge(private_transactions);
  if (purged && number % kTransientPurgeBlocks == 0 && number > transient_blocks_max_) {
    purged = ledger_->transient().purge_below(number - transient_blocks_max_);
  }
  if (!purged) {
    LOG_WARN(private_logger(), "[{}] Private data of committed transactions stays in the transient store: {}", channel,
             to_string(purged.error()));
  }
  notice.times.purge = seconds_since(purging);
  std::lock_guard lock(listeners_->mutex);
  listeners_->calling = std::this_thread::get_id();
  for (auto at = listeners_->functions.begin(); at != listeners_->functions.end();) (at++)->second(notice);
  listeners_->calling = std::thread::id{};
  return {};
}

// Takes from the transient store, and then from other peers, what valid transactions promised in hashes; what is not there,
// or does not have the promised hash, is recorded as missing.
}  // namespace selvage::commit
