#include "identity/signer.h"

#include <fmt/format.h>

#include "identity/identity.h"

namespace selvage::identity {

struct SigningIdentity::State {
  std::string mspid;
  crypto::Certificate certificate;
  crypto::PrivateKey key;
  Bytes serialized;
};

SigningIdentity::SigningIdentity(std::shared_ptr<const State> state) : state_(std::move(state)) {}

Result<SigningIdentity> SigningIdentity::make(std::string mspid, crypto::Certificate certificate, crypto::PrivateKey key) {
  const crypto::KeyAlgorithm algorithm = certificate.public_key().algorithm();
  if (!crypto::is_ecdsa(algorithm) && algorithm != crypto::KeyAlgorithm::kEd25519) {
    return fail(Code::kFailedPrecondition,
                fmt::format("{} keys are not supported for MSP identities", crypto::name_of(algorithm)), "",
                "enroll again with an ECDSA P-256 key");
  }
  if (!(certificate.public_key() == key.public_key())) {
    return fail(Code::kFailedPrecondition,
                fmt::format("the private key (public key {}..) does not belong to the signing certificate (public key {}..)",
                            to_hex(key.public_key().ski()).substr(0, 8),
                            to_hex(certificate.public_key().ski()).substr(0, 8)),
                "", "put certificate and key of one enrollment side by side");
  }
  Bytes serialized = serialize_identity(mspid, certificate.pem());
  return SigningIdentity(std::make_shared<const State>(
      State{std::move(mspid), std::move(certificate), std::move(key), std::move(serialized)}));
}

const std::string& SigningIdentity::mspid() const { return state_->mspid; }
const crypto::Certificate& SigningIdentity::certificate() const { return state_->certificate; }
const Bytes& SigningIdentity::serialized() const { return state_->serialized; }
const crypto::PrivateKey& SigningIdentity::key() const { return state_->key; }
Result<Bytes> SigningIdentity::sign(BytesView message) const { return state_->key.sign(message); }

}  // namespace selvage::identity
