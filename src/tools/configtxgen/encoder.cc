#include "tools/configtxgen/encoder.h"

#include <algorithm>
#include <limits>

#include "common/configuration.pb.h"
#include "common/policies.pb.h"
#include "identity/posix_msp_directory.h"
#include "msp/msp_config.pb.h"
#include "orderer/configuration.pb.h"
#include "orderer/etcdraft/configuration.pb.h"
#include "peer/configuration.pb.h"
#include "policy/signature_policy.h"
#include "tools/terminal.h"
#include "wire/marshal.h"

namespace selvage::tools::configtxgen {
namespace {

using ::common::ConfigGroup;

constexpr const char* kAdmins = "Admins";
constexpr const char* kOrdererAdmins = "/Channel/Orderer/Admins";

tl::unexpected<Error> refuse(std::string text) { return fail(Code::kInvalidArgument, std::move(text)); }

void add_value(ConfigGroup& group, const char* key, const google::protobuf::Message& value,
               const char* mod_policy = kAdmins) {
  ::common::ConfigValue& entry = (*group.mutable_values())[key];
  entry.set_value(wire::marshal(value));
  entry.set_mod_policy(mod_policy);
}

// "MAJORITY Admins".
Result<::common::ImplicitMetaPolicy> parse_implicit_meta(const std::string& text) {
  const size_t words = 1 + static_cast<size_t>(std::count(text.begin(), text.end(), ' '));
  if (words != 2) return refuse("expected two space separated tokens, but got " + std::to_string(words));
  const size_t space = text.find(' ');
  ::common::ImplicitMetaPolicy policy;
  ::common::ImplicitMetaPolicy::Rule rule{};
  if (!::common::ImplicitMetaPolicy::Rule_Parse(text.substr(0, space), &rule))
    return refuse("unknown rule type '" + text.substr(0, space) + "', expected ALL, ANY, or MAJORITY");
  policy.set_rule(rule);
  policy.set_sub_policy(text.substr(space + 1));
  return policy;
}

Status add_policies(ConfigGroup& group, const PolicyRules& rules) {
  if (rules.empty()) return refuse("no policies defined");
  for (const char* needed : {"Admins", "Readers", "Writers"})
    if (!rules.contains(needed)) return refuse(std::string("no ") + needed + " policy defined");
  for (const auto& [name, rule] : rules) {
    ::common::ConfigPolicy& entry = (*group.mutable_policies())[name];
    entry.set_mod_policy(kAdmins);
    if (rule.type == "ImplicitMeta") {
      auto policy = parse_implicit_meta(rule.rule);
      if (!policy) return fail(policy.error().within("invalid implicit meta policy rule '" + rule.rule + "'"));
      entry.mutable_policy()->set_type(::common::Policy::IMPLICIT_META);
      entry.mutable_policy()->set_value(wire::marshal(*policy));
    } else if (rule.type == "Signature") {
      auto policy = policy::parse_signature_policy(rule.rule);
      if (!policy) return fail(policy.error().within("invalid signature policy rule '" + rule.rule + "'"));
      entry.mutable_policy()->set_type(::common::Policy::SIGNATURE);
      entry.mutable_policy()->set_value(wire::marshal(*policy));
    } else {
      return refuse("unknown policy type: " + rule.type);
    }
  }
  return {};
}

void add_capabilities(ConfigGroup& group, const Capabilities& capabilities) {
  if (capabilities.empty()) return;
  ::common::Capabilities value;
  for (const auto& [name, required] : capabilities)
    if (required) (*value.mutable_capabilities())[name];
  add_value(group, "Capabilities", value);
}

bool is_set(const Capabilities& capabilities, const char* name) {
  const auto found = capabilities.find(name);
  return found != capabilities.end() && found->second;
}

void add_endpoints(ConfigGroup& group, const char* key, const std::vector<std::string>& addresses,
                   const char* mod_policy = kAdmins) {
  ::common::OrdererAddresses value;
  for (const std::string& address : addresses) value.add_addresses(address);
  add_value(group, key, value, mod_policy);
}

// What orderer and application organisations have in common: policies and MSP.
Result<ConfigGroup> make_org(const Organization& organization, const char* kind) {
  ConfigGroup group;
  group.set_mod_policy(kAdmins);
  if (organization.skip_as_foreign) return group;
  if (organization.msp_type != "bccsp")
    return refuse("1 - Error loading MSP configuration for org: " + organization.name + ": unknown MSP type '" +
                  organization.msp_type + "'");
  auto msp = identity::load_verifying_msp_config(organization.msp_folder, organization.mspid);
  if (!msp) return fail(msp.error().within("1 - Error loading MSP configuration for org: " + organization.name));
  if (auto done = add_policies(group, organization.policies); !done)
    return fail(done.error().within(std::string("error adding policies to ") + kind + " org group '" +
                                    organization.name + "'"));
  add_value(group, "MSP", *msp);
  return group;
}

Result<Bytes> raft_metadata(const Orderer& orderer) {
  ::etcdraft::ConfigMetadata metadata;
  for (const RaftConsenter& consenter : orderer.consenters) {
    auto* added = metadata.add_consenters();
    added->set_host(consenter.host);
    added->set_port(consenter.port);
    const std::string who = consenter.host + ":" + std::to_string(consenter.port);
    auto client = read_file(consenter.client_tls_cert);
    if (!client) return fail(client.error().within("cannot load client cert for consenter " + who));
    auto server = read_file(consenter.server_tls_cert);
    if (!server) return fail(server.error().within("cannot load server cert for consenter " + who));
    added->set_client_tls_cert(std::move(*client));
    added->set_server_tls_cert(std::move(*server));
  }
  auto* options = metadata.mutable_options();
  options->set_tick_interval(orderer.raft.tick_interval);
  options->set_election_tick(orderer.raft.election_tick);
  options->set_heartbeat_tick(orderer.raft.heartbeat_tick);
  options->set_max_inflight_blocks(orderer.raft.max_inflight_blocks);
  options->set_snapshot_interval_size(orderer.raft.snapshot_interval_size);
  return wire::marshal(metadata);
}

void add_batch_values(ConfigGroup& group, const Orderer& orderer) {
  ::orderer::BatchSize size;
  size.set_max_message_count(orderer.max_message_count);
  size.set_absolute_max_bytes(orderer.absolute_max_bytes);
  size.set_preferred_max_bytes(orderer.preferred_max_bytes);
  add_value(group, "BatchSize", size);
  ::orderer::BatchTimeout timeout;
  timeout.set_timeout(orderer.batch_timeout);
  add_value(group, "BatchTimeout", timeout);
  ::orderer::ChannelRestrictions restrictions;
  restrictions.set_max_count(orderer.max_channels);
  add_value(group, "ChannelRestrictions", restrictions);
}

// As Go prints a map.
std::string to_text(const Capabilities& capabilities) {
  std::string text;
  for (const auto& [name, on] : capabilities) text += (text.empty() ? "" : " ") + name + (on ? ":true" : ":false");
  return "map[" + text + "]";
}

Result<ConfigGroup> make_orderer_group(const Orderer& orderer, const Capabilities& channel_capabilities) {
  if (orderer.type == "BFT" && !is_set(channel_capabilities, "V3_0"))
    return refuse("orderer type BFT must be used with V3_0 channel capability: " + to_text(channel_capabilities));
  if (!orderer.addresses.empty() && is_set(channel_capabilities, "V3_0")) {
    std::string list;
    for (const std::string& address : orderer.addresses) list += (list.empty() ? "" : " ") + address;
    return refuse("global orderer endpoints exist, but can not be used with V3_0 capability: [" + list + "]");
  }
  ConfigGroup group;
  group.set_mod_policy(kAdmins);
  auto policies = orderer.policies.empty() || orderer.policies.contains("BlockValidation")
                      ? add_policies(group, orderer.policies)
                      : Status(refuse("no BlockValidation policy defined"));
  if (!policies) return fail(policies.error().within("error adding policies to orderer group"));
  add_batch_values(group, orderer);
  add_capabilities(group, orderer.capabilities);
  ::orderer::ConsensusType consensus;
  consensus.set_type(orderer.type);
  if (orderer.type == "etcdraft") {
    auto metadata = raft_metadata(orderer);
    if (!metadata) return fail(metadata.error().within("cannot marshal metadata for orderer type etcdraft"));
    consensus.set_metadata(std::move(*metadata));
  } else if (orderer.type == "BFT") {
    SELVAGE_CHECK(add_bft(orderer.bft, group, consensus));
  }
  add_value(group, "ConsensusType", consensus);
  for (const Organization& organization : orderer.organizations) {
    auto made = make_orderer_org(organization, channel_capabilities);
    if (!made) return fail(made.error().within("failed to create orderer org"));
    (*group.mutable_groups())[organization.name] = std::move(*made);
  }
  return group;
}

Result<ConfigGroup> make_application_group(const Application& application) {
  ConfigGroup group;
  group.set_mod_policy(kAdmins);
  if (auto done = add_policies(group, application.policies); !done)
    return fail(done.error().within("error adding policies to application group"));
  if (!application.acls.empty()) {
    ::protos::ACLs acls;
    for (const auto& [resource, policy] : application.acls) (*acls.mutable_acls())[resource].set_policy_ref(policy);
    add_value(group, "ACLs", acls);
  }
  add_capabilities(group, application.capabilities);
  for (const Organization& organization : application.organizations) {
    auto made = make_application_org(organization);
    if (!made) return fail(made.error().within("failed to create application org"));
    (*group.mutable_groups())[organization.name] = std::move(*made);
  }
  return group;
}

// Who may create channels with whom. Nothing checks its own policy, which is why it lets everybody.
Result<ConfigGroup> make_consortiums_group(const std::map<std::string, std::vector<Organization>>& consortiums) {
  ConfigGroup group;
  group.set_mod_policy(kOrdererAdmins);
  ::common::SignaturePolicyEnvelope everybody;
  everybody.mutable_rule()->mutable_n_out_of();
  ::common::ConfigPolicy& admins = (*group.mutable_policies())[kAdmins];
  admins.set_mod_policy(kOrdererAdmins);
  admins.mutable_policy()->set_type(::common::Policy::SIGNATURE);
  admins.mutable_policy()->set_value(wire::marshal(everybody));
  ::common::ImplicitMetaPolicy any_admins;
  any_admins.set_rule(::common::ImplicitMetaPolicy::ANY);
  any_admins.set_sub_policy(kAdmins);
  ::common::Policy creation;
  creation.set_type(::common::Policy::IMPLICIT_META);
  creation.set_value(wire::marshal(any_admins));
  for (const auto& [name, organizations] : consortiums) {
    ConfigGroup& consortium = (*group.mutable_groups())[name];
    consortium.set_mod_policy(kOrdererAdmins);
    add_value(consortium, "ChannelCreationPolicy", creation, kOrdererAdmins);
    for (const Organization& organization : organizations) {
      auto made = make_org(organization, "consortiums");
      if (!made)
        return fail(
            made.error().within("failed to create consortium org").within("failed to create consortium " + name));
      (*consortium.mutable_groups())[organization.name] = std::move(*made);
    }
  }
  return group;
}

}  // namespace

Result<ConfigGroup> make_orderer_org(const Organization& organization, const Capabilities& channel_capabilities) {
  SELVAGE_TRY(ConfigGroup group, make_org(organization, "orderer"));
  if (organization.skip_as_foreign) return group;
  if (!organization.orderer_endpoints.empty()) {
    add_endpoints(group, "Endpoints", organization.orderer_endpoints);
  } else if (is_set(channel_capabilities, "V3_0")) {
    return refuse("orderer endpoints for organization " + organization.name +
                  " are missing and must be configured when capability V3_0 is enabled");
  }
  return group;
}

Result<ConfigGroup> make_application_org(const Organization& organization) {
  SELVAGE_TRY(ConfigGroup group, make_org(organization, "application"));
  if (organization.skip_as_foreign || organization.anchor_peers.empty()) return group;
  ::protos::AnchorPeers anchors;
  for (const AnchorPeer& peer : organization.anchor_peers) {
    auto* added = anchors.add_anchor_peers();
    added->set_host(peer.host);
    added->set_port(peer.port);
  }
  add_value(group, "AnchorPeers", anchors);
  return group;
}

Result<ConfigGroup> make_channel_group(const Profile& profile) {
  ConfigGroup group;
  group.set_mod_policy(kAdmins);
  if (auto done = add_policies(group, profile.policies); !done)
    return fail(done.error().within("error adding policies to channel group"));
  ::common::HashingAlgorithm algorithm;
  algorithm.set_name("SHA256");
  add_value(group, "HashingAlgorithm", algorithm);
  ::common::BlockDataHashingStructure structure;
  structure.set_width(std::numeric_limits<uint32_t>::max());
  add_value(group, "BlockDataHashingStructure", structure);
  if (profile.orderer && !profile.orderer->addresses.empty())
    add_endpoints(group, "OrdererAddresses", profile.orderer->addresses, kOrdererAdmins);
  if (!profile.consortium.empty()) {
    ::common::Consortium consortium;
    consortium.set_name(profile.consortium);
    add_value(group, "Consortium", consortium);
  }
  add_capabilities(group, profile.capabilities);
  if (profile.orderer) {
    auto orderer = make_orderer_group(*profile.orderer, profile.capabilities);
    if (!orderer) return fail(orderer.error().within("could not create orderer group"));
    (*group.mutable_groups())["Orderer"] = std::move(*orderer);
  }
  if (profile.application) {
    auto application = make_application_group(*profile.application);
    if (!application) return fail(application.error().within("could not create application group"));
    (*group.mutable_groups())["Application"] = std::move(*application);
  }
  if (profile.consortiums) {
    auto consortiums = make_consortiums_group(*profile.consortiums);
    if (!consortiums) return fail(consortiums.error().within("could not create consortiums group"));
    (*group.mutable_groups())["Consortiums"] = std::move(*consortiums);
  }
  return group;
}

}  // namespace selvage::tools::configtxgen
