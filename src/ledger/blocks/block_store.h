// The blocks of one channel in Fabric's block files: <directory>/blockfile_000000 and on, a new file when the next block
// would make one longer than `file_bytes_max`. Orderer and peer use it alike; it knows no state and no transaction.
//
// Durable: append() returns after the block reached stable storage. A tail that a crash left torn is cut at open().
// Beside the files lies `numbers`, one fixed entry a block saying where it is; it is never synced, always checked, and
// rebuilt from the files from its first missing or wrong entry on, so that opening a long channel reads 28 bytes a block.
// Memory: the recent blocks up to `cache_bytes_max`.
//
// Threads: append() by one thread at a time; everything else from any thread, at the same time.
// After an error of append() other than kInvalidArgument the store is broken(): it serves what it has and takes no more.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/bytes.h"
#include "base/metrics.h"
#include "base/result.h"

namespace common {
class Block;
}
namespace selvage {
class Disk;
}

namespace selvage::ledger {

using BlockNumber = uint64_t;

// Ends the subscription when destroyed; after that the function is not called, nor still running (unless destroyed by the
// function itself).
class HeightSubscription {
 public:
  virtual ~HeightSubscription() = default;
};

class BlockStore {
 public:
  struct Settings {
    std::string directory;                        // made when missing
    uint64_t file_bytes_max = 64ull << 20;        // Fabric's 64 MB
    size_t cache_bytes_max = 4u << 20;            // recent blocks in memory
    std::string channel;                          // for log lines and metrics
    metrics::Provider* metrics = nullptr;         // ledger_blockchain_height, ledger_blockstorage_commit_time
  };

  // `disk` outlives the store. kDataLoss when a block other than a torn last one is damaged.
  [[nodiscard]] static Result<std::unique_ptr<BlockStore>> open(Disk& disk, Settings settings);
  virtual ~BlockStore() = default;

  // The next block: its number must be height() and its previous hash the hash of the last block (kInvalidArgument).
  virtual Status append(std::shared_ptr<const ::common::Block> block) = 0;
  Status append(const ::common::Block& block);  // copies it
  // The same in two steps, for a ledger whose state must be there before the block is seen: durable on return, but
  // height() and readers learn of the block with show(). At most one block may be hidden.
  virtual Status append_hidden(std::shared_ptr<const ::common::Block> block) = 0;
  virtual void show() = 0;

  // Number of the next block; 0 when there is none.
  [[nodiscard]] virtual uint64_t height() const = 0;
  // Header hash of the last block; empty when there is none.
  [[nodiscard]] virtual Bytes last_hash() const = 0;
  [[nodiscard]] virtual bool broken() const = 0;

  // kNotFound (Fabric's words "no such block number [n] in index") at or above the height.
  [[nodiscard]] virtual Result<std::shared_ptr<const ::common::Block>> block(BlockNumber number) const = 0;
  // The same as bytes of common.Block, ready to be sent.
  [[nodiscard]] virtual Result<std::shared_ptr<const Bytes>> block_bytes(BlockNumber number) const = 0;

  // Blocks until height() > number, or `stop` is requested, or `deadline` passed; whether height() > number.
  [[nodiscard]] virtual bool wait_for(BlockNumber number, std::stop_token stop,
                                      std::optional<std::chrono::steady_clock::time_point> deadline = {}) const = 0;
  // Calls `grown(height)` after every append, on the appending thread: be quick, do not append. Not called for the
  // present height: subscribe first, then look at height().
  [[nodiscard]] virtual std::unique_ptr<HeightSubscription> subscribe(std::function<void(uint64_t)> grown) const = 0;
};

}  // namespace selvage::ledger
