// Private data of committed blocks, by block and transaction, and what is missing of it. No block can restore this data,
// so it is synced to disk before its block is appended; data whose block did not follow is overwritten when it comes again.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace selvage::ledger {

class Database;
class WriteBatch;

// One collection's private writes of one transaction.
struct PrivateWrite {
  uint64_t transaction = 0;
  std::string ns;
  std::string collection;
  Bytes rw_set;  // kvrwset.KVRWSet; SHA-256 of it is in the public set
};

// What the public set promised and this peer does not have.
struct MissingPrivateData {
  uint64_t transaction = 0;
  std::string ns;
  std::string collection;
  bool eligible = false;  // whether this peer should have it
};

class PrivateStore {
 public:
  // `database` outlives the store.
  PrivateStore(Database& database, std::string channel);

  // Durable on return (nothing to do when both are empty).
  Status store(uint64_t block, const std::vector<PrivateWrite>& writes,
               const std::vector<MissingPrivateData>& missing);
  [[nodiscard]] Result<std::vector<PrivateWrite>> find(uint64_t block) const;
  [[nodiscard]] Result<std::vector<MissingPrivateData>> missing(uint64_t block) const;
  // What this peer should have and does not, of the `blocks_max` newest blocks below `below` that miss something.
  struct Wanted {
    uint64_t block = 0;
    MissingPrivateData missing;
  };
  [[nodiscard]] Result<std::vector<Wanted>> wanted(uint64_t below, size_t blocks_max) const;
  // From now on this peer should have what it misses of this collection, up to `block`. Repeating it changes nothing.
  Status become_eligible(uint64_t block, const std::string& ns, const std::string& collection);

 private:
  Database& database_;
  std::string channel_;
};

// Removal of everything that a block wrote into one collection, into `batch`.
Status add_private_removal(const Database& database, const std::string& channel, uint64_t block, const std::string& ns,
                           const std::string& collection, WriteBatch& batch);

}  // namespace selvage::ledger
