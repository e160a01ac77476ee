// Public and private keys: signatures as Fabric makes and checks them.
//
// ECDSA signatures are ASN.1 DER over SHA-256 of the message, and their S is at most half the curve's order: signing makes
// it so, verifying refuses the rest ("low S"). Certificates, whose signatures follow X.509's rules instead, are checked by
// crypto/certificate.h and crypto/chain.h.
//
// Keys are values: copies share one decoded key. All functions may be called from any thread.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

struct evp_pkey_st;

namespace selvage::crypto {

enum class KeyAlgorithm { kEcdsaP224, kEcdsaP256, kEcdsaP384, kEcdsaP521, kRsa, kEd25519, kUnknown };

// "ECDSA P-256", "RSA", ...
[[nodiscard]] const char* name_of(KeyAlgorithm algorithm);
[[nodiscard]] bool is_ecdsa(KeyAlgorithm algorithm);

class PublicKey {
 public:
  // kInvalidArgument when it is not one SubjectPublicKeyInfo of a known form. Whether an ECDSA point lies on its curve is
  // seen at the first verify(), which then fails.
  [[nodiscard]] static Result<PublicKey> from_spki_der(BytesView der);
  // The first PEM block, "PUBLIC KEY".
  [[nodiscard]] static Result<PublicKey> from_pem(std::string_view pem);

  [[nodiscard]] const Bytes& spki_der() const;
  [[nodiscard]] KeyAlgorithm algorithm() const;
  [[nodiscard]] std::string to_pem() const;
  // The content of the BIT STRING: for ECDSA the uncompressed point.
  [[nodiscard]] BytesView key_bits() const;
  // Fabric's subject key identifier, SHA-256 of the uncompressed point (RSA: of the PKCS#1 key): `<hex>_sk` is the name of
  // the private key's file in an MSP's keystore.
  [[nodiscard]] Bytes ski() const;

  // Ok when `signature` is this key's over `message`. ECDSA over SHA-256, Ed25519 over the message, RSA PKCS#1 v1.5 over
  // SHA-256. kInvalidArgument (malformed, or S above half the order) and kUnauthenticated (does not match).
  // Fabric quirk: bytes after the signature's SEQUENCE are ignored, as Go's asn1.Unmarshal does
  // (fabric-lib-go bccsp/utils/ecdsa.go).
  [[nodiscard]] Status verify(BytesView message, BytesView signature) const;
  // The same over a digest that the caller has made (ECDSA and RSA only).
  [[nodiscard]] Status verify_digest(BytesView sha256_digest, BytesView signature) const;

  // The same key, whatever certificate it came from.
  friend bool operator==(const PublicKey& one, const PublicKey& other) { return one.spki_der() == other.spki_der(); }

  // OpenSSL's form, decoded at first use; null when the key is not a valid one. Owned by this key. For tls/ and crypto/.
  [[nodiscard]] evp_pkey_st* native() const;

  struct Decoded;

 private:
  friend class PrivateKey;
  explicit PublicKey(std::shared_ptr<const Decoded> decoded) : decoded_(std::move(decoded)) {}
  std::shared_ptr<const Decoded> decoded_;
};

// Never prints, never compares: the only ways out are sign(), to_pem() and native(). Memory is wiped when the last copy goes.
class PrivateKey {
 public:
  // The first private key among the PEM blocks: PKCS#8 ("PRIVATE KEY"), SEC 1 ("EC PRIVATE KEY") or PKCS#1 ("RSA PRIVATE
  // KEY"). Errors (kInvalidArgument) say what was found instead: nothing, a certificate, an encrypted key.
  [[nodiscard]] static Result<PrivateKey> from_pem(std::string_view pem);
  [[nodiscard]] static Result<PrivateKey> generate_p256();
  // kEcdsaP256, kEcdsaP384, kEcdsaP521, kEd25519 or kRsa (2048 bits).
  [[nodiscard]] static Result<PrivateKey> generate(KeyAlgorithm algorithm);

  [[nodiscard]] const PublicKey& public_key() const;
  [[nodiscard]] KeyAlgorithm algorithm() const { return public_key().algorithm(); }
  // See PublicKey::verify for what is signed. kInternal when OpenSSL fails.
  [[nodiscard]] Result<Bytes> sign(BytesView message) const;
  [[nodiscard]] Result<Bytes> sign_digest(BytesView sha256_digest) const;
  // PKCS#8. The caller wipes it.
  [[nodiscard]] Bytes to_pem() const;

  // OpenSSL's form, owned by this key.
  [[nodiscard]] evp_pkey_st* native() const;

  struct Decoded;

 private:
  explicit PrivateKey(std::shared_ptr<const Decoded> decoded) : decoded_(std::move(decoded)) {}
  std::shared_ptr<const Decoded> decoded_;
};

// An ECDSA signature of `key`'s curve with S brought to at most half the order; the same bytes if it was. kInvalidArgument
// when it is not a signature or the key is not ECDSA.
[[nodiscard]] Result<Bytes> to_low_s(const PublicKey& key, BytesView signature);

}  // namespace selvage::crypto
