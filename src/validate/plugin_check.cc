// A namespace of a transaction judged by a plugin of a shared object.
#include <fmt/format.h>

#include "common/common.pb.h"
#include "common/policies.pb.h"
#include "lifecycle/collections.h"
#include "msp/msp_principal.pb.h"
#include "validate/endorsement_check.h"
#include "wire/marshal.h"

namespace selvage::validate {
namespace {

// A "no" of somebody's own code as the plugin's "no".
Status judgement(Status answer) {
  if (answer) return answer;
  Error error = answer.error();
  error.code = plugin::kRefused;
  return fail(std::move(error));
}

}  // namespace

class EndorsementCheck::PluginHost final : public plugin::ValidationHost {
 public:
  PluginHost(EndorsementCheck& check, const CheckedTransaction& transaction, const std::string& chaincode,
             const Guard& guard)
      : check_(check), transaction_(transaction), chaincode_(chaincode), guard_(guard) {}

  Result<std::vector<std::optional<Bytes>>> state(const std::string& chaincode,
                                                  const std::vector<std::string>& keys) override {
    SELVAGE_TRY(auto found, check_.state_.get_many(chaincode, keys));
    std::vector<std::optional<Bytes>> values;
    values.reserve(found.size());
    for (auto& value : found) values.push_back(value ? std::optional<Bytes>(std::move(value->value)) : std::nullopt);
    return values;
  }

  Status scan(const std::string& chaincode, const std::string& start, const std::string& end,
              const std::function<bool(BytesView, BytesView)>& visit) override {
    SELVAGE_TRY(const auto range, check_.state_.range(chaincode, start, end));
    while (true) {
      SELVAGE_TRY(const auto entry, range->next());
      if (!entry || !visit(entry->key, entry->value.value)) return {};
    }
  }

  Result<std::map<std::string, Bytes>> metadata(const std::string& chaincode, const std::string& collection,
                                                const std::string& key) override {
    const std::string ns = collection.empty() ? chaincode : ledger::hash_namespace(chaincode, collection);
    SELVAGE_TRY(const auto value, check_.state_.get(ns, key));
    if (!value || value->metadata.empty()) return ledger::Metadata{};
    return ledger::parse_metadata(value->metadata);
  }

  Status check_identity(BytesView identity) override {
    SELVAGE_TRY(const auto known, find(identity));
    return judgement(known->validate());
  }
  Status check_principal(BytesView identity, BytesView principal) override {
    SELVAGE_TRY(const auto known, find(identity));
    ::common::MSPPrincipal wanted;
    SELVAGE_CHECK(judgement(wire::parse_into(principal, wanted)));
    return judgement(known->satisfies(wanted));
  }
  Status check_signature(BytesView identity, BytesView message, BytesView signature) override {
    SELVAGE_TRY(const auto known, find(identity));
    return judgement(known->verify(message, signature));
  }
  Status check_policy(BytesView application_policy, const std::vector<plugin::Signed>& signatures) override {
    const auto policy = check_.policies_.find(application_policy);
    if (!policy) return judgement(fail(policy.error()));
    std::vector<policy::SignedData> set;
    set.reserve(signatures.size());
    for (const plugin::Signed& one : signatures) set.push_back({one.data, one.identity, one.signature});
    return judgement((*policy)->evaluate(set));
  }
  Status check_by_default() override {
    SELVAGE_TRY(const Verdict verdict, check_.check_writes(transaction_, chaincode_, guard_));
    if (verdict.valid()) return {};
    return fail(plugin::kRefused, verdict.reason);
  }

  Result<Description> describe(BytesView identity) override {
    SELVAGE_TRY(const auto known, find(identity));
    return Description{known->mspid(), known->id()};
  }
  Result<Bytes> collection_policy(const std::string& chaincode, const std::string& collection) override {
    SELVAGE_TRY(const std::optional<Guard>* guard, check_.guard_of(chaincode));
    if (!*guard) return fail(plugin::kRefused, "no chaincode " + escape(chaincode) + " is defined");
    auto policy = lifecycle::collection_endorsement_policy(check_.rules_, (*guard)->definition, collection);
    if (!policy && policy.error().code == Code::kNotFound) return fail(plugin::kRefused, policy.error().message);
    return policy;
  }
  bool has_capability(const std::string& name) override {
    const auto* application = check_.policies_.bundle()->application();
    return application != nullptr && application->capabilities.has(name);
  }

 private:
  Result<policy::IdentityPtr> find(BytesView identity) const {
    auto known = check_.policies_.bundle()->msps()->deserialize(identity);
    if (!known) return fail(plugin::kRefused, known.error().message);
    return known;
  }

  EndorsementCheck& check_;
  const CheckedTransaction& transaction_;
  const std::string& chaincode_;
  const Guard& guard_;
};

Result<Verdict> EndorsementCheck::ask_plugin(plugin::ValidationPlugin& plugin, const CheckedTransaction& transaction,
                                             size_t position, const std::string& chaincode, const Guard& guard) {
  if (block_bytes_.empty()) block_bytes_ = wire::marshal(block_);
  const std::string& channel = policies_.bundle()->channel_id();
  if (auto opened = plugin.open(channel); !opened) {
    return fail(Code::kAborted, fmt::format("plugin with name {} couldn't be used: failed initializing plugin: {}",
                                            escape(guard.plugin), escape(opened.error().message, 1024)));
  }
  PluginHost host(*this, transaction, chaincode, guard);
  auto judged =
      plugin.validate({channel, block_bytes_, block_.header().number(), static_cast<uint32_t>(position),
                       block_.data().data(static_cast<int>(position)), transaction.tx_id, chaincode, guard.policy},
                      host);
  if (judged) return Verdict{};
  if (judged.error().code == plugin::kRefused) {
    return invalid(::protos::ENDORSEMENT_POLICY_FAILURE, judged.error().message);
  }
  return fail(
      Code::kAborted, judged.error().message, "",
      fmt::format("validation plugin {} of chaincode {} gave no judgement", escape(guard.plugin), escape(chaincode)));
}

}  // namespace selvage::validate
