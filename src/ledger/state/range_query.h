// What a range query read, for the phantom check at commit: up to 50 reads as they are, more as a Merkle summary. Pure.
//
// Fabric quirk: core/ledger/kvledger/txmgmt/rwsetutil/query_results_helper.go
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "ledger/state/version.h"

namespace kvrwset {
class RangeQueryInfo;
class QueryReads;
class QueryReadsMerkleSummary;
}  // namespace kvrwset

namespace selvage::ledger {

inline constexpr uint32_t kMerkleDegree = 50;

struct RangeRead {
  std::string key;
  Version version;
};

class RangeReads {
 public:
  // `hashing` false keeps every read as it is.
  explicit RangeReads(bool hashing = true, uint32_t degree_max = kMerkleDegree);
  void add(std::string key, const Version& version);
  // No add() after this.
  void finish();
  // The summary as far as it is; what validation compares early.
  [[nodiscard]] bool hashed() const;
  [[nodiscard]] ::kvrwset::QueryReadsMerkleSummary summary() const;
  [[nodiscard]] const std::vector<RangeRead>& pending() const { return pending_; }
  // Sets raw_reads or reads_merkle_hashes of a finished query.
  void put_into(::kvrwset::RangeQueryInfo& query) const;

 private:
  void hash_pending();
  void add_leaf(Bytes hash);

  bool hashing_;
  uint32_t degree_max_;
  std::vector<RangeRead> pending_;
  std::map<uint32_t, std::vector<Bytes>> tree_;  // level -> hashes
  uint32_t level_max_ = 1;
};

}  // namespace selvage::ledger
