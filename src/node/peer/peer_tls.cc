#include "node/peer/peer_tls.h"

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
    made->watches_.emplace_back(made->client_);
  }
  made->watches_.emplace_back(made->own_);
  SELVAGE_CHECK(made->load_roots());
  tls::ServerPolicy policy;
  policy.client_auth = settings.tls.client_auth_required ? tls::ClientAuth::kRequireAndVerify : tls::ClientAuth::kRequest;
  policy.listener = "PeerServer";
  policy.client_auth_setting = settings.tls.client_auth_origin;
  policy.client_roots_setting = settings.tls.client_roots_origin;
  made->server_ = std::make_shared<tls::ServerContext>(made->own_, made->trust_, std::move(policy));
  SELVAGE_CHECK(made->server_->check());
  return made;
}

Status PeerTls::load_roots() {
  if (settings_.client_auth_required) {
    SELVAGE_TRY(auto roots, load_files(settings_.client_roots));
    trust_->set_source("files", std::move(roots));
  }
  if (!settings_.root.path.empty()) {
    SELVAGE_TRY(auto roots, tls::load_roots(settings_.root.path, settings_.root.origin));
    trust_->set_source("rootcert", std::move(roots));
  }
  return {};
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
  trust_->set_source("channel " + bundle.channel_id(), std::move(roots));
}

void PeerTls::poll(SystemTime now) {
  for (auto& watch : watches_) {
    const auto renewed = watch.poll(seconds(now));
    if (!renewed) {
      LOG_WARN(logger(), "A TLS certificate or key changed on disk and is not taken, the one in force stays: {}",
               to_string(renewed.error()));
    } else if (*renewed) {
      LOG_INFO(logger(), "A TLS certificate was renewed from its files; new connections use it");
      note_expiry(now);
    }
  }
}

void PeerTls::reload(SystemTime now) {
  if (!settings_.enabled) return;
  poll(now);
  if (auto loaded = load_roots(); !loaded) {
    LOG_WARN(logger(), "The client root certificates cannot be read again, those in force stay: {}",
             to_string(loaded.error()));
  }
}

void PeerTls::note_expiry(SystemTime now) const {
  if (!own_) return;
  const auto note = [&](const char* role, const tls::Credentials& pair, bool server, bool client) {
    const std::string& file = pair.files().certificate_path;
    for (const auto& one : tls::expiry_notes(role, pair.leaf(), file, seconds(now)).due) log_note(one);
    for (const auto& one : tls::usage_notes(role, pair.chain(), file, server, client)) log_note(one);
  };
  const bool shows_own = settings_.client_auth_required && client_ == own_;
  note("server TLS", *own_->current(), true, shows_own);
  if (client_ != own_) note("client TLS", *client_->current(), false, true);
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

}  // namespace selvage::node
