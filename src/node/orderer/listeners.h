// What an orderer's gRPC listeners show and demand: credentials, trust and policy of the general one, out of the
// settings (the cluster's own is cluster.h's). Its trust follows the channels.
#pragma once

#include <memory>

#include "base/result.h"
#include "config/orderer_settings.h"
#include "node/orderer/consenter_keys.h"
#include "tls/context.h"
#include "tls/live/visitors.h"
#include "tls/credentials.h"
#include "tls/trust.h"

namespace selvage::node {

struct Listener {
  std::shared_ptr<tls::CredentialStore> credentials;
  std::shared_ptr<tls::TrustStore> trust;
  std::shared_ptr<tls::ServerContext> context;
  // The general listener while certificates are not demanded: who comes, judged by these roots.
  std::shared_ptr<tls::TrustStore> would_be;
  std::shared_ptr<tls::Visitors> visitors;
};

// Errors: one line for the operator, with setting, file and remedy. `keys`: what to tell when a client refuses us.
[[nodiscard]] Result<Listener> general_listener(const config::OrdererSettings& settings, std::shared_ptr<const ConsenterKeys> keys);

}  // namespace selvage::node
