// The settings of the peer's chaincode listener, from core.yaml.
#pragma once

#include "base/result.h"
#include "chaincode/listener/listener_service.h"
#include "config/core_settings.h"

namespace selvage::node {

// Where chaincode that dials the peer is served and what it is told to dial. Errors: Fabric's words ("invalid endpoint for
// chaincode to connect"), with the setting to change.
// Fabric quirk: internal/peer/node/start.go createChaincodeServer; in development mode a bad endpoint becomes 0.0.0.0:7052.
[[nodiscard]] Result<chaincode::ListenerSettings> chaincode_listener_settings(const config::CoreSettings& core);

}  // namespace selvage::node
