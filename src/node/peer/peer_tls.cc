#include "node/peer/peer_tls.h"

#include <algorithm>

#include "base/log.h"
#include "channel/bundle.h"

namespace selvage::node {
namespace {

const log::Logger& logger() {
  static const log::Logger instance("nodeCmd");
  return instance;
}
const log::Logger& expiry_logger() {
  static const log::Logger instance("certmonitor");
  return instance;
}

std::chrono::sys_seconds seconds(SystemTime time) { return std::chrono::floor<std::chrono::seconds>(time); }

Result<std::shared_ptr<tls::CredentialStore>> load_pair(const config::File& certificate, const config::File& key) {
  SELVAGE_TRY(auto pair, tls::load_credentials({certificate.path, certificate.origin, key.path, key.origin}));
  return std::make_shared<tls::CredentialStore>(std::move(pair));
}

tls::Explain explain_mode(config::TlsExplain mode) {
  switch (mode) {
    case config::TlsExplain::kOff: return tls::Explain::kOff;
    case config::TlsExplain::kClient: return tls::Explain::kClient;
    case config::TlsExplain::kLog: break;
  }
  return tls::Explain::kLog;
}

Result<std::vector<tls::Root>> load_files(const std::vector<config::File>& files) {
  std::vector<tls::Root> roots;
  for (const auto& file : files) {
    SELVAGE_TRY(auto loaded, tls::load_roots(file.path, file.origin));
    for (auto& root : loaded) roots.push_back(std::move(root));
  }
  return roots;
}

}  // namespace

void log_note(const tls::ExpiryNote& note) {
  if (note.level >= log::Level::kError) {
    LOG_ERROR(expiry_logger(), "{}", note.text);
  } else if (note.level >= log::Level::kWarn) {
    LOG_WARN(expiry_logger(), "{}", note.text);
  } else {
    LOG_INFO(expiry_logger(), "{}", note.text);
  }
}

Result<std::unique_ptr<PeerTls>> PeerTls::make(const config::CoreSettings& settings) {
  auto made = std::unique_ptr<PeerTls>(new PeerTls(settings.tls));
  for (const auto& one : settings.delivery.address_overrides) {
    deliver::AddressOverride override{one.from, one.to, {}};
    if (!one.ca_certificates.path.empty()) {
      SELVAGE_TRY(override.roots, tls::load_roots(one.ca_certificates.path, one.ca_certificates.origin));
    }
    made->overrides_.push_back(std::move(override));
  }
  if (!settings.tls.enabled) return made;
  LOG_INFO(logger(), "Starting peer with TLS enabled");
  SELVAGE_TRY(made->own_, load_pair(settings.tls.certificate, settings.tls.key));
  made->client_ = made->own_;
  const bool has_certificate = !settings.tls.client_certificate.path.empty();
  if (has_certificate != !settings.tls.client_key.path.empty()) {
    return fail(Code::kInvalidArgument,
                "peer.tls.clientKey.file and peer.tls.clientCert.file must both be set or must both be empty", "",
                "set CORE_PEER_TLS_CLIENTCERT_FILE and CORE_PEER_TLS_CLIENTKEY_FILE, or neither");
  }
  if (has_certificate) {
    SELVAGE_TRY(made->client_, load_pair(settings.tls.client_certificate, settings.tls.client_key));
  }
  SELVAGE_CHECK(made->load_roots());
  tls::ServerPolicy policy;
  policy.client_auth = settings.tls.client_auth_required ? tls::ClientAuth::kRequireAndVerify : tls::ClientAuth::kRequest;
  policy.listener = "PeerServer";
  policy.client_auth_setting = settings.tls.client_auth_origin;
  policy.client_roots_setting = settings.tls.client_roots_origin;
  policy.explain = explain_mode(settings.tls.explain);
  policy.resumption = settings.tls.resumption;
  policy.revocation = settings.tls.revocation;
  policy.client_names = settings.tls.client_names;
  policy.client_names_setting = settings.tls.client_names_origin;
  if (!settings.tls.client_auth_required) {
    made->visitors_ = std::make_shared<tls::Visitors>(made->would_be_, policy);
    policy.on_visitor = [visitors = made->visitors_](const auto& address, const auto& chain) { visitors->saw(address, chain); };
  }
  made->server_ = std::make_shared<tls::ServerContext>(made->own_, made->trust_, std::move(policy));
  SELVAGE_CHECK(made->server_->check());
  made->register_all(settings);
  return made;
}

Status PeerTls::load_roots() {
  if (settings_.client_auth_required) {
    SELVAGE_TRY(auto roots, load_files(settings_.client_roots));
    trust_->set_source("files", std::move(roots));
  } else {
    would_be_ = std::make_shared<tls::TrustStore>();
    // Fabric reads these only when certificates are demanded: a broken one is no error yet.
    if (auto roots = load_files(settings_.client_roots)) would_be_->set_source("files", std::move(*roots));
  }
  if (!settings_.root.path.empty()) {
    SELVAGE_TRY(auto roots, tls::load_roots(settings_.root.path, settings_.root.origin));
    trust_->set_source("rootcert", roots);
    if (would_be_) would_be_->set_source("rootcert", roots);
    members_->set_source("rootcert", std::move(roots));
  }
  return {};
}

void PeerTls::register_all(const config::CoreSettings& settings) {
  std::vector<std::string> hosts;
  for (const std::string& address : {settings.address, settings.gossip.external_endpoint}) {
    std::string host = tls::host_of(address);
    if (!host.empty() && host != "0.0.0.0" && std::find(hosts.begin(), hosts.end(), host) == hosts.end()) hosts.push_back(host);
  }
  registry_.add_pair({.role = "server TLS", .store = own_, .as_server = true, .as_client = client_ == own_, .hosts = hosts,
                      .trusted_by = members_, .judge = {}});
  if (client_ != own_) {
    registry_.add_pair({.role = "client TLS", .store = client_, .as_server = false, .as_client = true, .hosts = {},
                        .trusted_by = members_, .judge = {}});
  }
  registry_.add_pool({.name = "PeerServer", .of_clients = true, .store = trust_});
  registry_.add_pool({.name = "peers", .of_clients = false, .store = members_});
  const auto add_files = [&](std::shared_ptr<tls::TrustStore> store, const char* source, std::vector<config::File> files) {
    tls::RootFiles roots{std::move(store), source, {}, [files] { return load_files(files); }};
    for (const auto& file : files) roots.paths.push_back(file.path);
    if (!roots.paths.empty()) registry_.add_root_files(std::move(roots));
  };
  if (settings_.client_auth_required) add_files(trust_, "files", settings_.client_roots);
  if (!settings_.root.path.empty()) {
    add_files(trust_, "rootcert", {settings_.root});
    add_files(members_, "rootcert", {settings_.root});
  }
}

std::shared_ptr<tls::CredentialStore> PeerTls::client() const {
  return settings_.enabled && settings_.client_auth_required ? client_ : nullptr;
}

void PeerTls::follow(const channel::Bundle& bundle) {
  std::vector<tls::Root> roots;
  for (const auto& org : bundle.org_tls_roots()) {
    if (!org.application_org) continue;
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
  std::vector<tls::Revocations> revocations;
  for (const auto& org : bundle.org_tls_roots()) {
    for (const auto& list : settings_.revocation && org.application_org ? org.revocations : std::vector<crypto::RevocationList>()) {
      revocations.push_back({list, {.kind = tls::Provenance::Kind::kChannel, .origin = {}, .file = {}, .channel = bundle.channel_id(),
                                    .msp_id = org.mspid, .intermediate = false, .index = 0}});
    }
  }
  trust_->set_source("channel " + bundle.channel_id(), roots, std::move(revocations));
  if (would_be_) would_be_->set_source("channel " + bundle.channel_id(), roots);
  members_->set_source("channel " + bundle.channel_id(), std::move(roots));

  std::vector<tls::Root> orderers;
  for (auto& endpoint : deliver::orderer_endpoints(bundle, overrides_)) {
    for (auto& root : endpoint.roots) {
      const auto same = [&](const tls::Root& one) {
        return one.certificate == root.certificate && one.from.to_string() == root.from.to_string();
      };
      if (std::none_of(orderers.begin(), orderers.end(), same)) orderers.push_back(std::move(root));
    }
  }
  std::lock_guard lock(orderers_mutex_);
  auto& store = orderers_[bundle.channel_id()];
  if (!store) store = std::make_shared<tls::TrustStore>();
  store->set_source("channel " + bundle.channel_id(), std::move(orderers));
  registry_.add_pool({.name = "orderers of " + bundle.channel_id(), .of_clients = false, .store = store});
}

void PeerTls::forget(const std::string& channel) {
  trust_->remove_source("channel " + channel);
  members_->remove_source("channel " + channel);
  if (would_be_) would_be_->remove_source("channel " + channel);
  registry_.remove_pool("orderers of " + channel);
  std::lock_guard lock(orderers_mutex_);
  orderers_.erase(channel);
}

void PeerTls::note_expiry(SystemTime now) const {
  if (!own_) return;
  const auto note = [&](const char* role, const tls::Credentials& pair) {
    for (const auto& one : tls::expiry_notes(role, pair.leaf(), pair.files().certificate_path, seconds(now)).due) log_note(one);
  };
  note("server TLS", *own_->current());
  if (client_ != own_) note("client TLS", *client_->current());
}

Result<std::shared_ptr<tls::ServerContext>> make_operations_tls(const config::HttpTls& settings,
                                                                const std::string& listener) {
  if (!settings.enabled) return std::shared_ptr<tls::ServerContext>();
  SELVAGE_TRY(auto pair, load_pair(settings.certificate, settings.key));
  SELVAGE_TRY(auto roots, load_files(settings.client_roots));
  tls::ServerPolicy policy;
  policy.client_auth = settings.client_auth_required ? tls::ClientAuth::kRequireAndVerify : tls::ClientAuth::kVerifyIfGiven;
  policy.alpn = {"http/1.1"};
  policy.time_shift = std::chrono::duration_cast<std::chrono::seconds>(settings.time_shift);
  policy.listener = listener;
  policy.client_auth_setting = settings.client_auth_origin;
  policy.client_roots_setting = settings.client_roots_origin;
  auto context = std::make_shared<tls::ServerContext>(std::move(pair), std::make_shared<tls::TrustStore>(std::move(roots)),
                                                      std::move(policy));
  SELVAGE_CHECK(context->check());
  return context;
}

void register_operations_tls(tls::Registry& registry, const config::HttpTls& settings, const tls::ServerContext* context) {
  if (context == nullptr) return;
  registry.add_pair({.role = "operations TLS", .store = context->credentials(), .as_server = true, .as_client = false,
                     .hosts = {}, .trusted_by = nullptr, .judge = {}});
  registry.add_pool({.name = "Operations", .of_clients = true, .store = context->trust()});
  tls::RootFiles roots{context->trust(), "files", {}, [files = settings.client_roots] { return load_files(files); }};
  for (const auto& file : settings.client_roots) roots.paths.push_back(file.path);
  if (!roots.paths.empty()) registry.add_root_files(std::move(roots));
}

}  // namespace selvage::node
