// Our own identity: signs proposals, endorsements, envelopes and block metadata.
//
// Who calls it: everything that puts a signature on something. It does not judge other people's identities (identity.h).
#pragma once

#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/certificate.h"
#include "crypto/key.h"

namespace selvage::identity {

// Cheap copy, immutable, safe from any thread.
class SigningIdentity {
 public:
  // kFailedPrecondition with one line for the operator when the key does not belong to the certificate or is RSA.
  [[nodiscard]] static Result<SigningIdentity> make(std::string mspid, crypto::Certificate certificate,
                                                    crypto::PrivateKey key);

  [[nodiscard]] const std::string& mspid() const;
  [[nodiscard]] const crypto::Certificate& certificate() const;
  // msp.SerializedIdentity{mspid, PEM}: the `creator` and `endorser` bytes.
  [[nodiscard]] const Bytes& serialized() const;
  // DER, low-S, over SHA-256 of `message`.
  [[nodiscard]] Result<Bytes> sign(BytesView message) const;
  // For an identity's other uses of its key (TLS with the enrolment pair); never for logs.
  [[nodiscard]] const crypto::PrivateKey& key() const;

 private:
  struct State;
  explicit SigningIdentity(std::shared_ptr<const State> state);
  std::shared_ptr<const State> state_;
};

}  // namespace selvage::identity
