#include "node/tls_settings.h"

#include <chrono>
#include <utility>

#include "tls/files_service.h"

namespace selvage::node {

Result<std::shared_ptr<tls::CredentialStore>> load_pair(const config::File& certificate, const config::File& key) {
  SELVAGE_TRY(auto pair, tls::load_credentials({certificate.path, certificate.origin, key.path, key.origin}));
  return std::make_shared<tls::CredentialStore>(std::move(pair));
}

Result<std::vector<tls::Root>> load_roots(const std::vector<config::File>& files) {
  std::vector<tls::Root> roots;
  for (const config::File& file : files) {
    SELVAGE_TRY(auto more, tls::load_roots(file.path, file.origin));
    for (tls::Root& root : more) roots.push_back(std::move(root));
  }
  return roots;
}

void register_roots(tls::Registry& registry, std::shared_ptr<tls::TrustStore> store, const std::string& source,
                    std::vector<config::File> files) {
  if (files.empty()) return;
  tls::RootFiles roots{std::move(store), source, {}, {}};
  for (const config::File& file : files) roots.paths.push_back(file.path);
  roots.load = [files = std::move(files)] { return load_roots(files); };
  registry.add_root_files(std::move(roots));
}

tls::Explain explain_mode(config::TlsExplain mode) {
  switch (mode) {
    case config::TlsExplain::kOff: return tls::Explain::kOff;
    case config::TlsExplain::kClient: return tls::Explain::kClient;
    case config::TlsExplain::kLog: break;
  }
  return tls::Explain::kLog;
}

Result<std::shared_ptr<tls::ServerContext>> https_context(const config::HttpTls& settings, const std::string& name) {
  if (!settings.enabled) return std::shared_ptr<tls::ServerContext>();
  SELVAGE_TRY(auto pair, load_pair(settings.certificate, settings.key));
  SELVAGE_TRY(auto roots, load_roots(settings.client_roots));
  tls::ServerPolicy policy;
  policy.client_auth = settings.client_auth_required ? tls::ClientAuth::kRequireAndVerify : tls::ClientAuth::kVerifyIfGiven;
  policy.alpn = {"http/1.1"};
  policy.time_shift = std::chrono::duration_cast<std::chrono::seconds>(settings.time_shift);
  policy.listener = name;
  policy.client_auth_setting = settings.client_auth_origin;
  policy.client_roots_setting = settings.client_roots_origin;
  auto context = std::make_shared<tls::ServerContext>(std::move(pair), std::make_shared<tls::TrustStore>(std::move(roots)),
                                                      std::move(policy));
  SELVAGE_CHECK(context->check());
  return context;
}

void register_https(tls::Registry& registry, const std::string& role, const config::HttpTls& settings,
                    const tls::ServerContext* context) {
  if (context == nullptr) return;
  registry.add_pair({.role = role + " TLS", .store = context->credentials(), .as_server = true, .as_client = false, .hosts = {},
                     .trusted_by = nullptr, .judge = {}});
  registry.add_pool({.name = context->policy().listener, .of_clients = true, .store = context->trust()});
  register_roots(registry, context->trust(), "files", settings.client_roots);
}

}  // namespace selvage::node
