// From core.yaml's values to the settings of the parts. Pure.
#pragma once

#include "config/core_settings.h"
#include "deliver/pull/pull_worker.h"
#include "node/peer/endorsement.h"
#include "node/peer/peer_channel.h"
#include "node/peer/peer_tls.h"
#include "ops/operations_service.h"
#include "rpc/server.h"

namespace selvage::node {

[[nodiscard]] rpc::ServerSettings server_settings(const config::CoreSettings& core, const PeerTls& tls,
                                                  metrics::Provider& metrics);
[[nodiscard]] deliver::PullSettings pull_settings(const config::CoreSettings& core, const PeerTls& tls);
[[nodiscard]] PeerChannel::Settings channel_settings(const config::CoreSettings& core);
[[nodiscard]] plugin::Settings plugin_settings(const config::CoreSettings& core);
[[nodiscard]] EndorsementSettings endorsement_settings(const config::CoreSettings& core);
[[nodiscard]] ledger::LedgerSet::Settings ledger_settings(const config::CoreSettings& core);
[[nodiscard]] ops::OperationsSettings operations_settings(const config::CoreSettings& core,
                                                          std::shared_ptr<tls::ServerContext> tls);

// What this peer cannot do although the settings ask for it: errors for what would go wrong later (another state
// database), log lines for what is merely not there.
Status check_settings(const config::CoreSettings& core);

}  // namespace selvage::node
