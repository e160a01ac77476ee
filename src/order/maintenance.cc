#include "order/maintenance.h"

#include <fmt/format.h>

#include "base/log.h"
#include "channel/config_update.h"
#include "common/configtx.pb.h"
#include "wire/marshal.h"

namespace selvage::order {
namespace {

auto refuse(std::string why) { return fail(Code::kInvalidArgument, std::move(why)); }

const char* name_of(channel::ConsensusState state) {
  return state == channel::ConsensusState::kNormal ? "STATE_NORMAL" : "STATE_MAINTENANCE";
}

// An update that enters or leaves maintenance may touch nothing but the consensus type.
Status only_consensus_type(const common::ConfigEnvelope& next) {
  SELVAGE_TRY(const auto update_envelope, channel::config_update_of(next.last_update()));
  SELVAGE_TRY(const auto update, wire::parse<common::ConfigUpdate>(update_envelope.config_update()));
  const auto& write_set = update.write_set();
  if (write_set.groups().empty()) return refuse("config update contains no changes");
  if (!write_set.values().empty()) return refuse("config update contains changes to values in group Channel");
  if (write_set.groups().size() > 1) return refuse("config update contains changes to more than one group");
  const auto orderer = write_set.groups().find("Orderer");
  if (orderer == write_set.groups().end()) return refuse("update does not contain the Orderer group");
  if (!orderer->second.groups().empty()) {
    return refuse("config update contains changes to groups within the Orderer group");
  }
  if (!orderer->second.values().contains("ConsensusType")) {
    return refuse("config update does not contain the ConsensusType value");
  }
  if (orderer->second.values().size() > 1) {
    return refuse("config update contain more then just the ConsensusType value in the Orderer group");
  }
  return {};
}

}  // namespace

Status check_maintenance(const common::ConfigEnvelope& next, const channel::Bundle& current) {
  if (!next.has_last_update()) return refuse("updated config does not include a config update");
  auto bundle = channel::Bundle::from_config(current.channel_id(), next.config());
  if (!bundle) return fail(bundle.error().within("failed to parse config"));
  const auto* now = current.orderer();
  const auto* then = (*bundle)->orderer();
  if (now == nullptr || then == nullptr) return refuse("next config is missing orderer group");

  if (!now->capabilities.consensus_type_migration()) {
    if (then->consensus_state != channel::ConsensusState::kNormal) {
      return refuse(fmt::format("next config attempted to change ConsensusType.State to {}, but capability is disabled",
                                name_of(then->consensus_state)));
    }
    if (now->consensus_type != then->consensus_type) {
      return refuse(fmt::format(
          "next config attempted to change ConsensusType.Type from {} to {}, but capability is disabled",
          now->consensus_type, then->consensus_type));
    }
    return {};
  }
  if (now->consensus_state != then->consensus_state) {
    SELVAGE_CHECK(only_consensus_type(next));
    if (now->consensus_type != then->consensus_type) {
      return refuse(fmt::format("attempted to change ConsensusType.Type from {} to {}, but ConsensusType.State is "
                                "changing from {} to {}",
                                now->consensus_type, then->consensus_type, name_of(now->consensus_state),
                                name_of(then->consensus_state)));
    }
    if (now->consensus_metadata != then->consensus_metadata) {
      return refuse(fmt::format("attempted to change ConsensusType.Metadata, but ConsensusType.State is changing from "
                                "{} to {}",
                                name_of(now->consensus_state), name_of(then->consensus_state)));
    }
  }
  if (now->consensus_type != then->consensus_type) {
    const std::string what =
        fmt::format("attempted to change consensus type from {} to {}", now->consensus_type, then->consensus_type);
    if (now->consensus_state == channel::ConsensusState::kNormal) {
      return refuse(what + ", but current config ConsensusType.State is not in maintenance mode");
    }
    if (then->consensus_state == channel::ConsensusState::kNormal) {
      return refuse(what + ", but next config ConsensusType.State is not in maintenance mode");
    }
    return refuse(what + ", transition not supported");
  }
  if (now->consensus_state != then->consensus_state) {
    static log::Logger logger("orderer.common.msgprocessor");
    LOG_INFO(logger, "[channel: {}] maintenance mode: ConsensusType.State about to change from {} to {}",
             current.channel_id(), name_of(now->consensus_state), name_of(then->consensus_state));
  }
  return {};
}

}  // namespace selvage::order
