// A client that keeps its sessions and comes back with the last one, as Go's does with a session cache and ours never do:
// OpenSSL on memory buffers, believing any server.
#pragma once

#include <openssl/ssl.h>

#include <functional>
#include <memory>

#include "crypto/native.h"
#include "kit/certificates.h"
#include "tls/session.h"

namespace selvage::test {

class ResumingClient {
 public:
  // `identity` null: no certificate.
  explicit ResumingClient(const Identity* identity, int version = TLS1_3_VERSION);
  ResumingClient(const ResumingClient&) = delete;
  ResumingClient& operator=(const ResumingClient&) = delete;

  // One connection with `server`, until both are quiet. `step` carries bytes into the server: a benchmark measures there.
  // True: the client's side of the handshake is done and the server has not failed.
  using Step = std::function<void(BytesView flight)>;
  bool connect(tls::Session& server, const Step& step = nullptr);
  [[nodiscard]] bool resumed() const { return resumed_; }

 private:
  std::unique_ptr<SSL_CTX, crypto::Freer<SSL_CTX_free>> context_;
  std::unique_ptr<SSL_SESSION, crypto::Freer<SSL_SESSION_free>> session_;
  bool resumed_ = false;
};

}  // namespace selvage::test
