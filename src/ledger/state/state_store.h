// World state of all channels of a peer in RocksDB: versioned values, metadata, and the reads of ledger/state/state_view.h.
// Writes are collected into the one batch that commits a block (ledger/ledger.h).
#pragma once

#include <memory>
#include <string>

#include "ledger/state/state_view.h"

namespace selvage::ledger {

class Database;   // ledger/rocks_database.h
class WriteBatch;
struct UpdateBatch;

// A view of `channel` as of now; keeps a RocksDB snapshot (and with it old values) until destroyed, so hold it for one
// simulation or one block, not for a connection. `database` outlives it. `height` is what the view answers.
[[nodiscard]] std::unique_ptr<StateView> make_rocks_state_view(const Database& database, const std::string& channel,
                                                               uint64_t height);

// The writes of a block into `batch`.
void add_state_updates(const std::string& channel, const UpdateBatch& updates, WriteBatch& batch);

}  // namespace selvage::ledger
