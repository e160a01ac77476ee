#include "node/peer/collection_membership.h"

#include "base/log.h"
#include "common/policies.pb.h"
#include "ledger/state/state_view.h"
#include "ledger/state/update_batch.h"
#include "lifecycle/collections.h"
#include "lifecycle/definition.h"
#include "lifecycle/keys.h"
#include "msp/identities.pb.h"
#include "msp/msp_principal.pb.h"
#include "peer/collection.pb.h"

namespace selvage::node {
namespace {

using ::protos::StaticCollectionConfig;

const log::Logger& logger() {
  static const log::Logger instance("confighistory");
  return instance;
}

// `_lifecycle` in a state, with what a block is about to change of it.
class LifecycleState final : public lifecycle::StateReader {
 public:
  explicit LifecycleState(const ledger::StateView& view, const ledger::UpdateBatch* updates = nullptr)
      : view_(view), updates_(updates) {}
  [[nodiscard]] Result<std::optional<Bytes>> get(std::string_view key) const override {
    if (const auto* update = updates_ ? updates_->find_public(lifecycle::kNamespace, key) : nullptr) return update->value;
    SELVAGE_TRY(auto value, view_.get(lifecycle::kNamespace, key));
    return value ? std::optional<Bytes>(std::move(value->value)) : std::nullopt;
  }

 private:
  const ledger::StateView& view_;
  const ledger::UpdateBatch* updates_;
};

// The organisation that a principal of a member policy belongs to; empty when it cannot be read.
// Fabric quirk: core/common/privdata/util.go: a role or unit of an organisation makes all of the organisation a member.
std::string org_of(const ::common::MSPPrincipal& principal) {
  ::common::MSPRole role;
  ::common::OrganizationUnit unit;
  ::msp::SerializedIdentity identity;
  switch (principal.principal_classification()) {
    case ::common::MSPPrincipal::ROLE:
      return role.ParseFromString(principal.principal()) ? role.msp_identifier() : "";
    case ::common::MSPPrincipal::ORGANIZATION_UNIT:
      return unit.ParseFromString(principal.principal()) ? unit.msp_identifier() : "";
    case ::common::MSPPrincipal::IDENTITY:
      return identity.ParseFromString(principal.principal()) ? identity.mspid() : "";
    default:
      return "";
  }
}

// Of the collections in `after`, those that were in `before` too, and whose members this organisation joined in between.
std::vector<std::string> newly_of(const std::string& mspid, const ::protos::CollectionConfigPackage& before,
                                  const ::protos::CollectionConfigPackage& after) {
  std::vector<std::string> names;
  for (const auto& old : before.config()) {
    if (names_org(old.static_collection_config(), mspid)) continue;
    for (const auto& now : after.config()) {
      const auto& config = now.static_collection_config();
      if (config.name() == old.static_collection_config().name() && names_org(config, mspid)) names.push_back(config.name());
    }
  }
  return names;
}

Result<::protos::CollectionConfigPackage> collections_of(const std::string& chaincode, const LifecycleState& state) {
  SELVAGE_TRY(const auto definition, lifecycle::read_definition(chaincode, state));
  return lifecycle::parse_collections(definition ? BytesView(definition->collections) : BytesView());
}

// What a block that writes the chaincode's sequence makes of its definition.
Result<ledger::DefinitionChange> read_change(std::string chaincode, const std::string& mspid,
                                             const ledger::UpdateBatch& updates, const ledger::StateView& before) {
  SELVAGE_TRY(const auto definition, lifecycle::read_definition(chaincode, LifecycleState(before, &updates)));
  ledger::DefinitionChange change{std::move(chaincode), definition ? definition->collections : Bytes(), {}};
  if (change.collections.empty()) return change;
  SELVAGE_TRY(const auto now, lifecycle::parse_collections(change.collections));
  if (now.config().empty()) change.collections.clear();
  SELVAGE_TRY(const auto old, collections_of(change.chaincode, LifecycleState(before)));
  change.newly_ours = newly_of(mspid, old, now);
  return change;
}

}  // namespace

bool CollectionMembership::is_member(const std::string& chaincode, const std::string& collection,
                                     const ledger::StateView& view) const {
  const std::string_view implicit = lifecycle::mspid_of_implicit_collection(collection);
  if (!implicit.empty()) return implicit == our_mspid_;
  const auto found = collection_config(chaincode, collection, view);
  return found && names_org(*found, our_mspid_);
}

bool names_org(const StaticCollectionConfig& config, const std::string& mspid) {
  for (const auto& principal : config.member_orgs_policy().signature_policy().identities()) {
    if (org_of(principal) == mspid) return true;
  }
  return false;
}

std::optional<StaticCollectionConfig> collection_config(const std::string& chaincode, const std::string& collection,
                                                        const ledger::StateView& view) {
  const auto definition = lifecycle::read_definition(chaincode, LifecycleState(view));
  if (!definition || !*definition) return std::nullopt;
  auto found = lifecycle::find_collection(**definition, collection);
  return found ? std::move(*found) : std::nullopt;
}

std::optional<StaticCollectionConfig> collection_config_at(const ledger::Ledger& ledger, uint64_t block,
                                                           const std::string& chaincode, const std::string& collection) {
  const auto package = ledger.collections_below(block, chaincode);
  if (!package) return std::nullopt;
  auto found = lifecycle::find_collection(*package ? BytesView(**package) : BytesView(), collection);
  return found ? std::move(*found) : std::nullopt;
}

uint64_t blocks_to_live(const std::string& chaincode, const std::string& collection, const ledger::StateView& view) {
  if (!lifecycle::mspid_of_implicit_collection(collection).empty()) return 0;
  const auto found = collection_config(chaincode, collection, view);
  return found ? found->block_to_live() : 0;
}

ledger::DefinitionChanges definition_changes(const std::string& our_mspid) {
  return [our_mspid](const ledger::UpdateBatch& updates,
                     const ledger::StateView& before) -> Result<std::vector<ledger::DefinitionChange>> {
    std::vector<ledger::DefinitionChange> changes;
    const auto keys = updates.public_updates.find(lifecycle::kNamespace);
    if (keys == updates.public_updates.end()) return changes;
    for (const auto& [key, update] : keys->second) {
      const std::string_view chaincode = lifecycle::chaincode_of_sequence_key(key);
      if (chaincode.empty()) continue;
      auto change = read_change(std::string(chaincode), our_mspid, updates, before);
      if (change) {
        changes.push_back(std::move(*change));
      } else {
        LOG_WARN(logger(), "The definition of chaincode {} that a block commits cannot be read, its collections are as before: {}",
                 chaincode, to_string(change.error()));
      }
    }
    return changes;
  };
}

}  // namespace selvage::node
