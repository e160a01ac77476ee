// The certificate authority that a peer keeps for chaincode that dials it: made anew at each start, known to nobody else.
//
// Each launch gets a client pair of its own, and the hash of its certificate is bound to the chaincode it was made for:
// a process can register as that chaincode only, and only within ten minutes.
// Fabric quirk: core/chaincode/accesscontrol, common/crypto/tlsgen (validity, names, the ten minutes).
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "crypto/certificate.h"
#include "crypto/key.h"

namespace selvage::tls {
class ServerContext;
}

namespace selvage::chaincode {

struct ClientPair {
  std::string certificate_pem;
  std::string key_pem;  // PKCS#8
};

// Safe from any thread.
class ChaincodeAuthority {
 public:
  static constexpr auto kBindingLife = std::chrono::minutes(10);

  [[nodiscard]] static Result<std::unique_ptr<ChaincodeAuthority>> make(SystemTime now);

  [[nodiscard]] std::string certificate_pem() const;
  // TLS of the listener at `host`: demands a client certificate of this authority.
  [[nodiscard]] Result<std::shared_ptr<tls::ServerContext>> server_context(const std::string& host, SystemTime now) const;
  // A pair for one process of `chaincode`, bound to that name from now on.
  [[nodiscard]] Result<ClientPair> issue(const std::string& chaincode, SystemTime now);
  // As issue(), but good for any name: development mode only.
  [[nodiscard]] Result<ClientPair> issue_for_all(SystemTime now);

  // May the holder of the certificate with this hash register as `chaincode`? Errors: Fabric's texts ("Chaincode x with
  // given certificate hash ... not found in registry").
  [[nodiscard]] Status check(const std::string& chaincode, const Bytes& certificate_sha256, SystemTime now);

 private:
  ChaincodeAuthority(crypto::PrivateKey key, crypto::Certificate certificate)
      : key_(std::move(key)), certificate_(std::move(certificate)) {}
  [[nodiscard]] Result<std::pair<crypto::PrivateKey, crypto::Certificate>> make_pair(const std::vector<std::string>& hosts,
                                                                                     SystemTime now) const;

  struct Binding {
    std::string chaincode;  // empty: any
    SystemTime until;
  };
  const crypto::PrivateKey key_;
  const crypto::Certificate certificate_;
  std::mutex mutex_;
  std::map<Bytes, Binding> bindings_;  // by SHA-256 of the certificate
};

}  // namespace selvage::chaincode
