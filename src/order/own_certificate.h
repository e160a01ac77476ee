// The certificate by whose key other consenters know this orderer: the leaf of its pair, which may be replaced while it runs.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "crypto/certificate.h"
#include "tls/credentials.h"

namespace selvage::order {

// Any thread.
class OwnCertificate {
 public:
  // One that stays. Implicit: most tests have no pair.
  OwnCertificate(crypto::Certificate fixed) : fixed_(std::move(fixed)) {}  // NOLINT(google-explicit-constructor)
  // `pair` is never empty.
  explicit OwnCertificate(std::shared_ptr<tls::CredentialStore> pair) : pair_(std::move(pair)) {}

  [[nodiscard]] crypto::Certificate current() const { return fixed_ ? *fixed_ : pair_->current()->leaf(); }

 private:
  std::optional<crypto::Certificate> fixed_;
  std::shared_ptr<tls::CredentialStore> pair_;
};

}  // namespace selvage::order
