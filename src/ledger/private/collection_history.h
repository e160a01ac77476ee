// Which collections a chaincode had when: private data of an old block is judged by the definition that was in force then,
// however often the chaincode was upgraded since. Who may have it, whom to ask for it, what a client may see.
//
// Derived from the blocks, and so rebuilt with the state. Fabric quirk: core/ledger/confighistory/mgr.go
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace selvage::ledger {

class Database;
class StateView;
class WriteBatch;
struct UpdateBatch;

// A chaincode that a block defines, anew or again.
struct DefinitionChange {
  std::string chaincode;
  Bytes collections;                    // of the new definition: peer.CollectionConfigPackage; empty: none
  std::vector<std::string> newly_ours;  // collections that were there before, and that this peer is a member of only now
};
// What `updates` do to definitions; `before` is the state that they will be applied to.
using DefinitionChanges =
    std::function<Result<std::vector<DefinitionChange>>(const UpdateBatch& updates, const StateView& before)>;

// As Fabric, keeps nothing for a definition without collections: the older ones go on being found.
void add_collection_history(const std::string& channel, uint64_t block, const DefinitionChange& change, WriteBatch& batch);

// The collections by the newest definition that a block below `block` committed; nullopt: there is none with any.
[[nodiscard]] Result<std::optional<Bytes>> find_collections_below(const Database& database, const std::string& channel,
                                                                  uint64_t block, const std::string& chaincode);

}  // namespace selvage::ledger
