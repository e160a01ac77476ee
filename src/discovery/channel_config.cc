#include "discovery/channel_config.h"

#include <charconv>

#include "base/log.h"
#include "common/configtx.pb.h"
#include "common/configuration.pb.h"
#include "msp/msp_config.pb.h"
#include "wire/marshal.h"

namespace selvage::discovery {
namespace {

const log::Logger& logger() {
  static const log::Logger instance("discovery.config");
  return instance;
}

constexpr int kFabricMsp = 0;  // of msp.MSPConfig.type; other kinds carry nothing that helps

Result<std::optional<::msp::FabricMSPConfig>> msp_of(const ::common::ConfigGroup& group) {
  const auto value = group.values().find("MSP");
  ::msp::MSPConfig config;
  if (value != group.values().end()) SELVAGE_CHECK(wire::parse_into(value->second.value(), config));
  if (config.type() != kFabricMsp) return std::optional<::msp::FabricMSPConfig>();
  SELVAGE_TRY(auto fabric, wire::parse<::msp::FabricMSPConfig>(config.config()));
  return std::optional(std::move(fabric));
}

Result<::common::OrdererAddresses> addresses_of(const ::common::ConfigGroup& group, const char* key) {
  const auto value = group.values().find(key);
  if (value == group.values().end()) return ::common::OrdererAddresses();
  return wire::parse<::common::OrdererAddresses>(value->second.value());
}

// "host:port", "[::1]:port"; false when it is neither.
bool split(std::string_view address, ::discovery::Endpoint* endpoint) {
  const size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) return false;
  std::string_view host = address.substr(0, colon);
  const std::string_view port = address.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return false;
  }
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc() || end != port.data() + port.size()) return false;
  endpoint->set_host(std::string(host));
  endpoint->set_port(number);
  return true;
}

}  // namespace

Result<::discovery::ConfigResult> make_config_result(const ::common::Config& config) {
  ::discovery::ConfigResult result;
  const auto& groups = config.channel_group().groups();
  for (const char* key : {"Orderer", "Application"}) {
    if (!groups.contains(key))
      return fail(Code::kFailedPrecondition,
                  std::string("config is invalid: key Config.ChannelGroup.Groups[") + key + "] is missing");
  }
  std::map<std::string, ::common::OrdererAddresses> orderers;
  bool of_orgs = false;
  for (const char* key : {"Orderer", "Application"}) {
    for (const auto& [name, group] : groups.at(key).groups()) {
      SELVAGE_TRY(auto msp, msp_of(group));
      if (!msp) continue;
      const std::string mspid = msp->name();
      result.mutable_msps()->insert({mspid, std::move(*msp)});
      if (std::string_view(key) != "Orderer") continue;
      SELVAGE_TRY(orderers[mspid], addresses_of(group, "Endpoints"));
      of_orgs = of_orgs || orderers[mspid].addresses_size() > 0;
    }
  }
  SELVAGE_TRY(const auto global, addresses_of(config.channel_group(), "OrdererAddresses"));
  for (const auto& [mspid, own] : orderers) {
    auto& endpoints = (*result.mutable_orderers())[mspid];
    for (const auto& address : of_orgs ? own.addresses() : global.addresses()) {
      ::discovery::Endpoint endpoint;
      if (split(address, &endpoint)) {
        *endpoints.add_endpoint() = std::move(endpoint);
      } else if (of_orgs) {
        LOG_WARN(logger(), "Failed parsing endpoint {} for {}", escape(address, 100), mspid);
      } else {
        return fail(Code::kInvalidArgument, "failed parsing orderer endpoint " + address);
      }
    }
  }
  return result;
}

}  // namespace selvage::discovery
