// Connections to peers and orderers, all from one TLS identity.
//
// Any thread.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/origin.h"
#include "base/result.h"
#include "rpc/channel.h"
#include "tls/credentials.h"
#include "tls/trust.h"

namespace selvage::client {

// Our certificate and key on every connection; null: none. See tls/files_service.h for loading them.
using TlsIdentity = std::shared_ptr<tls::CredentialStore>;

// One server.
struct Target {
  std::string address;                     // "host:port"
  std::shared_ptr<tls::TrustStore> trust;  // whom to believe; null: plaintext
  std::string server_name;                 // in its certificate, in place of the host; empty: the host
  Origin roots_setting;                    // what named the roots: "--cafile"; for messages
  Origin server_name_setting;
};

struct DialSettings {
  std::chrono::milliseconds connect_timeout = std::chrono::seconds(3);
  std::chrono::seconds time_shift{0};  // certificates' dates are held against now - time_shift
  size_t receive_bytes_max = 100u << 20;
  size_t send_bytes_max = 100u << 20;
  Origin certificate_setting;  // what names our certificate: "--certfile"; for messages
  bool is_cli = false;         // remedies name flags and variables rather than yaml keys
};

class Dialer {
 public:
  explicit Dialer(TlsIdentity identity, DialSettings settings = {});

  // A connection that is up. "failed to create new connection: <why>", never a bare "context deadline exceeded".
  [[nodiscard]] Result<std::shared_ptr<rpc::Channel>> dial(const Target& target) const;
  // SHA-256 of our certificate in DER, for requests that are bound to their connection; empty without one.
  [[nodiscard]] Bytes certificate_hash() const;

 private:
  TlsIdentity identity_;
  DialSettings settings_;
};

// A trust store with the certificates of one PEM file.
[[nodiscard]] Result<std::shared_ptr<tls::TrustStore>> trust_file(const std::string& path, const Origin& setting);

}  // namespace selvage::client
