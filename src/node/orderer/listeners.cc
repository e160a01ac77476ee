#include "node/orderer/listeners.h"

#include <chrono>
#include <utility>

#include "tls/files_service.h"

namespace selvage::node {
namespace {

Result<std::shared_ptr<tls::CredentialStore>> load_pair(const config::File& certificate, const config::File& key) {
  SELVAGE_TRY(auto pair, tls::load_credentials({certificate.path, certificate.origin, key.path, key.origin}));
  return std::make_shared<tls::CredentialStore>(std::move(pair));
}

Result<std::shared_ptr<tls::TrustStore>> load_client_roots(const std::vector<config::File>& files, const Origin& setting) {
  std::vector<tls::Root> roots;
  for (const config::File& file : files) {
    SELVAGE_TRY(auto more, tls::load_roots(file.path, setting));
    for (tls::Root& root : more) roots.push_back(std::move(root));
  }
  return std::make_shared<tls::TrustStore>(std::move(roots));
}

tls::Explain explain_mode(config::TlsExplain mode) {
  switch (mode) {
    case config::TlsExplain::kOff: return tls::Explain::kOff;
    case config::TlsExplain::kClient: return tls::Explain::kClient;
    case config::TlsExplain::kLog: break;
  }
  return tls::Explain::kLog;
}

std::chrono::seconds whole_seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time);
}

}  // namespace

Result<Listener> general_listener(const config::OrdererSettings& settings) {
  const auto& tls = settings.tls;
  Listener listener;
  SELVAGE_TRY(listener.credentials, load_pair(tls.certificate, tls.key));
  if (tls.client_auth_required) {
    SELVAGE_TRY(listener.trust, load_client_roots(tls.client_roots, tls.client_roots_origin));
  } else {
    listener.trust = std::make_shared<tls::TrustStore>();
    // Fabric reads these only when certificates are demanded: a broken one is no error yet.
    auto would_be = load_client_roots(tls.client_roots, tls.client_roots_origin);
    listener.would_be = would_be ? *would_be : std::make_shared<tls::TrustStore>();
  }
  tls::ServerPolicy policy;
  policy.client_auth = tls.client_auth_required ? tls::ClientAuth::kRequireAndVerify : tls::ClientAuth::kRequest;
  policy.time_shift = whole_seconds(tls.time_shift);
  policy.listener = "Orderer";
  policy.explain = explain_mode(tls.explain);
  policy.resumption = tls.resumption;
  policy.revocation = tls.revocation;
  policy.client_names = tls.client_names;
  policy.client_names_setting = tls.client_names_origin;
  policy.client_auth_setting = tls.client_auth_origin;
  policy.client_roots_setting = tls.client_roots_origin;
  if (listener.would_be) {
    listener.visitors = std::make_shared<tls::Visitors>(listener.would_be, policy);
    policy.on_visitor = [visitors = listener.visitors](const auto& address, const auto& chain) { visitors->saw(address, chain); };
  }
  listener.context = std::make_shared<tls::ServerContext>(listener.credentials, listener.trust, std::move(policy));
  SELVAGE_CHECK(listener.context->check());
  return listener;
}

Result<Listener> http_listener(const config::Operations& settings, const char* name) {
  const auto& tls = settings.tls;
  Listener listener;
  if (!tls.enabled) return listener;
  SELVAGE_TRY(listener.credentials, load_pair(tls.certificate, tls.key));
  SELVAGE_TRY(listener.trust, load_client_roots(tls.client_roots, tls.client_roots_origin));
  tls::ServerPolicy policy;
  policy.client_auth = tls.client_auth_required ? tls::ClientAuth::kRequireAndVerify : tls::ClientAuth::kVerifyIfGiven;
  policy.alpn = {"http/1.1"};
  policy.time_shift = whole_seconds(tls.time_shift);
  policy.listener = name;
  policy.client_auth_setting = tls.client_auth_origin;
  policy.client_roots_setting = tls.client_roots_origin;
  listener.context = std::make_shared<tls::ServerContext>(listener.credentials, listener.trust, std::move(policy));
  SELVAGE_CHECK(listener.context->check());
  return listener;
}

std::vector<tls::Root> client_roots_of(const channel::Bundle& bundle) {
  std::vector<tls::Root> roots;
  for (const auto& org : bundle.org_tls_roots()) {
    if (!org.application_org && !org.orderer_org) continue;
    const auto add = [&](const std::vector<crypto::Certificate>& certificates, bool intermediate) {
      for (size_t i = 0; i < certificates.size(); ++i) {
        tls::Provenance from;
        from.kind = tls::Provenance::Kind::kChannel;
        from.channel = bundle.channel_id();
        from.msp_id = org.mspid;
        from.intermediate = intermediate;
        from.index = static_cast<int>(i);
        roots.push_back({certificates[i], std::move(from)});
      }
    };
    add(org.roots, false);
    add(org.intermediates, true);
  }
  return roots;
}

std::vector<tls::Revocations> revocations_of(const channel::Bundle& bundle) {
  std::vector<tls::Revocations> all;
  for (const auto& org : bundle.org_tls_roots()) {
    if (!org.application_org && !org.orderer_org) continue;
    for (const auto& list : org.revocations) {
      tls::Provenance from;
      from.kind = tls::Provenance::Kind::kChannel;
      from.channel = bundle.channel_id();
      from.msp_id = org.mspid;
      all.push_back({list, std::move(from)});
    }
  }
  return all;
}

}  // namespace selvage::node
