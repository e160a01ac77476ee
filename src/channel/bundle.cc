#include "channel/bundle.h"

#include <fmt/format.h>

#include <algorithm>

#include "channel/config_tree.h"
#include "channel/config_update.h"
#include "channel/group_reader.h"
#include "common/common.pb.h"
#include "common/configtx.pb.h"
#include "common/configuration.pb.h"
#include "wire/marshal.h"

namespace selvage::channel {
namespace {

using ::common::ConfigGroup;

tl::unexpected<Error> refuse(std::string text) { return fail(Code::kInvalidArgument, std::move(text)); }

// Fabric quirk: common/channelconfig/bundle.go preValidate.
Status check_capability_order(const ConfigGroup& channel) {
  const auto orderer = channel.groups().find("Orderer");
  if (orderer == channel.groups().end() || orderer->second.values().contains("Capabilities")) return {};
  if (channel.values().contains("Capabilities")) {
    return refuse("cannot enable channel capabilities without orderer support first");
  }
  const auto application = channel.groups().find("Application");
  if (application != channel.groups().end() && application->second.values().contains("Capabilities")) {
    return refuse("cannot enable application capabilities without orderer support first");
  }
  return {};
}

}  // namespace

struct Bundle::State {
  std::string channel_id;
  ::common::Config config;
  ChannelCapabilities capabilities;
  std::vector<std::string> orderer_addresses;
  std::optional<OrdererConfig> orderer;
  std::optional<ApplicationConfig> application;
  bool consortiums = false;
  std::shared_ptr<const identity::MspManager> msps;
  std::shared_ptr<const policy::PolicyManager> policies;
  std::vector<OrgTlsRoots> tls_roots;

  Status read_channel_values(const ConfigGroup& group) {
    ::common::HashingAlgorithm hashing;
    ::common::BlockDataHashingStructure structure;
    ::common::OrdererAddresses addresses;
    for (const auto& [key, value] : group.values()) {
      bool parsed = true;
      if (key == "HashingAlgorithm") {
        parsed = wire::parse_into(value.value(), hashing).has_value();
      } else if (key == "BlockDataHashingStructure") {
        parsed = wire::parse_into(value.value(), structure).has_value();
      } else if (key == "OrdererAddresses") {
        parsed = wire::parse_into(value.value(), addresses).has_value();
      } else if (key == "Capabilities") {
        SELVAGE_TRY(auto names, read_capabilities(value.value()));
        capabilities = ChannelCapabilities(std::move(names));
      } else if (key == "Consortium") {
        parsed = wire::parse<::common::Consortium>(value.value()).has_value();
      } else if (key == "Orderers") {
        parsed = wire::parse<::common::Orderers>(value.value()).has_value();
      } else {
        return refuse("failed to deserialize values: Unexpected key " + key);
      }
      if (!parsed) return refuse(std::string("failed to deserialize values: ") + wire::kBadWireFormat);
    }
    if (hashing.name() != "SHA256") return refuse("Unknown hashing algorithm type: " + hashing.name());
    if (structure.width() != UINT32_MAX) {
      return refuse("BlockDataHashStructure width only supported at MaxUint32 in this version");
    }
    orderer_addresses.assign(addresses.addresses().begin(), addresses.addresses().end());
    if (!capabilities.org_specific_orderer_endpoints() && orderer_addresses.empty()) {
      return refuse("Must set some OrdererAddresses");
    }
    if (capabilities.consensus_type_bft() && !orderer_addresses.empty()) {
      return refuse("global OrdererAddresses are not allowed with V3_0 capability, use org specific addresses only");
    }
    return {};
  }

  Status read_groups(const ConfigGroup& channel) {
    MspReader reader(capabilities.msp_version());
    // By name, so that a configuration with two faults is always refused for the same one.
    std::vector<std::string> names;
    for (const auto& [name, group] : channel.groups()) names.push_back(name);
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) {
      const ConfigGroup& group = channel.groups().at(name);
      Status read;
      if (name == "Application") {
        auto made = read_application_group(group, reader);
        if (made) application = std::move(*made); else read = fail(made.error());
      } else if (name == "Orderer") {
        auto made = read_orderer_group(group, reader, capabilities);
        if (made) orderer = std::move(*made); else read = fail(made.error());
      } else if (name == "Consortiums") {
        consortiums = true;
        read = read_consortiums_group(group, reader);
      } else {
        return refuse("Disallowed channel group: " + escape(name));
      }
      if (!read) return fail(read.error().within(fmt::format("could not create channel {} sub-group config", name)));
    }
    SELVAGE_TRY(msps, identity::MspManager::make(reader.msps()));
    return {};
  }

  void collect_tls_roots() {
    std::map<std::string, OrgTlsRoots> by_id;
    const auto add = [&](const std::string& org, const identity::Msp& msp) -> OrgTlsRoots& {
      OrgTlsRoots& entry = by_id[msp.mspid()];
      if (entry.mspid.empty()) {
        entry = {msp.mspid(), org, false, false, msp.tls_roots(), msp.tls_intermediates(), msp.revocations()};
      }
      return entry;
    };
    if (application) {
      for (const auto& [name, org] : application->orgs) add(name, *org.msp).application_org = true;
    }
    if (orderer) {
      for (const auto& [name, org] : orderer->orgs) add(name, *org.msp).orderer_org = true;
    }
    for (auto& [id, entry] : by_id) tls_roots.push_back(std::move(entry));
  }
};

Bundle::Bundle(std::unique_ptr<const State> state) : state_(std::move(state)) {}
Bundle::~Bundle() = default;

Result<BundlePtr> Bundle::from_config(const std::string& channel_id, const ::common::Config& config) {
  if (!config.has_channel_group()) return refuse("config must contain a channel group");
  auto state = std::make_unique<State>();
  state->channel_id = channel_id;
  state->config = config;
  const ConfigGroup& channel = state->config.channel_group();
  SELVAGE_CHECK(check_capability_order(channel));
  Status read = state->read_channel_values(channel);
  if (read) read = state->read_groups(channel);
  if (!read) return fail(read.error().within("initializing channelconfig failed"));
  auto policies = policy::PolicyManager::make("Channel", channel, state->msps);
  if (!policies) return fail(policies.error().within("initializing policymanager failed"));
  state->policies = std::move(*policies);
  if (auto legal = check_channel_id(channel_id); !legal) {
    return fail(legal.error().within("initializing configtx manager failed: bad channel ID"));
  }
  if (auto mapped = map_config(channel); !mapped) {
    return fail(mapped.error().within("initializing configtx manager failed: error converting config to map"));
  }
  state->collect_tls_roots();
  return BundlePtr(new Bundle(std::move(state)));
}

Result<BundlePtr> Bundle::from_envelope(const ::common::Envelope& envelope) {
  ::common::Payload payload;
  if (!wire::parse_into(envelope.payload(), payload)) {
    return refuse(std::string("failed to unmarshal payload from envelope: error unmarshalling Payload: ") + wire::kBadWireFormat);
  }
  ::common::ConfigEnvelope config;
  if (!wire::parse_into(payload.data(), config)) {
    return refuse(std::string("failed to unmarshal config envelope from payload: ") + wire::kBadWireFormat);
  }
  if (!payload.has_header()) return refuse("envelope header cannot be nil");
  ::common::ChannelHeader header;
  if (!wire::parse_into(payload.header().channel_header(), header)) {
    return refuse(std::string("failed to unmarshal channel header: error unmarshalling ChannelHeader: ") + wire::kBadWireFormat);
  }
  if (!config.has_config()) return refuse("channelconfig Config cannot be nil");
  return from_config(header.channel_id(), config.config());
}

Result<BundlePtr> Bundle::from_block(const ::common::Block& block) {
  if (!block.has_data() || block.data().data().empty()) return refuse("block data is nil");
  ::common::Envelope envelope;
  if (!wire::parse_into(block.data().data(0), envelope)) {
    return refuse(std::string("block data does not carry an envelope at index 0: error unmarshalling Envelope: ") +
                  wire::kBadWireFormat);
  }
  return from_envelope(envelope);
}

const std::string& Bundle::channel_id() const { return state_->channel_id; }
uint64_t Bundle::sequence() const { return state_->config.sequence(); }
const ::common::Config& Bundle::config() const { return state_->config; }
const std::shared_ptr<const identity::MspManager>& Bundle::msps() const { return state_->msps; }
const policy::PolicyManager& Bundle::policies() const { return *state_->policies; }
const OrdererConfig* Bundle::orderer() const { return state_->orderer ? &*state_->orderer : nullptr; }
const ApplicationConfig* Bundle::application() const { return state_->application ? &*state_->application : nullptr; }
bool Bundle::has_consortiums() const { return state_->consortiums; }
const ChannelCapabilities& Bundle::capabilities() const { return state_->capabilities; }
const std::vector<std::string>& Bundle::global_orderer_addresses() const { return state_->orderer_addresses; }
const std::vector<OrgTlsRoots>& Bundle::org_tls_roots() const { return state_->tls_roots; }

policy::AclChannel Bundle::acl_channel() const {
  return {state_->channel_id, state_->policies.get(), state_->application ? &state_->application->acls : nullptr};
}

Status Bundle::check_capabilities() const {
  SELVAGE_CHECK(state_->capabilities.supported());
  if (state_->application) return state_->application->capabilities.supported();
  return {};
}

Status Bundle::check_successor(const Bundle& next) const {
  if (const OrdererConfig* ours = orderer()) {
    const OrdererConfig* theirs = next.orderer();
    if (theirs == nullptr) return refuse("current config has orderer section, but new config does not");
    if (!capabilities().consensus_type_migration() && ours->consensus_type != theirs->consensus_type) {
      return refuse(fmt::format("attempted to change consensus type from {} to {}", ours->consensus_type,
                                theirs->consensus_type));
    }
    if (!capabilities().consensus_type_bft() && next.capabilities().consensus_type_bft()) {
      for (const auto& [name, org] : theirs->orgs) {
        if (org.endpoints.empty()) {
          return refuse(fmt::format("illegal orderer config update detected: endpoints of org {} are missing", name));
        }
      }
    }
    for (const auto& [name, org] : ours->orgs) {
      const auto after = theirs->orgs.find(name);
      if (after != theirs->orgs.end() && after->second.mspid() != org.mspid()) {
        return refuse(fmt::format("orderer org {} attempted to change MSP ID from {} to {}", name, org.mspid(),
                                  after->second.mspid()));
      }
    }
  }
  if (const ApplicationConfig* ours = application()) {
    const ApplicationConfig* theirs = next.application();
    if (theirs == nullptr) return refuse("current config has application section, but new config does not");
    for (const auto& [name, org] : ours->orgs) {
      const auto after = theirs->orgs.find(name);
      if (after != theirs->orgs.end() && after->second.mspid() != org.mspid()) {
        return refuse(fmt::format("application org {} attempted to change MSP ID from {} to {}", name, org.mspid(),
                                  after->second.mspid()));
      }
    }
  }
  if (has_consortiums() && !next.has_consortiums()) {
    return refuse("current config has consortiums section, but new config does not");
  }
  if (!has_consortiums() && next.has_consortiums()) {
    return refuse("current config has no consortiums section, but new config does");
  }
  return {};
}

Result<::common::ConfigEnvelope> Bundle::propose_update(const ::common::Envelope& config_update) const {
  return propose_config_update(state_->channel_id, state_->config, *state_->policies, config_update);
}

Status Bundle::check_next(const ::common::ConfigEnvelope& next) const {
  return check_config_envelope(state_->channel_id, state_->config, *state_->policies, next);
}

std::vector<std::string> ApplicationConfig::mspids() const {
  std::vector<std::string> ids;
  for (const auto& [name, org] : orgs) ids.push_back(org.mspid());
  std::sort(ids.begin(), ids.end());
  return ids;
}

}  // namespace selvage::channel
