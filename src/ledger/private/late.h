// Private data that comes after its block was committed without it: what is still wanted, and how it is taken in.
//
// Fabric quirk: core/ledger/pvtdatastorage (reconciliation), core/ledger/kvledger/hash_verification.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "ledger/private/expiry.h"
#include "ledger/private/private_store.h"
#include "ledger/state/rw_set.h"
#include "ledger/state/state_view.h"

namespace common {
class Block;
}

namespace selvage::ledger {

class Database;
class WriteBatch;

// What a transaction of this block promised of one collection: the hashes of its private writes; nullopt: nothing.
[[nodiscard]] std::optional<CollectionRwSet> find_promise(const ::common::Block& block, uint64_t transaction,
                                                          const std::string& ns, const std::string& collection);

// Into `batch`: the write set itself, no more missing, and into state those of its values whose hashes are still there.
// What blockToLive would have removed by now is only no more missing. `view` is the newest state.
Status add_late_private_data(const std::string& channel, uint64_t block, const PrivateWrite& write,
                             const BlocksToLive& blocks_to_live, const StateView& view, WriteBatch& batch);

}  // namespace selvage::ledger
