// The peer's chaincode listener: its settings, from core.yaml, and how its TLS is shown.
#pragma once

#include "base/result.h"
#include "chaincode/listener/listener_service.h"
#include "config/core_settings.h"
#include "node/tls_upkeep.h"

namespace selvage::node {

// Where chaincode that dials the peer is served and what it is told to dial. Errors: Fabric's words ("invalid endpoint for
// chaincode to connect"), with the setting to change.
// Fabric quirk: internal/peer/node/start.go createChaincodeServer; in development mode a bad endpoint becomes 0.0.0.0:7052.
[[nodiscard]] Result<chaincode::ListenerSettings> chaincode_listener_settings(const config::CoreSettings& core);

// Its pair and its one root, which this process made, and its connections. Nothing happens when `listener` is null; it
// outlives upkeep.stop().
void show_chaincode_listener(TlsUpkeep& upkeep, const chaincode::ChaincodeListener* listener);

}  // namespace selvage::node
