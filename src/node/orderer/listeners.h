// What an orderer's listeners show and demand: credentials, trust and policy of the general, the admin and the operations
// listener, out of the settings. The general one's trust follows the channels.
#pragma once

#include <memory>

#include "base/result.h"
#include "channel/bundle.h"
#include "config/orderer_settings.h"
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

// Errors: one line for the operator, with setting, file and remedy.
[[nodiscard]] Result<Listener> general_listener(const config::OrdererSettings& settings);
// Null context when TLS is off. Admin and operations listeners trust their configured roots only.
[[nodiscard]] Result<Listener> http_listener(const config::Operations& settings, const char* name);

// The roots of clients that a channel brings: those of its application and orderer organisations.
[[nodiscard]] std::vector<tls::Root> client_roots_of(const channel::Bundle& bundle);
// The revocation lists of the same organisations.
[[nodiscard]] std::vector<tls::Revocations> revocations_of(const channel::Bundle& bundle);

}  // namespace selvage::node
