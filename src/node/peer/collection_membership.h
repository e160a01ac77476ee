// Collections as definitions say: whose data they hold, who may have it, how long it lives. By the newest definition, which
// rules what is endorsed and committed now, or by the one that was in force at an older block.
#pragma once

#include <optional>
#include <string>

#include "commit/committer.h"
#include "ledger/private/collection_history.h"
#include "peer/collection.pb.h"

namespace selvage::node {

// Whose private data this peer keeps: its organisation's implicit collections and the explicit ones whose member policy
// names its organisation. Safe from any thread.
class CollectionMembership final : public commit::CollectionAccess {
 public:
  explicit CollectionMembership(std::string our_mspid) : our_mspid_(std::move(our_mspid)) {}
  // A collection that is not defined any more, or whose definition cannot be read, counts as not ours: the data is then
  // recorded as missing, never fatal.
  [[nodiscard]] bool is_member(const std::string& chaincode, const std::string& collection,
                               const ledger::StateView& view) const override;

 private:
  std::string our_mspid_;
};

// The collection's member policy names this organisation.
[[nodiscard]] bool names_org(const ::protos::StaticCollectionConfig& config, const std::string& mspid);

// A collection's configuration by the chaincode's definition in `view`, implicit ones included; nullopt when it is not
// defined, or cannot be read.
[[nodiscard]] std::optional<::protos::StaticCollectionConfig> collection_config(const std::string& chaincode,
                                                                                const std::string& collection,
                                                                                const ledger::StateView& view);

// The same by the definition that was in force when `block` came.
[[nodiscard]] std::optional<::protos::StaticCollectionConfig> collection_config_at(const ledger::Ledger& ledger,
                                                                                   uint64_t block,
                                                                                   const std::string& chaincode,
                                                                                   const std::string& collection);

// blockToLive of a collection by the chaincode's definition in `view`; 0 (for ever) for implicit collections, and for those
// that are not defined.
[[nodiscard]] uint64_t blocks_to_live(const std::string& chaincode, const std::string& collection,
                                      const ledger::StateView& view);

// What blocks do to definitions, as the ledger of a peer of this organisation wants to know it.
[[nodiscard]] ledger::DefinitionChanges definition_changes(const std::string& our_mspid);

}  // namespace selvage::node
