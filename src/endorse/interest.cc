#include "endorse/interest.h"

#include <map>
#include <vector>

#include "common/policies.pb.h"
#include "ledger/rwset/kvrwset/kv_rwset.pb.h"
#include "ledger/state/rw_set.h"
#include "ledger/state/rw_set_builder.h"
#include "ledger/state/state_view.h"
#include "peer/proposal_response.pb.h"

namespace selvage::endorse {
namespace {

struct Needs {
  std::map<std::string, bool> policies;  // collection ("" for the public data) -> its policy is asked for
  std::vector<common::SignaturePolicyEnvelope> key_policies;
};

// One written key: either its own policy counts or that of the chaincode or collection.
Status add_write(const ledger::StateView& view, const std::string& ns, BytesView key, const std::string& collection,
                 Needs& needs) {
  SELVAGE_TRY(auto value, view.get(ns, key));
  ledger::Metadata metadata;
  if (value) {
    SELVAGE_TRY(metadata, ledger::parse_metadata(value->metadata));
  }
  auto policy = metadata.find("VALIDATION_PARAMETER");
  if (policy == metadata.end()) {
    needs.policies[collection] = true;
    return {};
  }
  common::SignaturePolicyEnvelope envelope;
  if (!envelope.ParseFromString(policy->second))
    return fail(Code::kDataLoss, "error unmarshalling SignaturePolicyEnvelope");
  needs.key_policies.push_back(std::move(envelope));
  return {};
}

Status add_namespace(const ledger::NamespaceRwSet& set, const ledger::StateView& view, Needs& needs) {
  for (const auto& write : set.kv->writes()) SELVAGE_CHECK(add_write(view, set.name, write.key(), "", needs));
  for (const auto& write : set.kv->metadata_writes()) SELVAGE_CHECK(add_write(view, set.name, write.key(), "", needs));
  bool writes = set.kv->writes_size() > 0 || set.kv->metadata_writes_size() > 0;
  for (const auto& collection : set.collections) {
    std::string ns = ledger::hash_namespace(set.name, collection.collection);
    for (const auto& write : collection.hashed->hashed_writes())
      SELVAGE_CHECK(add_write(view, ns, write.key_hash(), collection.collection, needs));
    for (const auto& write : collection.hashed->metadata_writes())
      SELVAGE_CHECK(add_write(view, ns, write.key_hash(), collection.collection, needs));
    writes = writes || collection.hashed->hashed_writes_size() > 0 || collection.hashed->metadata_writes_size() > 0;
  }
  // A chaincode that was only read must be asked as well; of one that wrote, only what was written.
  needs.policies.try_emplace("", !writes);
  return {};
}

}  // namespace

Result<protos::ChaincodeInterest> make_interest(const ledger::SimulationResults& results, const ledger::StateView& view,
                                                const std::function<bool(const std::string&)>& is_system) {
  SELVAGE_TRY(auto rw_set, ledger::parse_tx_rw_set(results.public_rw_set));
  std::map<std::string, Needs> all;
  for (const auto& set : rw_set.namespaces)
    if (!is_system(set.name)) SELVAGE_CHECK(add_namespace(set, view, all[set.name]));
  for (const auto& [chaincode, collection] : results.private_reads)
    if (!is_system(chaincode)) all[chaincode].policies[collection] = true;

  protos::ChaincodeInterest interest;
  for (const auto& [chaincode, needs] : all) {
    for (const auto& [collection, required] : needs.policies) {
      if (collection.empty() && !required && needs.key_policies.empty()) continue;
      auto* call = interest.add_chaincodes();
      call->set_name(chaincode);
      if (collection.empty()) {
        for (const auto& policy : needs.key_policies) *call->add_key_policies() = policy;
        call->set_disregard_namespace_policy(!required && !needs.key_policies.empty());
        continue;
      }
      call->add_collection_names(collection);
      bool read = false;
      for (const auto& [cc, coll] : results.private_reads) read = read || (cc == chaincode && coll == collection);
      call->set_no_private_reads(!read);
    }
  }
  return interest;
}

}  // namespace selvage::endorse
