// The committer's part that finds the private data which a block's transactions promise.
#include <fmt/format.h>

#include <chrono>
#include <optional>

#include "base/log.h"
#include "commit/committer.h"
#include "commit/mvcc.h"
#include "common/common.pb.h"
#include "crypto/hash.h"
#include "ledger/block_reading.h"
#include "ledger/rwset/rwset.pb.h"
#include "transientstore/transientstore.pb.h"
#include "wire/marshal.h"
#include "wire/transaction_views.h"

namespace selvage::commit {
namespace {

const log::Logger& logger() {
  static const log::Logger logger("gossip.privdata");
  return logger;
}

constexpr size_t kMissingToldMax = 10;

// Where in a private set one collection's part is; nullptr when it is not there.
const ::rwset::CollectionPvtReadWriteSet* find_collection(const ::rwset::TxPvtReadWriteSet& set, const std::string& ns,
                                                          const std::string& collection) {
  for (const auto& of_ns : set.ns_pvt_rwset()) {
    if (of_ns.namespace_() != ns) continue;
    for (const auto& part : of_ns.collection_pvt_rwset()) {
      if (part.collection_name() == collection) return &part;
    }
  }
  return nullptr;
}

// One collection's writes of a transaction of the block.
struct Promised {
  WantedPrivateData wanted;
  bool member = false;
  bool refused = false;  // by validation: its data is kept, and nothing of it applied
  bool valid = false;    // by MVCC too
  std::optional<Bytes> rw_set;
};

Result<std::vector<::rwset::TxPvtReadWriteSet>> find_candidates(ledger::TransientStore& store, const std::string& tx_id) {
  std::vector<::rwset::TxPvtReadWriteSet> candidates;
  SELVAGE_TRY(const auto entries, store.find(tx_id));
  for (const auto& entry : entries) {
    auto parsed = wire::parse<::transientstore::TxPvtReadWriteSetWithConfigInfo>(entry.private_rw_set);
    if (parsed) candidates.push_back(std::move(*parsed->mutable_pvt_rwset()));
  }
  return candidates;
}

// Who endorsed a transaction of a block; empty when it cannot be read.
std::vector<Bytes> endorsers_of(BytesView envelope) {
  std::vector<Bytes> endorsers;
  const auto reading = ledger::read_transaction_header(envelope);
  const auto actions = wire::read_transaction(reading.data);
  if (!actions || actions->empty()) return endorsers;
  const auto payload = wire::read_chaincode_action_payload(actions->front().payload);
  if (!payload) return endorsers;
  for (const auto& endorsement : payload->endorsements) endorsers.emplace_back(endorsement.endorser);
  return endorsers;
}

// The write sets of a transaction that validation refused; null when there are none to be read.
std::shared_ptr<const ledger::TxRwSet> refused_rw_set(const ValidatedTransaction& transaction, BytesView envelope) {
  if (transaction.rw_set) return transaction.rw_set;
  const auto reading = ledger::read_transaction_header(envelope);
  if (reading.header_type != ::common::ENDORSER_TRANSACTION) return nullptr;
  const auto action = ledger::read_action(reading.data);
  if (!action) return nullptr;
  auto parsed = ledger::parse_tx_rw_set(action->results);
  return parsed ? std::make_shared<const ledger::TxRwSet>(std::move(*parsed)) : nullptr;
}

}  // namespace

Result<double> Committer::collect_private_data(const ValidatedBlock& validated, const Bytes& codes,
                                               const std::vector<std::shared_ptr<const ledger::TxRwSet>>& rw_sets,
                                               const ledger::StateView& view, ledger::BlockCommit& commit) {
  const auto started = std::chrono::steady_clock::now();
  const uint64_t number = validated.block->header().number();
  std::vector<Promised> promised;
  for (size_t i = 0; i < rw_sets.size(); ++i) {
    const ValidatedTransaction& transaction = validated.transactions[i];
    const bool valid = codes[i] == static_cast<char>(kValid);
    if (!valid && !validated.keeps_private_data_of_invalid) continue;
    const auto rw_set =
        rw_sets[i] || valid ? rw_sets[i] : refused_rw_set(transaction, validated.block->data().data(static_cast<int>(i)));
    if (!rw_set) continue;
    for (const auto& ns : rw_set->namespaces) {
      for (const auto& collection : ns.collections) {
        if (collection.private_rw_set_hash.empty()) continue;
        Promised one;
        one.wanted = {i, transaction.tx_id, ns.name, collection.collection, collection.private_rw_set_hash, {}};
        one.member = access_.is_member(ns.name, collection.collection, view);
        one.refused = transaction.code != kValid;
        one.valid = valid;
        promised.push_back(std::move(one));
      }
    }
  }
  const double listed = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();

  size_t eligible = 0, from_store = 0, from_peers = 0;
  std::optional<uint64_t> found_of;  // the transaction that `candidates` are of
  std::vector<::rwset::TxPvtReadWriteSet> candidates;
  for (auto& one : promised) {
    if (!one.member) continue;
    ++eligible;
    if (found_of != one.wanted.transaction) {
      SELVAGE_TRY(candidates, find_candidates(ledger_->transient(), one.wanted.tx_id));
      found_of = one.wanted.transaction;
    }
    for (const auto& candidate : candidates) {
      const auto* part = find_collection(candidate, one.wanted.ns, one.wanted.collection);
      if (part && crypto::sha256(part->rwset()) == one.wanted.hash) {
        one.rw_set = part->rwset();
        ++from_store;
        break;
      }
    }
  }
  // A block that comes again, after a rollback, finds what it had, which may lack keys that were purged; what it did not have
  // then is left to reconciliation.
  size_t from_cache = 0;
  bool came_before = false;
  if (eligible > 0) {
    SELVAGE_TRY(const auto kept, ledger_->private_data().find(number));
    SELVAGE_TRY(const auto missed, ledger_->private_data().missing(number));
    came_before = !kept.empty() || !missed.empty();
    for (auto& one : promised) {
      if (!one.member || one.rw_set) continue;
      for (const ledger::PrivateWrite& write : kept) {
        if (write.transaction != one.wanted.transaction || write.ns != one.wanted.ns ||
            write.collection != one.wanted.collection) {
          continue;
        }
        one.rw_set = write.rw_set;
        ++from_cache;
      }
    }
  }
  std::vector<WantedPrivateData> wanted;
  for (auto& one : promised) {
    if (came_before || !one.member || one.rw_set || (one.refused && !pull_invalid_)) continue;
    one.wanted.endorsers = endorsers_of(validated.block->data().data(static_cast<int>(one.wanted.transaction)));
    wanted.push_back(one.wanted);
  }
  if (!wanted.empty() && source_ != nullptr) {
    source_->fetch(ledger_->channel(), number, wanted, view, [&](const WantedPrivateData& given, const Bytes& rw_set) {
      if (crypto::sha256(rw_set) != given.hash) return false;
      for (auto& one : promised) {
        if (one.rw_set || !one.member || one.wanted.transaction != given.transaction || one.wanted.ns != given.ns ||
            one.wanted.collection != given.collection) {
          continue;
        }
        one.rw_set = rw_set;
        ++from_peers;
      }
      return true;
    });
  }
  ledger::UpdateBatch unused;  // of transactions that are not valid
  std::string missing_text;
  size_t eligible_missing = 0;
  for (auto& one : promised) {  // in the order of the transactions
    const WantedPrivateData& wanted_one = one.wanted;
    if (one.rw_set && ledger::apply_private_rw_set(wanted_one.ns, wanted_one.collection, *one.rw_set,
                                                   ledger::Version{number, wanted_one.transaction},
                                                   one.valid ? commit.updates : unused)) {
      commit.private_writes.push_back(
          {wanted_one.transaction, wanted_one.ns, wanted_one.collection, std::move(*one.rw_set)});
      continue;
    }
    commit.missing.push_back({wanted_one.transaction, wanted_one.ns, wanted_one.collection, one.member});
    if (!one.member || ++eligible_missing > kMissingToldMax) continue;
    missing_text += fmt::format("{}txID: {}, seq: {}, namespace: {}, collection: {}, hash: {}", missing_text.empty() ? "" : " ",
                                wanted_one.tx_id, wanted_one.transaction, wanted_one.ns, wanted_one.collection,
                                to_hex(wanted_one.hash));
  }
  SELVAGE_CHECK(ledger::finish_private_updates(view, commit.updates));
  const std::string counts = fmt::format("({} from local cache, {} from transient store, {} from other peers)", from_cache,
                                         from_store, from_peers);
  if (eligible_missing > 0) {
    LOG_WARN(logger(), "Could not fetch (or mark to reconcile later) {} eligible collection private write sets for "
                               "block [{}] {}. Will commit block with missing private write sets:[{}]",
             eligible_missing, number, counts, missing_text);
  } else if (eligible > 0) {
    LOG_INFO(logger(), "Successfully fetched (or marked to reconcile later) all {} eligible collection private write "
                               "sets for block [{}] {}", eligible, number, counts);
  }
  return listed;
}

}  // namespace selvage::commit
