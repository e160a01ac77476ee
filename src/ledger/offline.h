// What may be done to a peer's ledgers while the peer is off: `peer node pause | resume | unjoin | rollback | reset |
// rebuild-dbs`. The next start brings state, history and index to the height of the block files again.
//
// A crash in between leaves ledgers that open: what is derived goes first, block files after it.
// Private data is kept: no block can restore it, and blocks that come back find theirs.
// Fabric quirk: core/ledger/kvledger, whose words the errors have.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "ledger/blocks/block_store.h"

namespace selvage {
class Disk;
class DiskLock;
}  // namespace selvage

namespace selvage::ledger {

class Database;

// One thread. Holds the ledgers' lock until destroyed.
class OfflineLedgers {
 public:
  // `root` as in LedgerSet::Settings; `disk` outlives this. kFailedPrecondition while a peer or another command runs.
  [[nodiscard]] static Result<OfflineLedgers> open(Disk& disk, const std::string& root);
  OfflineLedgers(OfflineLedgers&&) noexcept;
  ~OfflineLedgers();

  // A paused channel is not opened at the peer's start, and cannot be joined. kNotFound: no such channel.
  Status pause(const std::string& channel);
  Status resume(const std::string& channel);
  // Removes all there is of a channel, private data too.
  Status unjoin(const std::string& channel);
  // Removes the blocks above `block`, and all that was derived from the channel's blocks; how high it was is noted
  // (ledger/old_heights.h). kNotFound: no such channel;
  // kInvalidArgument: the block is not below the last one.
  Status roll_back(const std::string& channel, BlockNumber block);
  // Every channel to its first block.
  Status reset();
  // Removes what was derived from the blocks of every channel.
  Status rebuild();

 private:
  OfflineLedgers(Disk& disk, std::string root);
  [[nodiscard]] std::string chains() const { return root_ + "/chains/chains"; }
  [[nodiscard]] bool exists(const std::string& channel) const;
  [[nodiscard]] Result<std::vector<std::string>> channels() const;
  Status forget_derived(const std::string& channel, bool private_data_too = false);
  Status cut(const std::string& channel, BlockNumber last);

  Disk* disk_;
  std::string root_;
  std::unique_ptr<DiskLock> lock_;
  std::unique_ptr<Database> database_;
};

// Of a channel's folder; what marks it as paused.
inline constexpr const char* kPausedFile = "/paused";

}  // namespace selvage::ledger
