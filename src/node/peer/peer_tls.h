// The peer's mutual TLS, from settings and channels: what it shows, whom it believes, and the files behind both.
//
// As server: trusts peer.tls.clientRootCAs.files, peer.tls.rootcert.file, and the TLS roots and intermediates of the
// application organisations of all its channels; never orderer organisations. As client of orderers: the orderer
// organisations' roots of the channel (deliver/pull).
// Fabric quirk: core/peer/peer.go updateTrustedRoots; there rootcert.file counts only once a channel was joined.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "config/core_settings.h"
#include "deliver/pull/endpoints.h"
#include "tls/context.h"
#include "tls/expiry.h"
#include "tls/files_service.h"
#include "tls/live/registry.h"
#include "tls/live/visitors.h"

namespace selvage::channel {
class Bundle;
}

namespace selvage::node {

class PeerTls {
 public:
  // Loads all files. Errors: one line that names setting and file. `settings` is copied.
  [[nodiscard]] static Result<std::unique_ptr<PeerTls>> make(const config::CoreSettings& settings);

  // Null when peer.tls.enabled is false.
  [[nodiscard]] const std::shared_ptr<tls::ServerContext>& server() const { return server_; }
  // For orderers, only set when peer.tls.clientAuthRequired: then the peer shows a certificate too.
  [[nodiscard]] std::shared_ptr<tls::CredentialStore> client() const;
  [[nodiscard]] bool client_auth_required() const { return settings_.client_auth_required; }
  [[nodiscard]] const std::vector<deliver::AddressOverride>& overrides() const { return overrides_; }

  // What the peer shows where it dials (gossip, the gateway): clientCert if there is one, else the server's pair; always. Null
  // without TLS.
  [[nodiscard]] const std::shared_ptr<tls::CredentialStore>& member_pair() const { return client_; }
  // What it shows to those who dial it. Null without TLS.
  [[nodiscard]] const std::shared_ptr<tls::CredentialStore>& server_pair() const { return own_; }
  // Whom to believe when dialling other peers: rootcert.file, and the application organisations of all channels.
  [[nodiscard]] const std::shared_ptr<tls::TrustStore>& members() const { return members_; }

  // Takes over the roots of this configuration in place of what its channel had before. Any thread.
  void follow(const channel::Bundle& bundle);
  // The channel was left: new handshakes believe its organisations no more (Fabric keeps them until a restart).
  void forget(const std::string& channel);
  // Who comes while certificates are not demanded. Null when they are, and without TLS.
  [[nodiscard]] const std::shared_ptr<tls::Visitors>& visitors() const { return visitors_; }
  // Pairs, pools and files, for tls/live/upkeep_worker.h and the operations endpoint.
  [[nodiscard]] tls::Registry& registry() { return registry_; }
  // What to say of the certificates at start. Logs.
  void note_expiry(SystemTime now) const;

 private:
  explicit PeerTls(config::PeerTls settings) : settings_(std::move(settings)) {}
  Status load_roots();
  void register_all(const config::CoreSettings& settings);

  config::PeerTls settings_;
  tls::Registry registry_;
  std::vector<deliver::AddressOverride> overrides_;
  std::shared_ptr<tls::TrustStore> trust_ = std::make_shared<tls::TrustStore>();
  std::shared_ptr<tls::TrustStore> would_be_;  // trust_ as it would be if certificates were demanded
  std::shared_ptr<tls::Visitors> visitors_;
  std::shared_ptr<tls::CredentialStore> own_;
  std::shared_ptr<tls::CredentialStore> client_;  // own_ unless peer.tls.clientCert.file is set
  std::shared_ptr<tls::TrustStore> members_ = std::make_shared<tls::TrustStore>();
  std::mutex orderers_mutex_;
  std::map<std::string, std::shared_ptr<tls::TrustStore>> orderers_;  // by channel: whom its pulls believe, for /tls/trust
  std::shared_ptr<tls::ServerContext> server_;
};

// One line of the log, as the logger of certificates.
void log_note(const tls::ExpiryNote& note);

}  // namespace selvage::node
