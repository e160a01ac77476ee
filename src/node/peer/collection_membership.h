// Whose private data this peer keeps: its organisation's implicit collections and the explicit ones whose member policy
// names its organisation. Reads definitions from the state that the block was validated against.
#pragma once

#include <optional>
#include <string>

#include "commit/committer.h"
#include "peer/collection.pb.h"

namespace selvage::node {

// Safe from any thread.
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

// blockToLive of a collection by the chaincode's definition in `view`; 0 (for ever) for implicit collections, and for those
// that are not defined.
[[nodiscard]] uint64_t blocks_to_live(const std::string& chaincode, const std::string& collection,
                                      const ledger::StateView& view);

}  // namespace selvage::node
