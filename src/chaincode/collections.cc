#include "chaincode/collections.h"

#include <set>

#include "channel/bundle.h"
#include "identity/identity.h"
#include "ledger/ledger.h"
#include "lifecycle/collections.h"
#include "lifecycle/definition.h"
#include "lifecycle/keys.h"
#include "peer/collection.pb.h"
#include "policy/signature_policy.h"

namespace selvage::chaincode {
namespace {

// Names of all collections of a chaincode, implicit ones included.
Result<std::set<std::string, std::less<>>> collections_of(const std::string& chaincode, ledger::TxSimulator& simulator,
                                                          const channel::Bundle& bundle) {
  SELVAGE_TRY(auto definition, lifecycle::read_definition(chaincode, SimulatorState(simulator, std::string(lifecycle::kNamespace))));
  if (!definition)
    return fail(Code::kInvalidArgument, "collection config not defined for chaincode [" + chaincode +
                                            "], pass the collection configuration upon chaincode definition/instantiation");
  std::set<std::string, std::less<>> names;
  protos::CollectionConfigPackage package;
  if (!package.ParseFromString(definition->collections))
    return fail(Code::kDataLoss, "collections of chaincode " + chaincode + " do not parse");
  for (const auto& config : package.config()) names.insert(config.static_collection_config().name());
  if (bundle.application())
    for (const auto& [name, org] : bundle.application()->orgs) names.insert(lifecycle::implicit_collection(org.mspid()));
  return names;
}

}  // namespace

Result<std::optional<Bytes>> SimulatorState::get(std::string_view key) const {
  return simulator_.get_state(ns_, std::string(key));
}

std::unique_ptr<ledger::TxSimulator> new_simulator(const ledger::Ledger& ledger,
                                                   std::shared_ptr<const channel::Bundle> bundle,
                                                   const std::string& txid) {
  struct Known {
    ledger::TxSimulator* simulator = nullptr;
    std::map<std::string, std::set<std::string, std::less<>>> collections;
  };
  // The check belongs to the simulator that it reads through, so it is told after the simulator is made.
  auto known = std::make_shared<Known>();
  auto check = [known, bundle = std::move(bundle)](const std::string& chaincode, const std::string& collection) -> Status {
    auto found = known->collections.find(chaincode);
    if (found == known->collections.end()) {
      SELVAGE_TRY(auto names, collections_of(chaincode, *known->simulator, *bundle));
      found = known->collections.emplace(chaincode, std::move(names)).first;
    }
    if (found->second.contains(collection)) return {};
    return fail(Code::kInvalidArgument,
                "collection [" + collection + "] not defined in the collection config for chaincode [" + chaincode + "]");
  };
  auto simulator = ledger.make_simulator(txid, std::move(check));
  known->simulator = simulator.get();
  return simulator;
}

Result<CollectionPermission> CollectionAccess::permission(const std::string& collection) {
  if (auto found = known_.find(collection); found != known_.end()) return found->second;
  SELVAGE_TRY(auto definition, lifecycle::read_definition(
                                   chaincode_, SimulatorState(*transaction_.simulator, std::string(lifecycle::kNamespace))));
  std::optional<protos::StaticCollectionConfig> config;
  if (definition) {
    SELVAGE_TRY(config, lifecycle::find_collection(*definition, collection));
  }
  if (!config)
    return fail(Code::kNotFound, "collection " + transaction_.channel_id + "/" + chaincode_ + "/" + collection +
                                     " could not be found");
  CollectionPermission answer{!config->member_only_read(), !config->member_only_write()};
  if (!answer.read || !answer.write) {
    SELVAGE_TRY(auto members, policy::make_signature_policy(config->member_orgs_policy().signature_policy(),
                                                            transaction_.bundle->msps()));
    // An identity of another organisation is no member, which is no error.
    auto creator = transaction_.bundle->msps()->deserialize(transaction_.creator->serialized());
    if (creator) {
      std::vector<policy::IdentityPtr> identities{*creator};
      if (members->evaluate_identities(identities)) answer = {true, true};
    }
  }
  known_.emplace(collection, answer);
  return answer;
}

Status CollectionAccess::check_read(const std::string& collection) {
  SELVAGE_TRY(CollectionPermission may, permission(collection));
  if (may.read) return {};
  return fail(Code::kPermissionDenied, "tx creator does not have read access permission on privatedata in chaincodeName:" +
                                           chaincode_ + " collectionName: " + collection);
}

Status CollectionAccess::check_write(const std::string& collection) {
  SELVAGE_TRY(CollectionPermission may, permission(collection));
  if (may.write) return {};
  return fail(Code::kPermissionDenied, "tx creator does not have write access permission on privatedata in chaincodeName:" +
                                           chaincode_ + " collectionName: " + collection);
}

}  // namespace selvage::chaincode
