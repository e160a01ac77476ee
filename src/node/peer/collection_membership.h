// Whose private data this peer keeps: its organisation's implicit collections and the explicit ones whose member policy
// names its organisation. Reads definitions from the state that the block was validated against.
#pragma once

#include <string>

#include "commit/committer.h"

namespace selvage::node {

// Safe from any thread.
class CollectionMembership final : public commit::CollectionAccess {
 public:
  explicit CollectionMembership(std::string our_mspid) : our_mspid_(std::move(our_mspid)) {}
  // A collection that is not defined any more, or whose definition cannot be read, counts as not ours: the data is then
  // recorded as missing, never fatal.
  [[nodiscard]] Answer ask(const std::string& chaincode, const std::string& collection,
                           const ledger::StateView& view) const override;

 private:
  std::string our_mspid_;
};

}  // namespace selvage::node
