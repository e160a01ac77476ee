#include <openssl/err.h>
#include <openssl/rsa.h>

#include "crypto/der.h"
#include "crypto/hash.h"
#include "crypto/native.h"

namespace selvage::crypto {
namespace {

struct Details {
  SignatureAlgorithm algorithm;
  const char* name;
  std::string_view oid;
  const char* digest;  // OpenSSL's name; null for Ed25519
  enum Kind { kRsaKind, kPssKind, kEcdsaKind, kEd25519Kind } kind;
};
constexpr Details kAlgorithms[] = {
    {SignatureAlgorithm::kEcdsaSha256, "ECDSA-SHA256", "1.2.840.10045.4.3.2", "SHA256", Details::kEcdsaKind},
    {SignatureAlgorithm::kEcdsaSha384, "ECDSA-SHA384", "1.2.840.10045.4.3.3", "SHA384", Details::kEcdsaKind},
    {SignatureAlgorithm::kEcdsaSha512, "ECDSA-SHA512", "1.2.840.10045.4.3.4", "SHA512", Details::kEcdsaKind},
    {SignatureAlgorithm::kEcdsaSha1, "ECDSA-SHA1", "1.2.840.10045.4.1", "SHA1", Details::kEcdsaKind},
    {SignatureAlgorithm::kSha256Rsa, "SHA256-RSA", "1.2.840.113549.1.1.11", "SHA256", Details::kRsaKind},
    {SignatureAlgorithm::kSha384Rsa, "SHA384-RSA", "1.2.840.113549.1.1.12", "SHA384", Details::kRsaKind},
    {SignatureAlgorithm::kSha512Rsa, "SHA512-RSA", "1.2.840.113549.1.1.13", "SHA512", Details::kRsaKind},
    {SignatureAlgorithm::kSha1Rsa, "SHA1-RSA", "1.2.840.113549.1.1.5", "SHA1", Details::kRsaKind},
    {SignatureAlgorithm::kMd5Rsa, "MD5-RSA", "1.2.840.113549.1.1.4", "MD5", Details::kRsaKind},
    {SignatureAlgorithm::kSha256Pss, "SHA256-RSAPSS", "2.16.840.1.101.3.4.2.1", "SHA256", Details::kPssKind},
    {SignatureAlgorithm::kSha384Pss, "SHA384-RSAPSS", "2.16.840.1.101.3.4.2.2", "SHA384", Details::kPssKind},
    {SignatureAlgorithm::kSha512Pss, "SHA512-RSAPSS", "2.16.840.1.101.3.4.2.3", "SHA512", Details::kPssKind},
    {SignatureAlgorithm::kEd25519, "Ed25519", "1.3.101.112", nullptr, Details::kEd25519Kind},
};
constexpr std::string_view kOidPss = "1.2.840.113549.1.1.10";

const Details* details_of(SignatureAlgorithm algorithm) {
  for (const Details& details : kAlgorithms) {
    if (details.algorithm == algorithm) return &details;
  }
  return nullptr;
}

// RSASSA-PSS-params: the hash alone tells which of our three it is; the salt's length is checked by the verification.
SignatureAlgorithm pss_algorithm(BytesView parameters) {
  der::Reader reader(parameters);
  BytesView sequence, tagged, identifier;
  std::string oid;
  if (!reader.read(der::kSequence, sequence)) return SignatureAlgorithm::kUnknown;
  der::Reader fields(sequence);
  if (!fields.read(der::context_constructed(0), tagged)) return SignatureAlgorithm::kUnknown;
  der::Reader hash(tagged);
  if (!hash.read(der::kSequence, identifier)) return SignatureAlgorithm::kUnknown;
  der::Reader hash_fields(identifier);
  if (!hash_fields.read_oid(oid)) return SignatureAlgorithm::kUnknown;
  for (const Details& details : kAlgorithms) {
    if (details.kind == Details::kPssKind && details.oid == oid) return details.algorithm;
  }
  return SignatureAlgorithm::kUnknown;
}

Bytes digest_of(const Details& details, BytesView message) {
  std::string_view name = details.digest;
  if (name == "SHA256") return sha256(message);
  if (name == "SHA384") return sha384(message);
  if (name == "SHA512") return sha512(message);
  if (name == "SHA1") return sha1(message);
  return {};
}

const unsigned char* bytes_of(BytesView view) { return reinterpret_cast<const unsigned char*>(view.data()); }

}  // namespace

const char* name_of(SignatureAlgorithm algorithm) {
  const Details* details = details_of(algorithm);
  return details == nullptr ? "unknown" : details->name;
}

SignatureAlgorithm signature_algorithm_of(BytesView identifier) {
  der::Reader reader(identifier);
  BytesView sequence;
  std::string oid;
  if (!reader.read(der::kSequence, sequence)) return SignatureAlgorithm::kUnknown;
  der::Reader fields(sequence);
  if (!fields.read_oid(oid)) return SignatureAlgorithm::kUnknown;
  if (oid == kOidPss) return pss_algorithm(fields.rest());
  for (const Details& details : kAlgorithms) {
    if (details.kind != Details::kPssKind && details.oid == oid) return details.algorithm;
  }
  return SignatureAlgorithm::kUnknown;
}

bool fits(SignatureAlgorithm algorithm, KeyAlgorithm key) {
  const Details* details = details_of(algorithm);
  if (details == nullptr) return false;
  switch (details->kind) {
    case Details::kRsaKind:
    case Details::kPssKind: return key == KeyAlgorithm::kRsa;
    case Details::kEcdsaKind: return is_ecdsa(key);
    case Details::kEd25519Kind: return key == KeyAlgorithm::kEd25519;
  }
  return false;
}

bool x509_signature_matches(SignatureAlgorithm algorithm, const PublicKey& key, BytesView message,
                            BytesView signature) {
  const Details* details = details_of(algorithm);
  EVP_PKEY* native = key.native();
  if (details == nullptr || native == nullptr || !fits(algorithm, key.algorithm())) return false;
  bool matches = false;
  if (details->kind == Details::kEd25519Kind) {
    NativeDigestContext context(EVP_MD_CTX_new());
    matches = context &&
              EVP_DigestVerifyInit_ex(context.get(), nullptr, nullptr, nullptr, nullptr, native, nullptr) == 1 &&
              EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(message),
                               message.size()) == 1;
  } else {
    Bytes digest = digest_of(*details, message);
    NativeKeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, native, nullptr));
    matches = !digest.empty() && context && EVP_PKEY_verify_init(context.get()) == 1;
    if (matches && details->kind != Details::kEcdsaKind) {
      int padding = details->kind == Details::kPssKind ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING;
      matches = EVP_PKEY_CTX_set_rsa_padding(context.get(), padding) == 1 &&
                EVP_PKEY_CTX_set_signature_md(context.get(), EVP_get_digestbyname(details->digest)) == 1;
      if (matches && details->kind == Details::kPssKind) {
        matches = EVP_PKEY_CTX_set_rsa_pss_saltlen(context.get(), RSA_PSS_SALTLEN_DIGEST) == 1;
      }
    }
    matches = matches && EVP_PKEY_verify(context.get(), bytes_of(signature), signature.size(), bytes_of(digest),
                                         digest.size()) == 1;
  }
  if (!matches) ERR_clear_error();
  return matches;
}

Status check_x509_signature(SignatureAlgorithm algorithm, const PublicKey& key, BytesView message,
                            BytesView signature) {
  const Details* details = details_of(algorithm);
  if (details == nullptr || key.algorithm() == KeyAlgorithm::kUnknown) {
    return fail(Code::kInvalidArgument, "x509: cannot verify signature: algorithm unimplemented");
  }
  if (details->digest != nullptr && (std::string_view(details->digest) == "SHA1" || std::string_view(details->digest) == "MD5")) {
    return fail(Code::kInvalidArgument,
                std::string("x509: cannot verify signature: insecure algorithm ") + details->name);
  }
  if (!fits(algorithm, key.algorithm())) {
    const char* wanted = details->kind == Details::kEcdsaKind     ? "ECDSA"
                         : details->kind == Details::kEd25519Kind ? "Ed25519"
                                                                  : "RSA";
    const char* found = is_ecdsa(key.algorithm())                     ? "*ecdsa.PublicKey"
                        : key.algorithm() == KeyAlgorithm::kEd25519 ? "ed25519.PublicKey"
                                                                    : "*rsa.PublicKey";
    return fail(Code::kInvalidArgument, std::string("x509: signature algorithm specifies an ") + wanted +
                                            " public key, but have public key of type " + found);
  }
  if (!x509_signature_matches(algorithm, key, message, signature)) {
    if (details->kind == Details::kEcdsaKind) return fail(Code::kUnauthenticated, "x509: ECDSA verification failure");
    if (details->kind == Details::kEd25519Kind) return fail(Code::kUnauthenticated, "x509: Ed25519 verification failure");
    return fail(Code::kUnauthenticated, "crypto/rsa: verification error");
  }
  return {};
}

}  // namespace selvage::crypto
