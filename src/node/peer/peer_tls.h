// The peer's mutual TLS, from settings and channels: what it shows, whom it believes, and the files behind both.
//
// As server: trusts peer.tls.clientRootCAs.files, peer.tls.rootcert.file, and the TLS roots and intermediates of the
// application organisations of all its channels; never orderer organisations. As client of orderers: the orderer
// organisations' roots of the channel (deliver/pull).
// Fabric quirk: core/peer/peer.go updateTrustedRoots; there rootcert.file counts only once a channel was joined.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "config/core_settings.h"
#include "deliver/pull/endpoints.h"
#include "tls/context.h"
#include "tls/expiry.h"
#include "tls/files_service.h"

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

  // Takes over the roots of this configuration in place of what its channel had before. Any thread.
  void follow(const channel::Bundle& bundle);
  // Loads what changed on disk: certificates that are better than those in force, client roots. Says so in the log.
  void reload(SystemTime now);
  // Only certificates, and only if their files changed.
  void poll(SystemTime now);
  // What to say of the certificates at start. Logs.
  void note_expiry(SystemTime now) const;

 private:
  explicit PeerTls(config::PeerTls settings) : settings_(std::move(settings)) {}
  Status load_roots();

  config::PeerTls settings_;
  std::vector<deliver::AddressOverride> overrides_;
  std::shared_ptr<tls::TrustStore> trust_ = std::make_shared<tls::TrustStore>();
  std::shared_ptr<tls::CredentialStore> own_;
  std::shared_ptr<tls::CredentialStore> client_;  // own_ unless peer.tls.clientCert.file is set
  std::vector<tls::CredentialWatch> watches_;
  std::shared_ptr<tls::ServerContext> server_;
};

// One line of the log, as the logger of certificates.
void log_note(const tls::ExpiryNote& note);

// The operations listener's TLS; null when it is off.
[[nodiscard]] Result<std::shared_ptr<tls::ServerContext>> make_operations_tls(const config::HttpTls& settings,
                                                                              const std::string& listener);

}  // namespace selvage::node
