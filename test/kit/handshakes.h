// Two TLS sessions joined in memory: everything that one says the other hears, until both are quiet.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kit/certificates.h"
#include "tls/context.h"
#include "tls/credentials.h"
#include "tls/session.h"
#include "tls/trust.h"

namespace selvage::test {

// A clock that stands still until told otherwise.
class StillClock final : public Clock {
 public:
  explicit StillClock(SystemTime now = kGoodNow) : now_(now) {}
  [[nodiscard]] SystemTime now() const override { return now_; }
  [[nodiscard]] SteadyTime steady() const override { return SteadyTime(); }
  void set(SystemTime now) { now_ = now; }

 private:
  SystemTime now_;
};

// `identity` as credentials, named as if it came from /etc/fabric/tls/<name>.crt.
[[nodiscard]] std::shared_ptr<tls::CredentialStore> credentials(const Identity& identity, const std::string& name = "server");
[[nodiscard]] std::shared_ptr<tls::CredentialStore> no_credentials();
// Trust in these CAs, as if they came from a file of CORE_PEER_TLS_CLIENTROOTCAS_FILES.
[[nodiscard]] std::shared_ptr<tls::TrustStore> trust(const std::vector<crypto::Certificate>& roots);

struct Conversation {
  std::unique_ptr<tls::Session> client, server;
  Bytes client_heard, server_heard;
  // Carries bytes both ways until none are left.
  void run();
  // run(), and both are open.
  [[nodiscard]] bool opens();
};

[[nodiscard]] Conversation converse(tls::ClientContext& client, tls::ServerContext& server,
                                    const std::string& host = "localhost");

}  // namespace selvage::test
