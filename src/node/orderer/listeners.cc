#include "node/orderer/listeners.h"

#include <chrono>
#include <utility>

#include "node/tls_settings.h"

namespace selvage::node {

Result<Listener> general_listener(const config::OrdererSettings& settings, std::shared_ptr<const ConsenterKeys> keys) {
  const auto& tls = settings.tls;
  Listener listener;
  SELVAGE_TRY(listener.credentials, load_pair(tls.certificate, tls.key));
  listener.trust = std::make_shared<tls::TrustStore>();
  auto roots = load_roots(tls.client_roots);
  if (tls.client_auth_required) {
    if (!roots) return fail(roots.error());
    listener.trust->set_source("files", std::move(*roots));
  } else {
    // Fabric reads these only when certificates are demanded: a broken one is no error yet.
    listener.would_be = std::make_shared<tls::TrustStore>(roots ? std::move(*roots) : std::vector<tls::Root>());
  }
  tls::ServerPolicy policy;
  policy.client_auth = tls.client_auth_required ? tls::ClientAuth::kRequireAndVerify : tls::ClientAuth::kRequest;
  policy.time_shift = std::chrono::duration_cast<std::chrono::seconds>(tls.time_shift);
  policy.listener = "Orderer";
  policy.explain = explain_mode(tls.explain);
  policy.resumption = tls.resumption;
  policy.revocation = tls.revocation;
  policy.client_names = tls.client_names;
  policy.client_names_setting = tls.client_names_origin;
  policy.client_auth_setting = tls.client_auth_origin;
  policy.client_roots_setting = tls.client_roots_origin;
  policy.other_key_expected = [keys = std::move(keys), port = settings.listen_port](const crypto::Certificate& ours) {
    return keys->other_key_for(port, ours);
  };
  if (listener.would_be) {
    listener.visitors = std::make_shared<tls::Visitors>(listener.would_be, policy);
    policy.on_visitor = [visitors = listener.visitors](const auto& address, const auto& chain) { visitors->saw(address, chain); };
  }
  listener.context = std::make_shared<tls::ServerContext>(listener.credentials, listener.trust, std::move(policy));
  SELVAGE_CHECK(listener.context->check());
  return listener;
}

}  // namespace selvage::node
