// Private data with a life of its own: a collection may say for how many blocks its data lives (blockToLive). When block
// n + blockToLive + 1 is committed, what block n wrote into the collection, and was not written again since, goes: the
// private values where they are, and the hashes on every peer. Hashes count in MVCC, so all peers must drop them with the
// same block; the commit hash does not cover it.
//
// Fabric quirk: core/ledger/kvledger/txmgmt/pvtstatepurgemgmt/purge_mgr.go
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "ledger/state/state_view.h"

namespace selvage::ledger {

class Database;
class WriteBatch;
struct UpdateBatch;

// blockToLive of a chaincode's collection by the definition in `view`; 0: for ever.
using BlocksToLive = std::function<uint64_t(const std::string& chaincode, const std::string& collection,
                                            const StateView& view)>;

// Into `batch` go: the notes of what `updates` of this block will have to go and when, and what is to go with this block
// (state and private store). `view` is the state before the block. Applying a block again gives the same batch.
Status add_expiry(const Database& database, const std::string& channel, uint64_t block, const UpdateBatch& updates,
                  const BlocksToLive& blocks_to_live, const StateView& view, WriteBatch& batch);

// Notes the plain key of something that block `written_by` wrote and that goes with block `at_block`, where only its hash
// was known so far.
void add_expiring_key(const std::string& channel, uint64_t at_block, uint64_t written_by, const std::string& ns,
                      const std::string& collection, const std::string& key, WriteBatch& batch);

// The same for a private set none of whose keys may be in state: that of a transaction which is not valid.
void add_expiring_set(const std::string& channel, uint64_t block, const std::string& ns, const std::string& collection,
                      const BlocksToLive& blocks_to_live, const StateView& view, WriteBatch& batch);

}  // namespace selvage::ledger
