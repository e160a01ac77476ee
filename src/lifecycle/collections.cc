#include "lifecycle/collections.h"

#include <fmt/format.h>

#include <map>
#include <set>

#include "common/policies.pb.h"
#include "identity/msp_manager.h"
#include "lifecycle/keys.h"
#include "msp/msp_principal.pb.h"
#include "peer/collection.pb.h"
#include "peer/policy.pb.h"
#include "policy/signature_policy.h"
#include "wire/marshal.h"

namespace selvage::lifecycle {
namespace {

using ::common::MSPPrincipal;
using ::protos::CollectionConfigPackage;
using ::protos::StaticCollectionConfig;

tl::unexpected<Error> refuse(std::string text) { return fail(Code::kInvalidArgument, std::move(text)); }

// "^[A-Za-z0-9-]+([A-Za-z0-9_-]+)*$"
bool is_collection_name(std::string_view name) {
  if (name.empty() || name[0] == '_') return false;
  for (const char c : name) {
    const bool legal = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (!legal) return false;
  }
  return true;
}

Status check_or_only(const ::common::SignaturePolicy& rule) {
  if (!rule.has_n_out_of()) return {};
  if (rule.n_out_of().n() != 1) {
    return refuse(fmt::format("signature policy is not an OR concatenation, NOutOf {}", rule.n_out_of().n()));
  }
  for (const auto& below : rule.n_out_of().rules()) SELVAGE_CHECK(check_or_only(below));
  return {};
}

Status check_member(const std::string& collection, const MSPPrincipal& principal, const identity::MspManager& msps) {
  std::string org;
  switch (principal.principal_classification()) {
    case MSPPrincipal::ROLE: {
      ::common::MSPRole role;
      if (!wire::parse_into(principal.principal(), role)) {
        return refuse(fmt::format("collection-name: {} -- cannot unmarshal identity bytes into MSPRole: {}", collection,
                                  wire::kBadWireFormat));
      }
      org = role.msp_identifier();
      break;
    }
    case MSPPrincipal::ORGANIZATION_UNIT: {
      ::common::OrganizationUnit unit;
      if (!wire::parse_into(principal.principal(), unit)) {
        return refuse(fmt::format("collection-name: {} -- cannot unmarshal identity bytes into OrganizationUnit: {}",
                                  collection, wire::kBadWireFormat));
      }
      org = unit.msp_identifier();
      break;
    }
    case MSPPrincipal::IDENTITY:
      if (msps.deserialize(principal.principal())) return {};
      return refuse(fmt::format("collection-name: {} -- contains an identity that is not part of the channel", collection));
    default:
      return refuse(fmt::format("collection-name: {} -- principal type {} is not supported", collection,
                                MSPPrincipal::Classification_Name(principal.principal_classification())));
  }
  if (msps.msp(org) != nullptr) return {};
  return refuse(fmt::format("collection-name: {} -- collection member '{}' is not part of the channel", collection, org));
}

Status check_member_policy(const StaticCollectionConfig& collection, const identity::MspManager& msps) {
  const std::string& name = collection.name();
  if (!collection.has_member_orgs_policy()) {
    return refuse(fmt::format("collection member policy is not set for collection '{}'", name));
  }
  if (!collection.member_orgs_policy().has_signature_policy()) {
    return refuse(fmt::format("collection member org policy is empty for collection '{}'", name));
  }
  const auto& policy = collection.member_orgs_policy().signature_policy();
  if (auto made = policy::make_signature_policy(policy, nullptr); !made) {
    return fail(made.error().within(fmt::format("invalid member org policy for collection '{}'", name)));
  }
  if (auto ored = check_or_only(policy.rule()); !ored) {
    return fail(ored.error().within(fmt::format("collection-name: {} -- error in member org policy", name)));
  }
  for (const auto& principal : policy.identities()) SELVAGE_CHECK(check_member(name, principal, msps));
  return {};
}

}  // namespace

Result<CollectionConfigPackage> parse_collections(BytesView package) {
  Result<CollectionConfigPackage> parsed(CollectionConfigPackage{});
  if (!wire::parse_into(package, *parsed)) {
    return fail(Code::kInternal, std::string("error unmarshalling CollectionConfigPackage: ") + wire::kBadWireFormat);
  }
  return parsed;
}

StaticCollectionConfig implicit_collection_config(std::string_view mspid, int32_t required_peer_count,
                                                  int32_t max_peer_count) {
  StaticCollectionConfig config;
  config.set_name(implicit_collection(mspid));
  *config.mutable_member_orgs_policy()->mutable_signature_policy() = policy::signed_by_any_member({std::string(mspid)});
  config.set_required_peer_count(required_peer_count);
  config.set_maximum_peer_count(max_peer_count);
  return config;
}

Result<std::optional<StaticCollectionConfig>> find_collection(const Definition& definition, std::string_view collection) {
  return find_collection(BytesView(definition.collections), collection);
}

Result<std::optional<StaticCollectionConfig>> find_collection(BytesView bytes, std::string_view collection) {
  if (const std::string_view mspid = mspid_of_implicit_collection(collection); !mspid.empty()) {
    return std::optional(implicit_collection_config(mspid));
  }
  SELVAGE_TRY(CollectionConfigPackage package, parse_collections(bytes));
  for (auto& config : *package.mutable_config()) {
    if (config.has_static_collection_config() && config.static_collection_config().name() == collection) {
      return std::optional(std::move(*config.mutable_static_collection_config()));
    }
  }
  return std::optional<StaticCollectionConfig>();
}

Result<Bytes> collection_endorsement_policy(const ChannelRules& channel, const Definition& definition,
                                            std::string_view collection) {
  if (collection.starts_with(kImplicitCollectionPrefix)) {
    return implicit_collection_endorsement_policy(channel, mspid_of_implicit_collection(collection));
  }
  SELVAGE_TRY(auto config, find_collection(definition, collection));
  if (!config) return fail(Code::kNotFound, fmt::format("no such collection '{}'", collection));
  if (config->has_endorsement_policy()) return wire::marshal(config->endorsement_policy());
  return definition.validation_parameter;
}

Status check_collections(const CollectionConfigPackage& collections, const identity::MspManager& msps) {
  for (const auto& config : collections.config()) {
    if (!config.has_static_collection_config()) {
      return refuse("collection config contains unexpected payload type: <nil>");
    }
  }
  std::set<std::string> names;
  for (const auto& config : collections.config()) {
    const StaticCollectionConfig& collection = config.static_collection_config();
    const std::string& name = collection.name();
    if (!is_collection_name(name)) {
      return refuse(fmt::format("invalid collection name '{}'. Names can only consist of alphanumerics, '_', and '-' and "
                                "cannot begin with '_'", name));
    }
    if (!names.insert(name).second) {
      return refuse(fmt::format("collection-name: {} -- found duplicate in collection configuration", name));
    }
    if (collection.maximum_peer_count() < collection.required_peer_count()) {
      return refuse(fmt::format("collection-name: {} -- maximum peer count ({}) cannot be less than the required peer count "
                                "({})", name, collection.maximum_peer_count(), collection.required_peer_count()));
    }
    if (collection.required_peer_count() < 0) {
      return refuse(fmt::format("collection-name: {} -- requiredPeerCount ({}) cannot be less than zero", name,
                                collection.required_peer_count()));
    }
    SELVAGE_CHECK(check_member_policy(collection, msps));
  }
  return {};
}

Status check_collections_against_committed(const CollectionConfigPackage& proposed,
                                           const CollectionConfigPackage& committed) {
  if (committed.config().empty()) return {};
  if (proposed.config().empty()) {
    return refuse("the proposed collection config does not contain previously defined collections");
  }
  std::map<std::string, const StaticCollectionConfig*> by_name;
  for (const auto& config : proposed.config()) {
    by_name[config.static_collection_config().name()] = &config.static_collection_config();
  }
  for (const auto& config : committed.config()) {
    if (!config.has_static_collection_config()) return refuse("unknown collection configuration type");
    const StaticCollectionConfig& before = config.static_collection_config();
    const auto after = by_name.find(before.name());
    if (after == by_name.end()) {
      return refuse(fmt::format("existing collection [{}] missing in the proposed collection configuration", before.name()));
    }
    if (after->second->block_to_live() != before.block_to_live()) {
      return refuse(fmt::format("the BlockToLive in an existing collection [{}] modified. Existing value [{}]", before.name(),
                                before.block_to_live()));
    }
  }
  return {};
}

}  // namespace selvage::lifecycle
