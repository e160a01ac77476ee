#include "ledger/state/range_query.h"

#include "crypto/hash.h"
#include "ledger/rwset/kvrwset/kv_rwset.pb.h"
#include "wire/marshal.h"

namespace selvage::ledger {
namespace {

constexpr uint32_t kLeafLevel = 1;

Bytes combine(const std::vector<Bytes>& hashes) {
  crypto::Sha256 hash;
  for (const Bytes& part : hashes) hash.update(part);
  return hash.finish();
}

void fill(::kvrwset::QueryReads& reads, const std::vector<RangeRead>& from) {
  for (const RangeRead& read : from) {
    auto* to = reads.add_kv_reads();
    to->set_key(read.key);
    to->mutable_version()->set_block_num(read.version.block);
    to->mutable_version()->set_tx_num(read.version.transaction);
  }
}

}  // namespace

RangeReads::RangeReads(bool hashing, uint32_t degree_max) : hashing_(hashing), degree_max_(degree_max) {}

void RangeReads::add(std::string key, const Version& version) {
  pending_.push_back({std::move(key), version});
  if (hashing_ && pending_.size() > degree_max_) hash_pending();
}

bool RangeReads::hashed() const {
  const auto found = tree_.find(level_max_);
  return level_max_ > kLeafLevel || (found != tree_.end() && !found->second.empty());
}

void RangeReads::hash_pending() {
  ::kvrwset::QueryReads reads;
  fill(reads, pending_);
  pending_.clear();
  add_leaf(crypto::sha256(wire::marshal(reads)));
}

// A level that has more hashes than the degree becomes one hash of the next level.
void RangeReads::add_leaf(Bytes hash) {
  tree_[kLeafLevel].push_back(std::move(hash));
  for (uint32_t level = kLeafLevel; tree_[level].size() > degree_max_; ++level) {
    Bytes combined = combine(tree_[level]);
    tree_.erase(level);
    tree_[level + 1].push_back(std::move(combined));
    level_max_ = std::max(level_max_, level + 1);
  }
}

void RangeReads::finish() {
  if (!hashing_ || !hashed()) return;
  if (!pending_.empty()) hash_pending();
  for (uint32_t level = kLeafLevel; level < level_max_; ++level) {
    auto& hashes = tree_[level];
    if (hashes.empty()) continue;
    Bytes up = hashes.size() == 1 ? hashes.front() : combine(hashes);
    tree_.erase(level);
    tree_[level + 1].push_back(std::move(up));
  }
  if (tree_[level_max_].size() > degree_max_) {
    Bytes combined = combine(tree_[level_max_]);
    tree_.erase(level_max_);
    ++level_max_;
    tree_[level_max_] = {std::move(combined)};
  }
}

::kvrwset::QueryReadsMerkleSummary RangeReads::summary() const {
  ::kvrwset::QueryReadsMerkleSummary summary;
  summary.set_max_degree(degree_max_);
  summary.set_max_level(level_max_);
  if (const auto found = tree_.find(level_max_); found != tree_.end()) {
    for (const Bytes& hash : found->second) summary.add_max_level_hashes(hash);
  }
  return summary;
}

void RangeReads::put_into(::kvrwset::RangeQueryInfo& query) const {
  if (hashed()) {
    *query.mutable_reads_merkle_hashes() = summary();
  } else if (!pending_.empty()) {
    fill(*query.mutable_raw_reads(), pending_);
  }
}

}  // namespace selvage::ledger
