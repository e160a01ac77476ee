#include "node/peer/collection_membership.h"

#include "common/policies.pb.h"
#include "ledger/state/state_view.h"
#include "lifecycle/collections.h"
#include "lifecycle/definition.h"
#include "lifecycle/keys.h"
#include "msp/msp_principal.pb.h"
#include "peer/collection.pb.h"

namespace selvage::node {
namespace {

class LifecycleState final : public lifecycle::StateReader {
 public:
  explicit LifecycleState(const ledger::StateView& view) : view_(view) {}
  [[nodiscard]] Result<std::optional<Bytes>> get(std::string_view key) const override {
    SELVAGE_TRY(auto value, view_.get(lifecycle::kNamespace, key));
    return value ? std::optional<Bytes>(std::move(value->value)) : std::nullopt;
  }

 private:
  const ledger::StateView& view_;
};

// Fabric quirk: core/common/privdata/collection.go: a role of an organisation makes all of the organisation a member.
bool names(const ::common::SignaturePolicyEnvelope& policy, const std::string& mspid) {
  for (const auto& principal : policy.identities()) {
    if (principal.principal_classification() != ::common::MSPPrincipal::ROLE) continue;
    ::common::MSPRole role;
    if (role.ParseFromString(principal.principal()) && role.msp_identifier() == mspid) return true;
  }
  return false;
}

// nullopt when it is not defined, or its definition cannot be read.
std::optional<::protos::StaticCollectionConfig> find(const std::string& chaincode, const std::string& collection,
                                                     const ledger::StateView& view) {
  const LifecycleState state(view);
  const auto definition = lifecycle::read_definition(chaincode, state);
  if (!definition || !*definition) return std::nullopt;
  auto found = lifecycle::find_collection(**definition, collection);
  return found ? std::move(*found) : std::nullopt;
}

}  // namespace

bool CollectionMembership::is_member(const std::string& chaincode, const std::string& collection,
                                     const ledger::StateView& view) const {
  const std::string_view implicit = lifecycle::mspid_of_implicit_collection(collection);
  if (!implicit.empty()) return implicit == our_mspid_;
  const auto found = find(chaincode, collection, view);
  return found && names(found->member_orgs_policy().signature_policy(), our_mspid_);
}

bool names_org(const ::protos::StaticCollectionConfig& config, const std::string& mspid) {
  return names(config.member_orgs_policy().signature_policy(), mspid);
}

std::optional<::protos::StaticCollectionConfig> collection_config(const std::string& chaincode,
                                                                  const std::string& collection,
                                                                  const ledger::StateView& view) {
  return find(chaincode, collection, view);
}

uint64_t blocks_to_live(const std::string& chaincode, const std::string& collection, const ledger::StateView& view) {
  if (!lifecycle::mspid_of_implicit_collection(collection).empty()) return 0;
  const auto found = find(chaincode, collection, view);
  return found ? found->block_to_live() : 0;
}

}  // namespace selvage::node
