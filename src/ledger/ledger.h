// The ledger of one channel on a peer: blocks, world state, history, private data, transient store and commit hash, always
// at one height; and LedgerSet, all channels of a peer in one RocksDB.
//
// Commit order, and with it what a crash leaves: private data (synced), block file (synced), then one RocksDB batch without
// a synced log for state, history, index and savepoint. At open, blocks above the savepoint are replayed from the files.
// Files: <root>/chains/chains/<channel>/blockfile_*, <root>/rocks, <root>/fileLock; root is <fileSystemPath>/ledgersData.
//
// Does not validate: codes come from validate/ and commit/ in the block's metadata.
// Threads: commit() one at a time a ledger; all else from any thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/metrics.h"
#include "base/result.h"
#include "ledger/blocks/block_store.h"
#include "ledger/history/history.h"
#include "ledger/private/collection_history.h"
#include "ledger/private/expiry.h"
#include "ledger/private/private_store.h"
#include "ledger/private/transient_store.h"
#include "ledger/state/state_view.h"
#include "ledger/state/tx_simulator.h"
#include "ledger/state/update_batch.h"

namespace selvage {
class Clock;
class Disk;
class DiskLock;
}  // namespace selvage

namespace selvage::ledger {

class Database;

struct BlockchainInfo {
  uint64_t height = 0;
  Bytes current_hash;
  Bytes previous_hash;
};

struct TxPlace {
  BlockNumber block = 0;
  uint32_t transaction = 0;
  uint8_t code = 254;  // peer.TxValidationCode
};

// Everything the ledger needs to take a block. The committer makes it.
struct BlockCommit {
  std::shared_ptr<const ::common::Block> block;  // transactions filter and commit hash already in its metadata
  Bytes codes;                                   // one byte a transaction, equal to the filter
  std::vector<std::string> tx_ids;               // "" where a transaction has none
  UpdateBatch updates;
  Bytes commit_hash;                             // empty at block 0
  std::vector<PrivateWrite> private_writes;
  std::vector<MissingPrivateData> missing;
};

class Ledger {
 public:
  virtual ~Ledger() = default;

  [[nodiscard]] virtual const std::string& channel() const = 0;
  // Number of committed blocks; a view taken after this has at least that height.
  [[nodiscard]] virtual uint64_t height() const = 0;
  [[nodiscard]] virtual BlockchainInfo info() const = 0;
  [[nodiscard]] virtual Bytes commit_hash() const = 0;

  // Blocks up to the committed height; what Deliver reads and waits on. A block is seen here only after its state is.
  [[nodiscard]] virtual const BlockStore& blocks() const = 0;
  [[nodiscard]] virtual Result<std::shared_ptr<const ::common::Block>> block_by_hash(BytesView hash) const = 0;
  // The first transaction with this id; nullopt: none.
  [[nodiscard]] virtual Result<std::optional<TxPlace>> find_transaction(const std::string& tx_id) const = 0;
  // The envelope's bytes and code. kNotFound with Fabric's words.
  struct StoredTransaction {
    Bytes envelope;
    TxPlace place;
  };
  [[nodiscard]] virtual Result<StoredTransaction> transaction(const std::string& tx_id) const = 0;

  [[nodiscard]] virtual std::shared_ptr<const StateView> view() const = 0;
  [[nodiscard]] std::unique_ptr<TxSimulator> make_simulator(std::string tx_id,
                                                            TxSimulator::CollectionCheck check = {}) const;
  [[nodiscard]] virtual std::unique_ptr<HistoryIterator> history(const std::string& ns,
                                                                 const std::string& key) const = 0;
  [[nodiscard]] virtual TransientStore& transient() = 0;
  [[nodiscard]] virtual const PrivateStore& private_data() const = 0;
  // The explicit collections (peer.CollectionConfigPackage) of a chaincode by the newest definition that a block below
  // `block` committed; nullopt: none. The private data of block n is judged by those below n.
  [[nodiscard]] virtual Result<std::optional<Bytes>> collections_below(uint64_t block, const std::string& chaincode) const = 0;
  // The block with the last valid CONFIG transaction.
  [[nodiscard]] virtual Result<std::shared_ptr<const ::common::Block>> last_config_block() const = 0;

  // Private data that comes after its block: stored but for keys that were purged since, and taken into state where the
  // hashes are still the same. Durable on return. kInvalidArgument when the block promised another write set, or none. Any
  // thread; a commit and this take turns.
  virtual Status add_late(uint64_t block, const PrivateWrite& write) = 0;

  // Durable on return. After an error the ledger takes no more blocks: what reached the disk is settled at the next open.
  struct Times {
    double blocks_and_private_seconds = 0;
    double state_seconds = 0;
  };
  [[nodiscard]] virtual Result<Times> commit(const BlockCommit& commit) = 0;
};

class LedgerSet {
 public:
  struct Settings {
    std::string root;                          // peer.fileSystemPath + "/ledgersData"
    size_t block_cache_bytes = 16u << 20;      // of all channels together
    size_t write_buffer_bytes = 16u << 20;     // of all column families together
    uint64_t block_file_bytes_max = 64ull << 20;
    bool history = true;                       // ledger.history.enableHistoryDatabase
    BlocksToLive blocks_to_live;               // empty: all private data lives for ever
    DefinitionChanges definition_changes;      // empty: no collections are remembered
  };
  // kFailedPrecondition when another process holds the directory. `disk` outlives the set.
  [[nodiscard]] static Result<std::unique_ptr<LedgerSet>> open(Disk& disk, Settings settings,
                                                               metrics::Provider& metrics);
  virtual ~LedgerSet() = default;

  // From its genesis (or join) block, number 0. kAlreadyExists with Fabric's words "ledger [ch] already exists with state
  // [ACTIVE]". A ledger whose creation was cut by a crash is made anew.
  [[nodiscard]] virtual Result<std::shared_ptr<Ledger>> create(const ::common::Block& genesis) = 0;
  // All channels, opened and replayed at open(), by name.
  [[nodiscard]] virtual std::vector<std::shared_ptr<Ledger>> ledgers() const = 0;
  [[nodiscard]] virtual std::shared_ptr<Ledger> find(const std::string& channel) const = 0;
};

}  // namespace selvage::ledger
