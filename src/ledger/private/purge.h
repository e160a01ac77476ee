// purge_private_data: with the block that purges a key, every value that the key ever had goes from this peer: from the
// private sets of earlier transactions too, of which the rest stays. Peers that miss the purging transaction's private set,
// and only know the key's hash, forget the value all the same.
//
// Fabric quirk: core/ledger/pvtdatastorage (purge markers); there a background job follows later.
#pragma once

#include <string>

#include "ledger/private/private_store.h"
#include "ledger/state/rw_set.h"
#include "ledger/state/version.h"

namespace selvage::ledger {

class Database;
class WriteBatch;
struct UpdateBatch;

// Notes which keys a private set holds, by their hashes, so that a purge finds it. Into the batch that stores the set.
Status add_purge_notes(const std::string& channel, uint64_t block, const PrivateWrite& write, WriteBatch& batch);

// Into `batch`: what the purges among `updates` take from the private store and the private state, and a note of each for
// data that comes late. The block's own private sets are in `database` already. Applying a block again gives the same.
Status add_purges(const Database& database, const std::string& channel, const UpdateBatch& updates, WriteBatch& batch);

// What may be kept of a private set that comes after its block, which promised it in `version`'s transaction: all of it, or
// less where keys were purged since; whoever gives it may have seen purges that we have not, or the other way round.
// kInvalidArgument when it is another set, or lacks what is not purged (here, as yet).
// Fabric quirk: core/ledger/kvledger/hashcheck_pvtdata.go
[[nodiscard]] Result<Bytes> unpurged_part(const Database& database, const std::string& channel, const std::string& ns,
                                          const CollectionRwSet& promise, const Version& version, const Bytes& rw_set);

}  // namespace selvage::ledger
