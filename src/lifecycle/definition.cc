// Approve, check readiness, commit. Queries are in queries.cc.
#include "lifecycle/definition.h"

#include <fmt/format.h>

#include "base/log.h"
#include "common/policies.pb.h"
#include "lifecycle/keys.h"
#include "lifecycle/structures.h"
#include "peer/collection.pb.h"
#include "peer/lifecycle/db.pb.h"
#include "peer/policy.pb.h"
#include "policy/policy_manager.h"
#include "policy/signature_policy.h"
#include "wire/marshal.h"

namespace selvage::lifecycle {
namespace {

const log::Logger& logger() {
  static const log::Logger instance("lifecycle");
  return instance;
}

tl::unexpected<Error> refuse(std::string text) { return fail(Code::kInvalidArgument, std::move(text)); }

Bytes reference_policy(std::string_view name) {
  ::protos::ApplicationPolicy policy;
  policy.set_channel_config_policy_reference(std::string(name));
  return wire::marshal(policy);
}

Bytes signature_policy(const ::common::SignaturePolicyEnvelope& envelope) {
  ::protos::ApplicationPolicy policy;
  *policy.mutable_signature_policy() = envelope;
  return wire::marshal(policy);
}

// Has this organisation stored exactly this approval, package included? Fabric quirk: lifecycle.go isAttemptToRedefine.
Result<bool> is_same_approval(const std::string& name, const std::string& package_id, const Definition& definition,
                              const StateReader& org_state) {
  auto metadata = load_metadata(kNamespacesName, name, org_state);
  if (!metadata) {
    return fail(metadata.error().within(fmt::format("could not fetch chaincode definition, chaincode {}, requested at "
                                                    "sequence {}", name, definition.sequence)));
  }
  if (!*metadata) return false;
  auto parameters = load_parameters(name, **metadata, org_state);
  if (!parameters) {
    return fail(parameters.error().within(fmt::format("could not deserialize namespace {} as chaincode", name)));
  }
  if (!check_equal(*parameters, definition)) return false;
  auto source = load_metadata(kChaincodeSourcesName, name, org_state);
  if (!source) {
    return fail(source.error().within(fmt::format("could not deserialize chaincode-source metadata for {}", name)));
  }
  if (!*source) return false;
  auto stored = load_package_id(name, **source, org_state);
  if (!stored) return fail(stored.error().within(fmt::format("could not deserialize chaincode package for {}", name)));
  return *stored == package_id;
}

bool matches_words(std::string_view text, std::string_view separators) {
  // Runs of alphanumerics with single separators between them.
  const auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); };
  bool after_word = false;
  for (const char c : text) {
    if (alphanumeric(c)) {
      after_word = true;
    } else if (after_word && separators.find(c) != std::string_view::npos) {
      after_word = false;
    } else {
      return false;
    }
  }
  return after_word;
}

}  // namespace

std::string Definition::to_string() const {
  ::protos::CollectionConfigPackage package;
  package.ParseFromString(collections);
  return fmt::format("sequence: {}, endorsement info: (version: '{}', plugin: '{}', init required: {}), validation info: "
                     "(plugin: '{}', policy: '{}'), collections: ({})", sequence, escape(version), escape(endorsement_plugin),
                     init_required, escape(validation_plugin), to_hex(validation_parameter),
                     escape(package.ShortDebugString(), 4096));
}

Result<int64_t> read_sequence(std::string_view chaincode, const StateReader& state) {
  return load_integer(kNamespacesName, chaincode, "Sequence", state);
}

Result<std::optional<Definition>> read_definition(std::string_view chaincode, const StateReader& state) {
  if (chaincode == kNamespace) return std::optional<Definition>(Definition{});
  auto metadata = load_metadata(kNamespacesName, chaincode, state);
  if (!metadata) {
    return fail(metadata.error().within(fmt::format("could not deserialize metadata for chaincode {}", chaincode)));
  }
  if (!*metadata) return std::optional<Definition>();
  if ((*metadata)->datatype() != kChaincodeDefinitionType) {
    return fail(Code::kInternal, "not a chaincode type: " + (*metadata)->datatype());
  }
  auto definition = load_definition(chaincode, **metadata, state);
  if (!definition) {
    return fail(definition.error().within(
        fmt::format("could not deserialize chaincode definition for chaincode {}", chaincode)));
  }
  return std::optional(std::move(*definition));
}

Status set_defaults(const ChannelRules& channel, Definition& definition) {
  if (definition.endorsement_plugin.empty()) definition.endorsement_plugin = kDefaultEndorsementPlugin;
  if (definition.validation_plugin.empty()) definition.validation_plugin = kDefaultValidationPlugin;
  if (!definition.validation_parameter.empty()) return {};
  if (channel.policies == nullptr || channel.policies->find(kDefaultEndorsementPolicy) == nullptr) {
    return refuse(fmt::format("policy '{}' must be defined for channel '{}' before chaincode operations can be attempted",
                              kDefaultEndorsementPolicy, channel.channel_id));
  }
  definition.validation_parameter = reference_policy(kDefaultEndorsementPolicy);
  return {};
}

Status approve_for_org(const ChannelRules& channel, const std::string& chaincode, Definition definition,
                       const std::string& package_id, const StateReader& public_state, StateWriter& org_state) {
  auto sequence = read_sequence(chaincode, public_state);
  if (!sequence) return fail(sequence.error().within("could not get current sequence"));
  const int64_t current = *sequence, requested = definition.sequence;
  if (current == requested && requested == 0) {
    return refuse("requested sequence is 0, but first definable sequence number is 1");
  }
  if (requested < current) {
    return refuse(fmt::format("currently defined sequence {} is larger than requested sequence {}", current, requested));
  }
  if (requested > current + 1) {
    return refuse(fmt::format("requested sequence {} is larger than the next available sequence number {}", requested,
                              current + 1));
  }
  if (auto filled = set_defaults(channel, definition); !filled) {
    return fail(filled.error().within(
        fmt::format("could not set defaults for chaincode definition in channel {}", channel.channel_id)));
  }
  const std::string name = private_name(chaincode, requested);
  if (requested == current) {
    auto metadata = load_metadata(kNamespacesName, chaincode, public_state);
    if (!metadata) return fail(metadata.error().within("could not fetch metadata for current definition"));
    if (!*metadata) {
      return refuse(fmt::format("missing metadata for currently committed sequence number ({})", current));
    }
    auto committed = load_definition(chaincode, **metadata, public_state);
    if (!committed) {
      return fail(committed.error().within(fmt::format("could not deserialize namespace {} as chaincode", chaincode)));
    }
    if (auto equal = check_equal(*committed, definition); !equal) {
      return fail(equal.error().within(fmt::format("attempted to redefine the current committed sequence ({}) for namespace "
                                                   "{} with different parameters", current, chaincode)));
    }
  }
  SELVAGE_TRY(const bool same, is_same_approval(name, package_id, definition, org_state));
  if (same && requested == current) {
    return refuse(fmt::format("attempted to redefine the current committed sequence ({}) for namespace {}", current,
                              chaincode));
  }
  if (same) {
    return refuse(fmt::format("attempted to redefine uncommitted sequence ({}) for namespace {} with unchanged content",
                              requested, chaincode));
  }
  if (auto stored = store(kNamespacesName, name, parameters_structure(definition), org_state); !stored) {
    return fail(stored.error().within("could not serialize chaincode parameters to state"));
  }
  // An empty package id is written too: it tells the organisation's peers not to run the chaincode any more.
  if (auto stored = store(kChaincodeSourcesName, name, package_structure(package_id), org_state); !stored) {
    return fail(stored.error().within("could not serialize chaincode package info to state"));
  }
  LOG_INFO(logger(), "Successfully endorsed chaincode approval with name '{}', package ID '{}', on channel '{}' with definition {{{}}}",
           escape(chaincode), escape(package_id), channel.channel_id, definition.to_string());
  return {};
}

Result<Readiness> query_org_approvals(const std::string& chaincode, const Definition& definition,
                                      const std::vector<const HashReader*>& org_states) {
  Readiness readiness;
  const std::string name = private_name(chaincode, definition.sequence);
  const Structure structure = parameters_structure(definition);
  for (const HashReader* state : org_states) {
    auto compared = compare(kNamespacesName, name, structure, *state);
    if (!compared) return fail(compared.error().within(fmt::format("serialization check failed for key {}", name)));
    const std::string org(mspid_of_implicit_collection(state->collection()));
    LOG_INFO(logger(), "org {}'s mismatch items are [{}]", org, fmt::join(compared->mismatches, " "));
    readiness.approvals[org] = compared->same;
    if (!compared->mismatches.empty()) readiness.mismatches[org] = std::move(compared->mismatches);
  }
  return readiness;
}

Result<Readiness> check_commit_readiness(const ChannelRules& channel, const std::string& chaincode, Definition definition,
                                         const StateReader& public_state,
                                         const std::vector<const HashReader*>& org_states) {
  auto current = read_sequence(chaincode, public_state);
  if (!current) return fail(current.error().within("could not get current sequence"));
  if (definition.sequence != *current + 1) {
    return refuse(fmt::format("requested sequence is {}, but new definition must be sequence {}", definition.sequence,
                              *current + 1));
  }
  if (auto filled = set_defaults(channel, definition); !filled) {
    return fail(filled.error().within(
        fmt::format("could not set defaults for chaincode definition in channel {}", channel.channel_id)));
  }
  SELVAGE_TRY(Readiness readiness, query_org_approvals(chaincode, definition, org_states));
  LOG_INFO(logger(), "Successfully checked commit readiness of chaincode name '{}' on channel '{}' with definition {{{}}}",
           escape(chaincode), channel.channel_id, definition.to_string());
  return readiness;
}

Result<Readiness> commit_definition(const ChannelRules& channel, const std::string& chaincode, Definition definition,
                                    StateWriter& public_state, const std::vector<const HashReader*>& org_states) {
  SELVAGE_TRY(Readiness readiness, check_commit_readiness(channel, chaincode, definition, public_state, org_states));
  SELVAGE_CHECK(set_defaults(channel, definition));
  if (auto stored = store(kNamespacesName, chaincode, definition_structure(definition), public_state); !stored) {
    return fail(stored.error().within("could not serialize chaincode definition"));
  }
  return readiness;
}

Result<Bytes> lifecycle_endorsement_policy(const ChannelRules& channel) {
  if (channel.policies == nullptr) {
    return fail(Code::kInternal, fmt::format("could not get channel config for channel '{}'", channel.channel_id));
  }
  if (channel.policies->find(kLifecycleEndorsementPolicy) != nullptr) return reference_policy(kLifecycleEndorsementPolicy);
  // A channel from before v2 names no such policy: a majority of organisations, each by any member.
  std::vector<std::string> mspids;
  for (const auto& [name, mspid] : channel.orgs) mspids.push_back(mspid);
  const int majority = static_cast<int>(mspids.size() / 2 + 1);
  return signature_policy(policy::signed_by_n_out_of(majority, policy::Role::kMember, std::move(mspids)));
}

Result<Bytes> implicit_collection_endorsement_policy(const ChannelRules& channel, std::string_view mspid) {
  for (const auto& [name, id] : channel.orgs) {
    if (id != mspid) continue;
    const std::string policy = fmt::format("/Channel/Application/{}/Endorsement", name);
    if (channel.policies != nullptr && channel.policies->find(policy) != nullptr) return reference_policy(policy);
    return signature_policy(policy::signed_by_any_member({std::string(mspid)}));
  }
  return fail(Code::kNotFound, fmt::format("no org found in channel with MSPID '{}'", mspid));
}

Status check_chaincode_name(std::string_view name, const std::set<std::string, std::less<>>& system_chaincodes) {
  if (!matches_words(name, "-_")) {
    return refuse(fmt::format("invalid chaincode name '{}'. Names can only consist of alphanumerics, '_', and '-' and can only "
                              "begin with alphanumerics", name));
  }
  if (system_chaincodes.find(name) != system_chaincodes.end()) {
    return refuse(fmt::format("chaincode name '{}' is the name of a system chaincode", name));
  }
  return {};
}

Status check_chaincode_version(std::string_view version) {
  bool legal = !version.empty();
  for (const char c : version) {
    legal = legal && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
                      c == '+' || c == '-');
  }
  if (legal) return {};
  return refuse(fmt::format("invalid chaincode version '{}'. Versions can only consist of alphanumerics, '_', '-', '+', and "
                            "'.'", version));
}

}  // namespace selvage::lifecycle
