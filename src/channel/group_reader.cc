#include "channel/group_reader.h"

#include <fmt/format.h>

#include <set>

#include "base/log.h"
#include "channel/duration.h"
#include "common/configtx.pb.h"
#include "common/configuration.pb.h"
#include "msp/msp_config.pb.h"
#include "orderer/configuration.pb.h"
#include "peer/configuration.pb.h"
#include "wire/marshal.h"

namespace selvage::channel {
namespace {

using ::common::ConfigGroup;

tl::unexpected<Error> refuse(std::string text) { return fail(Code::kInvalidArgument, std::move(text)); }

const log::Logger& logger() {
  static const log::Logger instance("common.channelconfig");
  return instance;
}

// Parses the values of a group into messages by key; a key without a message is an error.
Status read_values(const ConfigGroup& group, const std::map<std::string, google::protobuf::Message*>& wanted) {
  const auto wrong = [](const std::string& what) { return refuse("failed to deserialize values: " + what); };
  for (const auto& [key, value] : group.values()) {
    const auto at = wanted.find(key);
    if (at == wanted.end()) return wrong("Unexpected key " + key);
    if (at->second != nullptr && !wire::parse_into(value.value(), *at->second)) return wrong(wire::kBadWireFormat);
  }
  return {};
}

std::set<std::string, std::less<>> names_of(const ::common::Capabilities& capabilities) {
  std::set<std::string, std::less<>> names;
  for (const auto& [name, capability] : capabilities.capabilities()) names.insert(name);
  return names;
}

Result<OrdererOrg> read_orderer_org(const std::string& name, const ConfigGroup& group, MspReader& msps,
                                    const ChannelCapabilities& channel) {
  if (!group.groups().empty()) return refuse("OrdererOrg config does not allow sub-groups");
  if (!channel.org_specific_orderer_endpoints() && group.values().contains("Endpoints")) {
    return refuse(fmt::format("Orderer Org {} cannot contain endpoints value until V1_4_2+ capabilities have been enabled",
                              name));
  }
  ::common::OrdererAddresses endpoints;
  ::msp::MSPConfig msp;
  SELVAGE_CHECK(read_values(group, {{"Endpoints", &endpoints}, {"MSP", &msp}}));
  OrdererOrg org;
  org.name = name;
  org.endpoints.assign(endpoints.addresses().begin(), endpoints.addresses().end());
  SELVAGE_TRY(org.msp, msps.read(name, msp.SerializeAsString()));
  return org;
}

Result<ApplicationOrg> read_application_org(const std::string& name, const ConfigGroup& group, MspReader& msps) {
  if (!group.groups().empty()) return refuse("ApplicationOrg config does not allow sub-groups");
  ::protos::AnchorPeers anchors;
  ::msp::MSPConfig msp;
  SELVAGE_CHECK(read_values(group, {{"AnchorPeers", &anchors}, {"MSP", &msp}}));
  ApplicationOrg org;
  org.name = name;
  for (const auto& anchor : anchors.anchor_peers()) org.anchor_peers.push_back({anchor.host(), anchor.port()});
  SELVAGE_TRY(org.msp, msps.read(name, msp.SerializeAsString()));
  return org;
}

Status check_batches(const OrdererConfig& config) {
  const BatchSize& size = config.batch_size;
  if (size.max_message_count == 0) return refuse("Attempted to set the batch size max message count to an invalid value: 0");
  if (size.absolute_max_bytes == 0) {
    return refuse("Attempted to set the batch size absolute max bytes to an invalid value: 0");
  }
  if (size.preferred_max_bytes == 0) {
    return refuse("Attempted to set the batch size preferred max bytes to an invalid value: 0");
  }
  if (size.preferred_max_bytes > size.absolute_max_bytes) {
    return refuse(fmt::format("Attempted to set the batch size preferred max bytes ({}) greater than the absolute max bytes "
                              "({}).", size.preferred_max_bytes, size.absolute_max_bytes));
  }
  return {};
}

}  // namespace

Result<std::set<std::string, std::less<>>> read_capabilities(const Bytes& value) {
  ::common::Capabilities capabilities;
  if (!wire::parse_into(value, capabilities)) return refuse(std::string("failed to deserialize values: ") + wire::kBadWireFormat);
  return names_of(capabilities);
}

Result<std::shared_ptr<const identity::Msp>> MspReader::read(const std::string& org, const Bytes& msp_config) {
  ::msp::MSPConfig config;
  ::msp::FabricMSPConfig fabric;
  if (!wire::parse_into(msp_config, config) || !wire::parse_into(config.config(), fabric)) {
    return refuse(std::string("setting up the MSP manager failed: failed unmarshalling fabric msp config: ") +
                  wire::kBadWireFormat);
  }
  const auto known = by_id_.find(fabric.name());
  if (known != by_id_.end() && known->second.first == msp_config) return known->second.second;
  auto made = identity::Msp::make(config, version_);
  if (!made) return fail(made.error().within("setting up the MSP manager failed"));
  if (known != by_id_.end()) {
    return refuse(fmt::format("Attempted to define two different versions of MSP: {}", fabric.name()));
  }
  if (fabric.name().empty()) return refuse(fmt::format("MSP for org {} has empty MSP ID", org));
  by_id_.emplace(fabric.name(), std::pair(msp_config, *made));
  return made;
}

std::vector<std::shared_ptr<const identity::Msp>> MspReader::msps() const {
  std::vector<std::shared_ptr<const identity::Msp>> all;
  for (const auto& [id, entry] : by_id_) all.push_back(entry.second);
  return all;
}

Result<OrdererConfig> read_orderer_group(const ConfigGroup& group, MspReader& msps, const ChannelCapabilities& channel) {
  ::orderer::ConsensusType consensus;
  ::orderer::BatchSize batch_size;
  ::orderer::BatchTimeout batch_timeout;
  ::orderer::KafkaBrokers kafka;
  ::orderer::ChannelRestrictions restrictions;
  ::common::Orderers orderers;
  ::common::Capabilities capabilities;
  SELVAGE_CHECK(read_values(group, {{"ConsensusType", &consensus}, {"BatchSize", &batch_size},
                                    {"BatchTimeout", &batch_timeout}, {"KafkaBrokers", &kafka},
                                    {"ChannelRestrictions", &restrictions}, {"Orderers", &orderers},
                                    {"Capabilities", &capabilities}}));
  OrdererConfig config;
  config.consensus_type = consensus.type();
  config.consensus_metadata = consensus.metadata();
  config.consensus_state = static_cast<ConsensusState>(consensus.state());
  config.batch_size = {batch_size.max_message_count(), batch_size.absolute_max_bytes(), batch_size.preferred_max_bytes()};
  config.max_channels = restrictions.max_count();
  config.capabilities = OrdererCapabilities(names_of(capabilities));
  SELVAGE_CHECK(check_batches(config));
  auto timeout = parse_go_duration(batch_timeout.timeout());
  if (!timeout) return fail(timeout.error().within("Attempted to set the batch timeout to a invalid value"));
  if (timeout->count() <= 0) {
    return refuse(fmt::format("Attempted to set the batch timeout to a non-positive value: {}", batch_timeout.timeout()));
  }
  config.batch_timeout = *timeout;
  for (const auto& consenter : orderers.consenter_mapping()) {
    config.consenters.push_back({consenter.id(), consenter.host(), consenter.port(), consenter.msp_id(),
                                 consenter.identity(), consenter.client_tls_cert(), consenter.server_tls_cert()});
  }
  std::vector<std::string> without_endpoints;
  for (const auto& [name, org_group] : group.groups()) {
    SELVAGE_TRY(OrdererOrg org, read_orderer_org(name, org_group, msps, channel));
    if (org.endpoints.empty()) without_endpoints.push_back(name);
    config.orgs.emplace(name, std::move(org));
  }
  if (channel.consensus_type_bft() && !without_endpoints.empty()) {
    return refuse(fmt::format("some orderer organizations endpoints are empty: [{}]", fmt::join(without_endpoints, " ")));
  }
  return config;
}

Result<ApplicationConfig> read_application_group(const ConfigGroup& group, MspReader& msps) {
  ::protos::ACLs acls;
  ::common::Capabilities capabilities;
  SELVAGE_CHECK(read_values(group, {{"ACLs", &acls}, {"Capabilities", &capabilities}}));
  ApplicationConfig config;
  config.capabilities = ApplicationCapabilities(names_of(capabilities));
  if (!config.capabilities.acls() && group.values().contains("ACLs")) {
    return refuse("ACLs may not be specified without the required capability");
  }
  for (const auto& [resource, acl] : acls.acls()) {
    const std::string& reference = acl.policy_ref();
    if (reference.empty()) {
      LOG_WARN(logger(), "Policy reference for resource '{}' is specified, but empty, falling back to default", resource);
      continue;
    }
    config.acls[resource] = reference[0] == '/' ? reference : "/Channel/Application/" + reference;
  }
  for (const auto& [name, org_group] : group.groups()) {
    SELVAGE_TRY(ApplicationOrg org, read_application_org(name, org_group, msps));
    config.orgs.emplace(name, std::move(org));
  }
  return config;
}

Status read_consortiums_group(const ConfigGroup& group, MspReader& msps) {
  for (const auto& [name, consortium] : group.groups()) {
    SELVAGE_CHECK(read_values(consortium, {{"ChannelCreationPolicy", nullptr}}));
    for (const auto& [org, org_group] : consortium.groups()) {
      if (!org_group.groups().empty()) return refuse("organizations do not support sub-groups");
      ::msp::MSPConfig msp;
      SELVAGE_CHECK(read_values(org_group, {{"MSP", &msp}}));
      if (auto made = msps.read(org, msp.SerializeAsString()); !made) return fail(made.error());
    }
  }
  return {};
}

}  // namespace selvage::channel
