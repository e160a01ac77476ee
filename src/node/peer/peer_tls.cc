#include "node/peer/peer_tls.h"

#include <algorithm>

#include "base/log.h"
#include "channel/bundle.h"
#include "channel/tls_notes.h"
#include "node/channel_trust.h"
#include "node/tls_settings.h"

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
    SELVAGE_TRY(auto roots, node::load_roots(settings_.client_roots));
    trust_->set_source("files", std::move(roots));
  } else {
    would_be_ = std::make_shared<tls::TrustStore>();
    // Fabric reads these only when certificates are demanded: a broken one is no error yet.
    if (auto roots = node::load_roots(settings_.client_roots)) would_be_->set_source("files", std::move(*roots));
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
  register_roots(registry_, would_be_ ? would_be_ : trust_, "files", settings_.client_roots);
  for (const auto& store : {trust_, would_be_, members_}) {
    if (store && !settings_.root.path.empty()) register_roots(registry_, store, "rootcert", {settings_.root});
  }
}

std::shared_ptr<tls::CredentialStore> PeerTls::client() const {
  return settings_.enabled && settings_.client_auth_required ? client_ : nullptr;
}

void PeerTls::follow(const channel::Bundle& bundle) {
  for (const std::string& note : channel::notes_on_tls_roots(bundle)) LOG_WARN(expiry_logger(), "{}", note);
  std::vector<tls::Root> roots = roots_of(bundle, Organisations::kApplication);
  std::vector<tls::Revocations> revocations;
  if (settings_.revocation) revocations = revocations_of(bundle, Organisations::kApplication);
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

}  // namespace selvage::node
