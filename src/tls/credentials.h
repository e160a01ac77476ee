// Our side of a handshake: certificate, the chain we send with it, and the key; with the names of the settings they came
// from, so that a refusal can be answered with what to change.
//
// Pure: files are read by tls/files_service.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/origin.h"
#include "base/result.h"
#include "crypto/certificate.h"
#include "crypto/key.h"

namespace selvage::tls {

// Where certificate and key are, as the operator configured them.
struct CredentialFiles {
  std::string certificate_path;
  Origin certificate_origin;  // "peer.tls.cert.file (core.yaml:212)"
  std::string key_path;
  Origin key_origin;
};

// Immutable; shared by everything that uses it. Never prints its key.
class Credentials {
 public:
  // Reads PEM texts and checks that they belong together. Errors (kInvalidArgument) have Go's words in `message` ("tls:
  // private key does not match public key"), files and settings in `cause`, the remedy in `hint`. An expired certificate
  // is no error: Fabric starts with one (see tls/expiry.h).
  [[nodiscard]] static Result<std::shared_ptr<const Credentials>> from_pem(std::string_view certificate_pem,
                                                                           std::string_view key_pem,
                                                                           CredentialFiles files = {});
  // For certificates that were made here and are in no file.
  [[nodiscard]] static Result<std::shared_ptr<const Credentials>> from_parts(std::vector<crypto::Certificate> chain,
                                                                             crypto::PrivateKey key,
                                                                             CredentialFiles files = {});

  [[nodiscard]] const crypto::Certificate& leaf() const { return chain_.front(); }
  [[nodiscard]] const std::vector<crypto::Certificate>& chain() const { return chain_; }  // leaf first, as sent
  [[nodiscard]] const crypto::PrivateKey& key() const { return key_; }
  [[nodiscard]] const CredentialFiles& files() const { return files_; }
  // Different for every Credentials made in this process.
  [[nodiscard]] uint64_t version() const { return version_; }

 private:
  Credentials(std::vector<crypto::Certificate> chain, crypto::PrivateKey key, CredentialFiles files);
  std::vector<crypto::Certificate> chain_;
  crypto::PrivateKey key_;
  CredentialFiles files_;
  uint64_t version_;
};

// The credentials in force now. Replacing them changes new handshakes only. Any thread.
class CredentialStore {
 public:
  explicit CredentialStore(std::shared_ptr<const Credentials> credentials);  // may be null: none (a client without)
  [[nodiscard]] std::shared_ptr<const Credentials> current() const;
  void replace(std::shared_ptr<const Credentials> credentials);
  // As replace(), but refused (kFailedPrecondition, with the reason) when the new pair is worse than the old one: expired
  // or not yet valid at `now`, or unable to do what the old one could (server or client authentication).
  Status renew(std::shared_ptr<const Credentials> credentials, std::chrono::sys_seconds now);

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Credentials> current_;
};

}  // namespace selvage::tls
