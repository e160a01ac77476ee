// OpenSSL's objects with owners, its error text, and signature checks under X.509's rules. For crypto/ and tls/ only.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "crypto/certificate.h"
#include "crypto/key.h"

namespace selvage::crypto {

template <auto kFree>
struct Freer {
  template <class T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using NativeKey = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using NativeKeyContext = std::unique_ptr<EVP_PKEY_CTX, Freer<EVP_PKEY_CTX_free>>;
using NativeDigestContext = std::unique_ptr<EVP_MD_CTX, Freer<EVP_MD_CTX_free>>;

// The thread's OpenSSL errors in one line; empties the queue. "unknown error" when there is none.
[[nodiscard]] std::string take_openssl_errors();

// Operation contexts that are ready to use: making and initialising one costs more than a tenth of a verification.
class ContextPool {
 public:
  using Make = EVP_PKEY_CTX* (*)(EVP_PKEY* key);
  [[nodiscard]] NativeKeyContext take(EVP_PKEY* key, Make make) const;
  void give_back(NativeKeyContext context) const;

 private:
  mutable std::mutex mutex_;
  mutable std::vector<NativeKeyContext> free_;
};

// Is `signature` that of `key` over `message` by X.509's rules (high S is fine)? SHA-1 is checked like the others here; who
// refuses it says so before.
[[nodiscard]] bool x509_signature_matches(SignatureAlgorithm algorithm, const PublicKey& key, BytesView message,
                                          BytesView signature);
// Does the algorithm fit the key (RSA with RSA and so on)?
[[nodiscard]] bool fits(SignatureAlgorithm algorithm, KeyAlgorithm key);
// AlgorithmIdentifier (whole element) <-> enum.
[[nodiscard]] SignatureAlgorithm signature_algorithm_of(BytesView algorithm_identifier);

// Go's checkSignature: nothing when it is good, else "x509: ECDSA verification failure" and the like.
[[nodiscard]] Status check_x509_signature(SignatureAlgorithm algorithm, const PublicKey& key, BytesView message,
                                          BytesView signature);

}  // namespace selvage::crypto
