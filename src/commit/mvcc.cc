#include "commit/mvcc.h"

#include <algorithm>

#include "ledger/rwset/kvrwset/kv_rwset.pb.h"
#include "ledger/state/preloaded_view.h"
#include "ledger/state/range_query.h"

namespace selvage::commit {
namespace {

using ledger::StateView;
using ledger::UpdateBatch;
using ledger::Version;

template <class Read>
std::optional<Version> version_of(const Read& read) {
  if (!read.has_version()) return std::nullopt;
  return Version{read.version().block_num(), read.version().tx_num()};
}

struct RangeItem {
  std::string key;
  Version version;
};

// The range as it would be read after the earlier transactions of the block: state and updates merged by key.
class MergedRange {
 public:
  MergedRange(std::unique_ptr<ledger::StateRange> stored, const UpdateBatch::Keys* updates, const std::string& start,
              const std::string& end)
      : stored_(std::move(stored)), end_(end) {
    if (!updates) return;
    at_ = updates->lower_bound(start);
    last_ = updates->end();
  }

  Result<std::optional<RangeItem>> next() {
    if (!started_) {
      SELVAGE_TRY(entry_, stored_->next());
      started_ = true;
    }
    while (true) {
      const bool update_left = at_ != last_ && (end_.empty() || at_->first < end_);
      if (!update_left && !entry_) return std::optional<RangeItem>();
      if (!update_left || (entry_ && entry_->key < at_->first)) {
        RangeItem item{entry_->key, entry_->value.version};
        SELVAGE_TRY(entry_, stored_->next());
        return std::optional(std::move(item));
      }
      if (entry_ && entry_->key == at_->first) {
        SELVAGE_TRY(entry_, stored_->next());
      }
      const auto update = at_++;
      if (update->second.value) return std::optional(RangeItem{update->first, update->second.version});
    }
  }

 private:
  std::unique_ptr<ledger::StateRange> stored_;
  std::string end_;
  UpdateBatch::Keys::const_iterator at_{}, last_{};
  std::optional<ledger::StateEntry> entry_;
  bool started_ = false;
};

bool equal(const ::kvrwset::QueryReadsMerkleSummary& one, const ::kvrwset::QueryReadsMerkleSummary& other) {
  return one.max_degree() == other.max_degree() && one.max_level() == other.max_level() &&
         std::equal(one.max_level_hashes().begin(), one.max_level_hashes().end(), other.max_level_hashes().begin(),
                    other.max_level_hashes().end());
}

class Checker {
 public:
  Checker(const StateView& view, const UpdateBatch& batch) : view_(view), batch_(batch) {}

  // The code of a transaction with these reads.
  Result<uint8_t> check(const ledger::TxRwSet& rw_set) {
    for (const auto& ns : rw_set.namespaces) {
      for (const auto& read : ns.kv->reads()) {
        if (batch_.find_public(ns.name, read.key())) return kMvccReadConflict;
        SELVAGE_TRY(const bool same, is_version(ns.name, read.key(), version_of(read)));
        if (!same) return kMvccReadConflict;
      }
      for (const auto& query : ns.kv->range_queries_info()) {
        SELVAGE_TRY(const bool same, check_range(ns.name, query));
        if (!same) return kPhantomReadConflict;
      }
      for (const auto& collection : ns.collections) {
        const std::string hashed = ledger::hash_namespace(ns.name, collection.collection);
        for (const auto& read : collection.hashed->hashed_reads()) {
          if (batch_.find_hashed(ns.name, collection.collection, read.key_hash())) return kMvccReadConflict;
          SELVAGE_TRY(const bool same, is_version(hashed, read.key_hash(), version_of(read)));
          if (!same) return kMvccReadConflict;
        }
      }
    }
    return kValid;
  }

 private:
  Result<bool> is_version(std::string_view ns, std::string_view key, const std::optional<Version>& version) {
    SELVAGE_TRY(const auto stored, view_.head(ns, key));
    return version == (stored ? std::optional(stored->version) : std::nullopt);
  }

  Result<bool> check_range(const std::string& ns, const ::kvrwset::RangeQueryInfo& query) {
    SELVAGE_TRY(auto stored, view_.range(ns, query.start_key(), query.end_key()));
    const auto updates = batch_.public_updates.find(ns);
    MergedRange range(std::move(stored), updates == batch_.public_updates.end() ? nullptr : &updates->second,
                      query.start_key(), query.end_key());
    // A range that was not read to its end was cut at the last key read, which therefore belongs to it.
    bool end_key_due = !query.itr_exhausted();
    const auto next = [&]() -> Result<std::optional<RangeItem>> {
      SELVAGE_TRY(auto item, range.next());
      if (item || !end_key_due) return item;
      end_key_due = false;
      if (const auto* update = batch_.find_public(ns, query.end_key())) {
        if (!update->value) return std::optional<RangeItem>();
        return std::optional(RangeItem{query.end_key(), update->version});
      }
      SELVAGE_TRY(const auto value, view_.get(ns, query.end_key()));
      if (!value) return std::optional<RangeItem>();
      return std::optional(RangeItem{query.end_key(), value->version});
    };
    return query.has_reads_merkle_hashes() ? check_hashes(query.reads_merkle_hashes(), next)
                                           : check_reads(query.raw_reads(), next);
  }

  template <class Next>
  static Result<bool> check_reads(const ::kvrwset::QueryReads& reads, const Next& next) {
    for (const auto& read : reads.kv_reads()) {
      SELVAGE_TRY(const auto item, next());
      if (!item || item->key != read.key() || version_of(read) != item->version) return false;
    }
    SELVAGE_TRY(const auto extra, next());
    return !extra;
  }

  template <class Next>
  static Result<bool> check_hashes(const ::kvrwset::QueryReadsMerkleSummary& wanted, const Next& next) {
    if (wanted.max_degree() < 2) return false;  // no tree has it
    ledger::RangeReads reads(true, wanted.max_degree());
    int matched = 0;
    while (true) {
      SELVAGE_TRY(const auto item, next());
      if (!item) {
        reads.finish();
        return equal(reads.summary(), wanted);
      }
      reads.add(item->key, item->version);
      // Stop at the first difference: the range may be much longer now.
      const auto so_far = reads.summary();
      if (so_far.max_level() < wanted.max_level() || so_far.max_level_hashes_size() == matched) continue;
      if (so_far.max_level_hashes_size() > wanted.max_level_hashes_size()) return false;
      if (so_far.max_level_hashes(matched) != wanted.max_level_hashes(matched)) return false;
      ++matched;
    }
  }

  const StateView& view_;
  const UpdateBatch& batch_;
};

// The keys whose heads the check of these transactions and the making of their updates will ask for.
ledger::PreloadedView::Keys keys_of(const std::vector<MvccTransaction>& transactions) {
  ledger::PreloadedView::Keys keys;
  for (const MvccTransaction& transaction : transactions) {
    if (transaction.code != kValid || !transaction.rw_set) continue;
    for (const auto& ns : transaction.rw_set->namespaces) {
      auto& of_ns = keys[ns.name];
      for (const auto& read : ns.kv->reads()) of_ns.emplace_back(read.key());
      for (const auto& write : ns.kv->writes()) of_ns.emplace_back(write.key());
      for (const auto& collection : ns.collections) {
        auto& of_hashes = keys[ledger::hash_namespace(ns.name, collection.collection)];
        for (const auto& read : collection.hashed->hashed_reads()) of_hashes.emplace_back(read.key_hash());
        for (const auto& write : collection.hashed->hashed_writes()) of_hashes.emplace_back(write.key_hash());
      }
    }
  }
  return keys;
}

}  // namespace

Result<UpdateBatch> check_and_apply(uint64_t block, std::vector<MvccTransaction>& transactions,
                                    const StateView& state) {
  SELVAGE_TRY(const auto view, ledger::PreloadedView::make(state, keys_of(transactions)));
  UpdateBatch batch;
  for (size_t i = 0; i < transactions.size(); ++i) {
    MvccTransaction& transaction = transactions[i];
    if (transaction.code != kValid || !transaction.rw_set) continue;
    SELVAGE_TRY(transaction.code, Checker(*view, batch).check(*transaction.rw_set));
    if (transaction.code != kValid) continue;
    SELVAGE_CHECK(ledger::apply_tx_rw_set(*transaction.rw_set, Version{block, i}, *view, batch));
  }
  return batch;
}

}  // namespace selvage::commit
