#include "discovery/chaincode_policies.h"

#include <fmt/format.h>

#include "channel/bundle.h"
#include "common/configtx.pb.h"
#include "lifecycle/collections.h"
#include "lifecycle/definition.h"
#include "lifecycle/keys.h"
#include "msp/msp_principal.pb.h"
#include "peer/policy.pb.h"
#include "policy/signature_policy.h"
#include "wire/marshal.h"

namespace selvage::discovery {
namespace {

using ::common::ConfigGroup;
using ::common::SignaturePolicy;
using ::common::SignaturePolicyEnvelope;

constexpr int kDepthMax = 50;

void renumber(SignaturePolicy& rule, const std::vector<int>& places) {
  if (rule.has_n_out_of()) {
    for (auto& below : *rule.mutable_n_out_of()->mutable_rules()) renumber(below, places);
  } else if (rule.signed_by() >= 0 && static_cast<size_t>(rule.signed_by()) < places.size()) {
    rule.set_signed_by(places[static_cast<size_t>(rule.signed_by())]);
  }
}

// One more rule under `into`'s, its principals shared with those that are there.
void append(SignaturePolicyEnvelope& into, const SignaturePolicyEnvelope& policy) {
  std::vector<int> places;
  for (const auto& principal : policy.identities()) {
    int place = 0;
    while (place < into.identities_size() &&
           (into.identities(place).principal_classification() != principal.principal_classification() ||
            into.identities(place).principal() != principal.principal())) {
      ++place;
    }
    if (place == into.identities_size()) *into.add_identities() = principal;
    places.push_back(place);
  }
  SignaturePolicy rule = policy.rule();
  renumber(rule, places);
  *into.mutable_rule()->mutable_n_out_of()->add_rules() = std::move(rule);
}

Result<SignaturePolicyEnvelope> convert(const ConfigGroup& group, const std::string& name, int depth) {
  const auto found = group.policies().find(name);
  if (found == group.policies().end()) return fail(Code::kNotFound, "no such policy: '" + name + "'");
  const auto& policy = found->second.policy();
  if (policy.type() == ::common::Policy::SIGNATURE) return wire::parse<SignaturePolicyEnvelope>(policy.value());
  if (policy.type() != ::common::Policy::IMPLICIT_META || depth > kDepthMax)
    return fail(Code::kInvalidArgument, "policy '" + name + "' is not convertible to SignaturePolicyEnvelope");
  SELVAGE_TRY(const auto meta, wire::parse<::common::ImplicitMetaPolicy>(policy.value()));
  SignaturePolicyEnvelope converted;
  int threshold = 0;
  const int below = group.groups_size();
  if (meta.rule() == ::common::ImplicitMetaPolicy::ANY) threshold = below > 0 ? 1 : 0;
  if (meta.rule() == ::common::ImplicitMetaPolicy::ALL) threshold = below;
  if (meta.rule() == ::common::ImplicitMetaPolicy::MAJORITY) threshold = below > 0 ? below / 2 + 1 : 0;
  converted.mutable_rule()->mutable_n_out_of()->set_n(threshold);
  std::map<std::string, const ConfigGroup*> sorted;
  for (const auto& [group_name, sub] : group.groups()) sorted[group_name] = &sub;
  for (const auto& [group_name, sub] : sorted) {
    auto one = convert(*sub, meta.sub_policy(), depth + 1);
    if (!one) {
      return fail(one.error().within(fmt::format("failed to convert subpolicy of {} of policy {}", group_name,
                                                 meta.sub_policy())));
    }
    append(converted, *one);
  }
  return converted;
}

// "/Channel/Application/Endorsement"
Result<SignaturePolicyEnvelope> follow(const channel::Bundle& bundle, const std::string& reference) {
  constexpr std::string_view kRoot = "/Channel/";
  const auto missing = [&] {
    return fail(Code::kNotFound, fmt::format("could not retrieve policy for reference '{}' on channel '{}'", reference,
                                             bundle.channel_id()));
  };
  if (!reference.starts_with(kRoot)) return missing();
  const ConfigGroup* group = &bundle.config().channel_group();
  std::string_view rest = std::string_view(reference).substr(kRoot.size());
  for (size_t slash; (slash = rest.find('/')) != std::string_view::npos; rest.remove_prefix(slash + 1)) {
    const auto below = group->groups().find(std::string(rest.substr(0, slash)));
    if (below == group->groups().end()) return missing();
    group = &below->second;
  }
  if (!group->policies().contains(std::string(rest))) return missing();
  return convert(*group, std::string(rest), 0);
}

lifecycle::ChannelRules rules_of(const channel::Bundle& bundle) {
  lifecycle::ChannelRules rules;
  rules.channel_id = bundle.channel_id();
  rules.policies = &bundle.policies();
  if (const auto* application = bundle.application())
    for (const auto& [name, org] : application->orgs) rules.orgs[name] = org.mspid();
  return rules;
}

// Its members are the organisation's, and one of them must endorse.
::protos::StaticCollectionConfig implicit_collection(const std::string& name, const std::string& mspid) {
  ::protos::StaticCollectionConfig collection;
  collection.set_name(name);
  const auto policy = policy::signed_by_any_member({mspid});
  *collection.mutable_member_orgs_policy()->mutable_signature_policy() = policy;
  *collection.mutable_endorsement_policy()->mutable_signature_policy() = policy;
  return collection;
}

}  // namespace

Result<SignaturePolicyEnvelope> to_signature_policy(const channel::Bundle& bundle, BytesView application_policy) {
  auto parsed = wire::parse<::protos::ApplicationPolicy>(application_policy);
  if (!parsed) return fail(parsed.error().within("failed to unmarshal ApplicationPolicy bytes"));
  switch (parsed->Type_case()) {
    case ::protos::ApplicationPolicy::kSignaturePolicy:
      return std::move(*parsed->mutable_signature_policy());
    case ::protos::ApplicationPolicy::kChannelConfigPolicyReference:
      return follow(bundle, parsed->channel_config_policy_reference());
    default:
      return fail(Code::kInvalidArgument,
                  fmt::format("unsupported policy type <nil> on channel '{}'", bundle.channel_id()));
  }
}

Result<ChaincodePolicies> read_policies(const ChannelState& channel, const std::string& chaincode,
                                        const std::vector<std::string>& collections) {
  if (!channel.bundle) return fail(Code::kNotFound, "unknown channel");
  const channel::Bundle& bundle = *channel.bundle;
  ChaincodePolicies out;
  out.name = chaincode;
  Bytes policy;
  if (chaincode == lifecycle::kNamespace) {
    SELVAGE_TRY(policy, lifecycle::lifecycle_endorsement_policy(rules_of(bundle)));
    out.version = "1";
  } else {
    const auto definition = channel.definition(chaincode);
    if (!definition && definition.error().code == Code::kNotFound) {
      return fail(Code::kNotFound, "unknown chaincode '" + chaincode + "'");
    }
    if (!definition) return fail(definition.error());
    out.version = std::to_string((*definition)->sequence);
    policy = (*definition)->validation_parameter;
    SELVAGE_CHECK(wire::parse_into((*definition)->collections, out.collections));
  }
  SELVAGE_TRY(out.policy, to_signature_policy(bundle, policy));
  for (const auto& name : collections) {
    if (const auto mspid = lifecycle::mspid_of_implicit_collection(name); !mspid.empty())
      *out.collections.add_config()->mutable_static_collection_config() = implicit_collection(name, std::string(mspid));
    for (const auto& config : out.collections.config()) {
      const auto& one = config.static_collection_config();
      if (one.name() != name || !one.has_endorsement_policy()) continue;
      SELVAGE_TRY(out.of_collections[name], to_signature_policy(bundle, wire::marshal(one.endorsement_policy())));
    }
  }
  return out;
}

}  // namespace selvage::discovery
