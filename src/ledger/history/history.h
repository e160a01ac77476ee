// Which transactions wrote a key, newest first. The index holds places only; values come from the block files.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace selvage::ledger {

class BlockStore;
class Database;
class WriteBatch;
struct UpdateBatch;

struct KeyModification {
  std::string tx_id;
  Bytes value;            // empty for a deletion
  int64_t seconds = 0;    // of the channel header's timestamp
  int32_t nanos = 0;
  bool is_delete = false;
};

// One thread. Must not outlive the ledger.
class HistoryIterator {
 public:
  virtual ~HistoryIterator() = default;
  [[nodiscard]] virtual Result<std::optional<KeyModification>> next() = 0;
};

[[nodiscard]] std::unique_ptr<HistoryIterator> make_history_iterator(const Database& database,
                                                                     const BlockStore& blocks,
                                                                     const std::string& channel,
                                                                     const std::string& ns, const std::string& key);
void add_history(const std::string& channel, uint64_t block, const UpdateBatch& updates, WriteBatch& batch);

}  // namespace selvage::ledger
