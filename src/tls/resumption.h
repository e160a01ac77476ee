// Sessions that clients may resume, kept by the server (a ticket is no more than a session's number). For tls/ only.
//
// One store belongs to one SSL_CTX, which is of one version of credentials and trust: with either changed there is a new
// one, and old tickets open nothing. Only sessions whose client passed verification are kept, and whoever comes back is held
// against the trust and the clock once more. What is stored is bounded: the older half goes when the younger is full.
//
// Kept here rather than sealed into the ticket because OpenSSL 3.0 decodes the client's certificate anew from each ticket
// that it opens and makes (more than half of what resumption saves); and what is here can be dropped.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "crypto/certificate.h"
#include "crypto/native.h"

namespace selvage::tls {

class ResumableSessions {
 public:
  static constexpr size_t kGeneration = 1024;
  static constexpr long kLifetimeSeconds = 3600;
  using Native = std::unique_ptr<SSL_SESSION, crypto::Freer<SSL_SESSION_free>>;

  // Makes `context` offer tickets, ask OpensslSession for what is known and tell it what is new.
  static void turn_on(SSL_CTX* context);

  void remember(std::string id, Native session);
  // Null: not known. A reference of the caller's own.
  [[nodiscard]] Native find(const std::string& id) const;
  [[nodiscard]] size_t size() const;

  // The client's chain goes with its session, so that a resumed one has the same facts.
  static bool attach(SSL_SESSION* session, const std::vector<crypto::Certificate>& chain);
  // Null: none attached.
  [[nodiscard]] static const std::vector<crypto::Certificate>* chain_of(const SSL_SESSION* session);

 private:
  using Sessions = std::unordered_map<std::string, Native>;
  mutable std::mutex mutex_;
  Sessions young_, old_;
};

}  // namespace selvage::tls
