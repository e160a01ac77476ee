// How a channel configuration changes: from an authorised update (read set, write set, signatures) to the next
// configuration. Pure; Fabric's rules and words (common/configtx).
//
// Callers normally go through Bundle::propose_update and Bundle::check_next (bundle.h).
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "policy/policy_manager.h"

namespace common {
class Config;
class ConfigEnvelope;
class ConfigUpdate;
class ConfigUpdateEnvelope;
class Envelope;
}  // namespace common

namespace selvage::channel {

// "channel ID illegal, cannot be empty", "'X' contains illegal characters", ...
[[nodiscard]] Status check_channel_id(std::string_view channel_id);

// The CONFIG_UPDATE inside an envelope. Errors with Fabric's words.
[[nodiscard]] Result<::common::ConfigUpdateEnvelope> config_update_of(const ::common::Envelope& envelope);

// Orderer's side: the next configuration that `envelope` (a CONFIG_UPDATE) leads to, sequence raised by one.
// kInvalidArgument / kPermissionDenied "error authorizing update: ...".
[[nodiscard]] Result<::common::ConfigEnvelope> propose_config_update(const std::string& channel_id,
                                                                     const ::common::Config& current,
                                                                     const policy::PolicyManager& policies,
                                                                     const ::common::Envelope& envelope);

// Everybody's side: recomputes the update and compares the result.
// "ConfigEnvelope LastUpdate did not produce the supplied config result".
[[nodiscard]] Status check_config_envelope(const std::string& channel_id, const ::common::Config& current,
                                           const policy::PolicyManager& policies,
                                           const ::common::ConfigEnvelope& next);

// The smallest update (read and write set) that turns `original` into `updated`; kInvalidArgument
// "no differences detected between original and updated config". channel_id is left empty.
// Fabric quirk: internal/configtxlator/update/update.go.
[[nodiscard]] Result<::common::ConfigUpdate> compute_config_update(const ::common::Config& original,
                                                                   const ::common::Config& updated);

}  // namespace selvage::channel
