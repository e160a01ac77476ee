#include "validate/endorsement_check.h"

#include <fmt/format.h>

#include "common/policies.pb.h"
#include "ledger/rwset/kvrwset/kv_rwset.pb.h"
#include "lifecycle/collections.h"
#include "lifecycle/keys.h"
#include "peer/policy.pb.h"
#include "wire/marshal.h"

namespace selvage::validate {
namespace {

constexpr char kValidationParameter[] = "VALIDATION_PARAMETER";

Verdict policy_failure(std::string reason) {
  return invalid(::protos::ENDORSEMENT_POLICY_FAILURE, std::move(reason));
}

// The public state of `_lifecycle`, as lifecycle/ reads it.
class LifecycleState final : public lifecycle::StateReader {
 public:
  explicit LifecycleState(const ledger::StateView& view) : view_(view) {}
  Result<std::optional<Bytes>> get(std::string_view key) const override {
    SELVAGE_TRY(auto value, view_.get(lifecycle::kNamespace, key));
    if (!value) return std::optional<Bytes>();
    return std::optional<Bytes>(std::move(value->value));
  }

 private:
  const ledger::StateView& view_;
};

}  // namespace

// The policies that have been satisfied so far for one namespace of one transaction. Each is asked once.
class EndorsementCheck::Evaluation {
 public:
  Evaluation(EndorsementCheck& check, const std::string& chaincode, const Guard& guard,
             const std::vector<policy::IdentityPtr>& endorsers)
      : check_(check), chaincode_(chaincode), guard_(guard), endorsers_(endorsers) {}

  Result<Verdict> write(const std::string& collection, const std::string& key) {
    if (check_.changed_parameters_.count({chaincode_, collection, key}) > 0) {
      return policy_failure(fmt::format("validation parameters for key [{}] in namespace [{}:{}] have been changed in this "
                                        "block", printable(collection, key), chaincode_, collection));
    }
    SELVAGE_TRY(const Bytes own, check_.key_policy(chaincode_, collection, key));
    if (own.empty()) return namespace_policy(collection);
    if (auto satisfied = check_.policies_.evaluate(own, endorsers_); !satisfied) {
      return policy_failure(fmt::format("validation of key {} (coll'{}':ns'{}') failed: {}", printable(collection, key),
                                        collection, chaincode_, satisfied.error().message));
    }
    any_checked_ = true;
    return Verdict{};
  }

  Verdict finish() { return any_checked_ ? Verdict{} : chaincode_policy(); }

 private:
  static std::string printable(const std::string& collection, const std::string& key) {
    return collection.empty() ? escape(key) : to_hex(key);
  }

  Result<Verdict> namespace_policy(const std::string& collection) {
    if (collection.empty()) return checked_.count("") > 0 ? Verdict{} : chaincode_policy();
    if (checked_.count(collection) > 0) return Verdict{};
    auto policy = lifecycle::collection_endorsement_policy(check_.rules_, guard_.definition, collection);
    if (!policy && policy.error().code == Code::kNotFound) return policy_failure(policy.error().message);
    if (!policy) return fail(policy.error());
    if (policy->empty()) return namespace_policy("");
    if (auto satisfied = check_.policies_.evaluate(*policy, endorsers_); !satisfied) {
      return policy_failure(fmt::format("validation of endorsement policy for collection {} chaincode {} failed: {}",
                                        escape(collection), chaincode_, satisfied.error().message));
    }
    checked_.insert(collection);
    any_checked_ = true;
    return Verdict{};
  }

  Verdict chaincode_policy() {
    if (auto satisfied = check_.policies_.evaluate(guard_.policy, endorsers_); !satisfied) {
      return policy_failure(fmt::format("validation of endorsement policy for chaincode {} failed: {}", chaincode_,
                                        satisfied.error().message));
    }
    checked_.insert("");
    any_checked_ = true;
    return {};
  }

  EndorsementCheck& check_;
  const std::string& chaincode_;
  const Guard& guard_;
  const std::vector<policy::IdentityPtr>& endorsers_;
  std::set<std::string> checked_;  // collections whose policy holds; "": the chaincode's
  bool any_checked_ = false;
};

EndorsementCheck::EndorsementCheck(const ledger::StateView& state, PolicyCache& policies, const plugin::Plugins& plugins,
                                   const ::common::Block& block)
    : state_(state), policies_(policies), plugins_(plugins), block_(block) {
  const channel::Bundle& bundle = *policies.bundle();
  rules_.channel_id = bundle.channel_id();
  rules_.policies = &bundle.policies();
  if (bundle.application() != nullptr) {
    for (const auto& [name, org] : bundle.application()->orgs) rules_.orgs[name] = org.mspid();
  }
}

Result<const std::optional<EndorsementCheck::Guard>*> EndorsementCheck::guard_of(const std::string& chaincode) {
  const auto known = guards_.find(chaincode);
  if (known != guards_.end()) return &known->second;
  std::optional<Guard> guard;
  auto definition = lifecycle::read_definition(chaincode, LifecycleState(state_));
  if (!definition) {
    return fail(Code::kInternal, fmt::format("Could not retrieve state for chaincode {}, error could not get chaincode: {}",
                                             escape(chaincode), definition.error().message), definition.error().cause);
  }
  if (*definition) {
    guard.emplace();
    guard->plugin = (*definition)->validation_plugin;
    guard->policy = (*definition)->validation_parameter;
    if (chaincode == lifecycle::kNamespace) {
      guard->plugin = lifecycle::kDefaultValidationPlugin;
      SELVAGE_TRY(guard->policy, lifecycle::lifecycle_endorsement_policy(rules_));
    }
    guard->definition = std::move(**definition);
  }
  return &guards_.emplace(chaincode, std::move(guard)).first->second;
}

Result<Bytes> EndorsementCheck::key_policy(const std::string& chaincode, const std::string& collection,
                                           const std::string& key) {
  auto value = collection.empty() ? state_.get(chaincode, key)
                                  : state_.get(ledger::hash_namespace(chaincode, collection), key);
  if (!value) return fail(value.error().within(fmt::format("could not retrieve metadata for {}", escape(chaincode))));
  if (!*value || (*value)->metadata.empty()) return Bytes();
  SELVAGE_TRY(const ledger::Metadata metadata, ledger::parse_metadata((*value)->metadata));
  const auto parameter = metadata.find(kValidationParameter);
  if (parameter == metadata.end() || parameter->second.empty()) return Bytes();
  ::protos::ApplicationPolicy policy;
  if (!wire::parse_into(parameter->second, *policy.mutable_signature_policy())) {
    // Fabric quirk: no peer can give a code here; the channel stops on all of them.
    return fail(Code::kAborted, fmt::format("could not translate policy for {}:{}: could not unmarshal signature policy "
                                             "envelope", escape(chaincode), collection.empty() ? escape(key) : to_hex(key)));
  }
  return wire::marshal(policy);
}

void EndorsementCheck::remember_parameters(const ledger::NamespaceRwSet& ns) {
  for (const auto& write : ns.kv->metadata_writes()) changed_parameters_.emplace(ns.name, "", write.key());
  for (const ledger::CollectionRwSet& collection : ns.collections) {
    for (const auto& write : collection.hashed->metadata_writes()) {
      changed_parameters_.emplace(ns.name, collection.collection, write.key_hash());
    }
  }
}

Result<Verdict> EndorsementCheck::check_writes(const CheckedTransaction& transaction, const std::string& chaincode,
                                               const Guard& guard) {
  Evaluation evaluation(*this, chaincode, guard, transaction.endorsers);
  const ledger::NamespaceRwSet* written = nullptr;
  for (const ledger::NamespaceRwSet& ns : transaction.rw_set->namespaces) {
    if (ns.name == chaincode) written = &ns;
  }
  if (written == nullptr) return evaluation.finish();
  const auto each = [&](const std::string& collection, const auto& writes, auto key_of) -> Result<Verdict> {
    for (const auto& write : writes) {
      SELVAGE_TRY(Verdict verdict, evaluation.write(collection, key_of(write)));
      if (!verdict.valid()) return verdict;
    }
    return Verdict{};
  };
  const auto key = [](const auto& write) -> const std::string& { return write.key(); };
  const auto key_hash = [](const auto& write) -> const std::string& { return write.key_hash(); };
  SELVAGE_TRY(Verdict verdict, each("", written->kv->writes(), key));
  if (!verdict.valid()) return verdict;
  SELVAGE_TRY(verdict, each("", written->kv->metadata_writes(), key));
  if (!verdict.valid()) return verdict;
  for (const ledger::CollectionRwSet& collection : written->collections) {
    SELVAGE_TRY(verdict, each(collection.collection, collection.hashed->hashed_writes(), key_hash));
    if (!verdict.valid()) return verdict;
  }
  for (const ledger::CollectionRwSet& collection : written->collections) {
    SELVAGE_TRY(verdict, each(collection.collection, collection.hashed->metadata_writes(), key_hash));
    if (!verdict.valid()) return verdict;
  }
  if (verdict = evaluation.finish(); !verdict.valid()) return verdict;
  remember_parameters(*written);
  return verdict;
}

Result<Verdict> EndorsementCheck::check(const CheckedTransaction& transaction, size_t position) {
  for (const std::string& chaincode : transaction.written_namespaces) {
    SELVAGE_TRY(const std::optional<Guard>* guard, guard_of(chaincode));
    if (!*guard || (*guard)->plugin.empty()) {
      return invalid(::protos::INVALID_CHAINCODE,
                     fmt::format("chaincode definition for [{}] is invalid, plugin field must be set", escape(chaincode)));
    }
    if ((*guard)->policy.empty()) {
      return invalid(::protos::INVALID_CHAINCODE,
                     fmt::format("chaincode definition for [{}] is invalid, policy field must be set", escape(chaincode)));
    }
    const auto* found = plugins_.validator((*guard)->plugin);
    if (found == nullptr) {
      const std::string name = escape((*guard)->plugin);
      return fail(Code::kAborted, fmt::format("plugin with name {0} couldn't be used: plugin with name {0} wasn't found", name),
                  "", fmt::format("chaincode {} asks for it: set peer.handlers.validators.{}.library in core.yaml to the "
                                  "plugin and start the peer again", escape(chaincode), name));
    }
    auto verdict = found->library ? ask_plugin(*found->library, transaction, position, chaincode, **guard)
                                  : check_writes(transaction, chaincode, **guard);
    if (!verdict || !verdict->valid()) return verdict;
  }
  return Verdict{};
}

}  // namespace selvage::validate
