// An X.509 certificate revocation list, as an MSP's configuration carries it. TLS reads none.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/certificate.h"

namespace selvage::crypto {

// A value; safe from any thread.
class RevocationList {
 public:
  // kInvalidArgument when it is not a certificate list.
  [[nodiscard]] static Result<RevocationList> from_der(BytesView der);
  // A PEM block of any label whose content is a list, or DER.
  [[nodiscard]] static Result<RevocationList> from_pem(std::string_view pem);

  [[nodiscard]] BytesView issuer_der() const { return issuer_; }
  [[nodiscard]] BytesView authority_key_id() const { return authority_key_id_; }  // empty when absent
  [[nodiscard]] bool revokes(const Certificate& certificate) const;               // by serial number only
  [[nodiscard]] size_t size() const { return serials_.size(); }
  // Ok when `issuer` signed the list.
  [[nodiscard]] Status check_signature_from(const Certificate& issuer) const;

 private:
  Bytes issuer_, authority_key_id_, tbs_, signature_;
  SignatureAlgorithm algorithm_ = SignatureAlgorithm::kUnknown;
  std::vector<Bytes> serials_;  // sorted
};

}  // namespace selvage::crypto
