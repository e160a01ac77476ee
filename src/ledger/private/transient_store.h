// Private data of endorsed transactions that are not yet in a block: the endorser puts it here before it answers, the
// committer takes it when the block comes. Survives kill -9; what never comes is purged by height.
//
// All calls from any thread. Errors: kInvalidArgument for bytes that do not parse, kInternal from the database.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace selvage::ledger {

class Database;

struct TransientEntry {
  uint64_t received_at_height = 0;
  Bytes private_rw_set;  // transientstore.TxPvtReadWriteSetWithConfigInfo
};

class TransientStore {
 public:
  // `database` outlives the store.
  TransientStore(Database& database, std::string channel);

  // Several endorsements of one transaction (with different results) may be kept; an equal one is kept once.
  Status persist(const std::string& tx_id, uint64_t height, BytesView private_rw_set_with_config);
  [[nodiscard]] Result<std::vector<TransientEntry>> find(const std::string& tx_id) const;
  // After their block was committed.
  Status purge(const std::vector<std::string>& tx_ids);
  // Everything received below `height`.
  Status purge_below(uint64_t height);
  // Lowest height of an entry; nullopt-like kNotFound when the store is empty.
  [[nodiscard]] Result<uint64_t> lowest_height() const;

 private:
  Database& database_;
  std::string channel_;
};

}  // namespace selvage::ledger
