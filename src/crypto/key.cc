#include "crypto/key.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#include <mutex>

#include "crypto/der.h"
#include "crypto/ecdsa_signature.h"
#include "crypto/hash.h"
#include "crypto/native.h"
#include "crypto/pem.h"

namespace selvage::crypto {
namespace {

constexpr std::string_view kOidEc = "1.2.840.10045.2.1";
constexpr std::string_view kOidRsa = "1.2.840.113549.1.1.1";
constexpr std::string_view kOidEd25519 = "1.3.101.112";

struct Curve {
  KeyAlgorithm algorithm;
  std::string_view oid;
  const char* group;
  size_t point_bytes;
};
constexpr Curve kCurves[] = {
    {KeyAlgorithm::kEcdsaP256, "1.2.840.10045.3.1.7", "P-256", 65},
    {KeyAlgorithm::kEcdsaP384, "1.3.132.0.34", "P-384", 97},
    {KeyAlgorithm::kEcdsaP521, "1.3.132.0.35", "P-521", 133},
    {KeyAlgorithm::kEcdsaP224, "1.3.132.0.33", "P-224", 57},
};

const Curve* curve_of(KeyAlgorithm algorithm) {
  for (const Curve& curve : kCurves) {
    if (curve.algorithm == algorithm) return &curve;
  }
  return nullptr;
}

// Past the general decoders, which try every format in turn: an EC key costs a fifth this way.
NativeKey make_ec_key(const Curve& curve, BytesView point) {
  NativeKeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* key = nullptr;
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, const_cast<char*>(curve.group), 0),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, const_cast<char*>(point.data()), point.size()),
      OSSL_PARAM_construct_end()};
  if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1) {
    return nullptr;
  }
  return NativeKey(key);
}

const EVP_MD* sha256_md() {
  static const EVP_MD* method = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return method;
}

EVP_PKEY_CTX* new_verify_context(EVP_PKEY* key) {
  NativeKeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  if (!context || EVP_PKEY_verify_init(context.get()) != 1) return nullptr;
  if (EVP_PKEY_is_a(key, "RSA") == 1 && (EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) != 1 ||
                                         EVP_PKEY_CTX_set_signature_md(context.get(), sha256_md()) != 1)) {
    return nullptr;
  }
  return context.release();
}

EVP_PKEY_CTX* new_sign_context(EVP_PKEY* key) {
  NativeKeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  if (!context || EVP_PKEY_sign_init(context.get()) != 1) return nullptr;
  if (EVP_PKEY_is_a(key, "RSA") == 1 && (EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) != 1 ||
                                         EVP_PKEY_CTX_set_signature_md(context.get(), sha256_md()) != 1)) {
    return nullptr;
  }
  return context.release();
}

const unsigned char* bytes_of(BytesView view) { return reinterpret_cast<const unsigned char*>(view.data()); }

}  // namespace

std::string take_openssl_errors() {
  std::string text;
  while (unsigned long code = ERR_get_error()) {
    char line[256];
    ERR_error_string_n(code, line, sizeof line);
    if (!text.empty()) text += "; ";
    text += line;
  }
  return text.empty() ? "unknown error" : text;
}

NativeKeyContext ContextPool::take(EVP_PKEY* key, Make make) const {
  {
    std::lock_guard lock(mutex_);
    if (!free_.empty()) {
      NativeKeyContext context = std::move(free_.back());
      free_.pop_back();
      return context;
    }
  }
  return NativeKeyContext(make(key));
}

void ContextPool::give_back(NativeKeyContext context) const {
  constexpr size_t kKept = 8;  // more threads than cores gain nothing
  std::lock_guard lock(mutex_);
  if (free_.size() < kKept) free_.push_back(std::move(context));
}

const char* name_of(KeyAlgorithm algorithm) {
  switch (algorithm) {
    case KeyAlgorithm::kEcdsaP224: return "ECDSA P-224";
    case KeyAlgorithm::kEcdsaP256: return "ECDSA P-256";
    case KeyAlgorithm::kEcdsaP384: return "ECDSA P-384";
    case KeyAlgorithm::kEcdsaP521: return "ECDSA P-521";
    case KeyAlgorithm::kRsa: return "RSA";
    case KeyAlgorithm::kEd25519: return "Ed25519";
    case KeyAlgorithm::kUnknown: break;
  }
  return "unknown";
}

bool is_ecdsa(KeyAlgorithm algorithm) { return curve_of(algorithm) != nullptr; }

struct PublicKey::Decoded {
  Bytes spki;
  KeyAlgorithm algorithm = KeyAlgorithm::kUnknown;
  size_t bits_at = 0, bits_size = 0;  // of the BIT STRING's content in spki
  mutable std::once_flag once;
  mutable NativeKey key;
  ContextPool verifiers;

  [[nodiscard]] BytesView bits() const { return BytesView(spki).substr(bits_at, bits_size); }
};

Result<PublicKey> PublicKey::from_spki_der(BytesView bytes) {
  auto decoded = std::make_shared<Decoded>();
  decoded->spki = Bytes(bytes);
  der::Reader reader(decoded->spki);
  BytesView content, algorithm, bits;
  std::string oid;
  if (!reader.read(der::kSequence, content) || !reader.empty()) {
    return fail(Code::kInvalidArgument, "x509: malformed public key");
  }
  der::Reader parts(content);
  if (!parts.read(der::kSequence, algorithm) || !parts.read_bits(bits) || !parts.empty()) {
    return fail(Code::kInvalidArgument, "x509: malformed public key algorithm identifier");
  }
  der::Reader identifier(algorithm);
  if (!identifier.read_oid(oid)) return fail(Code::kInvalidArgument, "x509: malformed public key algorithm identifier");
  if (oid == kOidEc) {
    std::string curve_oid;
    if (!identifier.read_oid(curve_oid)) return fail(Code::kInvalidArgument, "x509: invalid ECDSA parameters");
    for (const Curve& curve : kCurves) {
      if (curve.oid != curve_oid) continue;
      if (bits.size() != curve.point_bytes || bits[0] != 4) {
        return fail(Code::kInvalidArgument, "x509: failed to unmarshal elliptic curve point");
      }
      decoded->algorithm = curve.algorithm;
    }
    if (decoded->algorithm == KeyAlgorithm::kUnknown) {
      return fail(Code::kInvalidArgument, "x509: unsupported elliptic curve", "curve " + curve_oid,
                  "use a key on P-256, P-384 or P-521");
    }
  } else if (oid == kOidRsa) {
    decoded->algorithm = KeyAlgorithm::kRsa;
  } else if (oid == kOidEd25519) {
    if (bits.size() != 32) return fail(Code::kInvalidArgument, "x509: wrong Ed25519 public key size");
    decoded->algorithm = KeyAlgorithm::kEd25519;
  }
  decoded->bits_at = static_cast<size_t>(bits.data() - decoded->spki.data());
  decoded->bits_size = bits.size();
  return PublicKey(std::move(decoded));
}

Result<PublicKey> PublicKey::from_pem(std::string_view pem) {
  for (const PemBlock& block : parse_pem(pem)) {
    if (block.label == "PUBLIC KEY") return from_spki_der(block.der);
  }
  return fail(Code::kInvalidArgument, "no public key found", "the text " + describe_non_pem(pem, "PUBLIC KEY"));
}

const Bytes& PublicKey::spki_der() const { return decoded_->spki; }
KeyAlgorithm PublicKey::algorithm() const { return decoded_->algorithm; }
std::string PublicKey::to_pem() const { return encode_pem("PUBLIC KEY", decoded_->spki); }
BytesView PublicKey::key_bits() const { return decoded_->bits(); }
Bytes PublicKey::ski() const { return sha256(key_bits()); }

EVP_PKEY* PublicKey::native() const {
  std::call_once(decoded_->once, [this] {
    if (const Curve* curve = curve_of(decoded_->algorithm)) {
      decoded_->key = make_ec_key(*curve, decoded_->bits());
    } else if (decoded_->algorithm == KeyAlgorithm::kEd25519) {
      decoded_->key.reset(EVP_PKEY_new_raw_public_key_ex(nullptr, "ED25519", nullptr, bytes_of(decoded_->bits()),
                                                         decoded_->bits_size));
    } else if (decoded_->algorithm == KeyAlgorithm::kRsa) {
      const unsigned char* at = bytes_of(decoded_->spki);
      decoded_->key.reset(d2i_PUBKEY(nullptr, &at, static_cast<long>(decoded_->spki.size())));
    }
    if (!decoded_->key) ERR_clear_error();
  });
  return decoded_->key.get();
}

Status PublicKey::verify(BytesView message, BytesView signature) const {
  if (algorithm() != KeyAlgorithm::kEd25519) return verify_digest(sha256(message), signature);
  if (native() == nullptr) return fail(Code::kInvalidArgument, "the public key is not valid");
  NativeDigestContext context(EVP_MD_CTX_new());
  if (!context || EVP_DigestVerifyInit_ex(context.get(), nullptr, nullptr, nullptr, nullptr, native(), nullptr) != 1 ||
      EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(message), message.size()) != 1) {
    ERR_clear_error();
    return fail(Code::kUnauthenticated, "signature does not match");
  }
  return {};
}

Status PublicKey::verify_digest(BytesView digest, BytesView signature) const {
  Bytes canonical;
  if (is_ecdsa(algorithm())) {
    SELVAGE_TRY(EcdsaSignature numbers, parse_ecdsa_signature(signature));
    Bytes half = half_curve_order(algorithm());
    if (compare_numbers(numbers.s, half) > 0) {
      return fail(Code::kInvalidArgument, "Invalid S. Must be smaller than half the order [" +
                                              der::to_decimal(numbers.s) + "][" + der::to_decimal(half) + "].");
    }
    canonical = encode_ecdsa_signature(numbers);
    signature = canonical;
  } else if (algorithm() != KeyAlgorithm::kRsa) {
    return fail(Code::kInvalidArgument, std::string("a digest cannot be verified with a key of type ") + name_of(algorithm()));
  }
  EVP_PKEY* key = native();
  if (key == nullptr) return fail(Code::kInvalidArgument, "the public key is not valid");
  NativeKeyContext context = decoded_->verifiers.take(key, new_verify_context);
  if (!context) return fail(Code::kInternal, "cannot verify a signature", take_openssl_errors());
  int matches = EVP_PKEY_verify(context.get(), bytes_of(signature), signature.size(), bytes_of(digest), digest.size());
  decoded_->verifiers.give_back(std::move(context));
  if (matches != 1) {
    ERR_clear_error();
    return fail(Code::kUnauthenticated, "signature does not match");
  }
  return {};
}

struct PrivateKey::Decoded {
  NativeKey key;  // OpenSSL wipes it when freed
  PublicKey public_key;
  ContextPool signers;
  Decoded(NativeKey k, PublicKey p) : key(std::move(k)), public_key(std::move(p)) {}
};

namespace {

Result<PublicKey> public_part(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  int size = i2d_PUBKEY(key, &der);
  if (size <= 0) return fail(Code::kInternal, "cannot read the public part of a key", take_openssl_errors());
  Bytes spki(reinterpret_cast<char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  return PublicKey::from_spki_der(spki);
}

NativeKey decode_private(const PemBlock& block) {
  const unsigned char* at = bytes_of(block.der);
  long size = static_cast<long>(block.der.size());
  if (block.label == "EC PRIVATE KEY") return NativeKey(d2i_PrivateKey(EVP_PKEY_EC, nullptr, &at, size));
  if (block.label == "RSA PRIVATE KEY") return NativeKey(d2i_PrivateKey(EVP_PKEY_RSA, nullptr, &at, size));
  return NativeKey(d2i_AutoPrivateKey(nullptr, &at, size));
}

// A key file says both halves. OpenSSL believes it; Go computes the public one, and then finds no certificate that fits.
bool fits_together(EVP_PKEY* key) {
  const NativeKeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  const bool fits = context && EVP_PKEY_pairwise_check(context.get()) == 1;
  ERR_clear_error();
  return fits;
}

}  // namespace

Result<PrivateKey> PrivateKey::from_pem(std::string_view pem) {
  for (PemBlock& block : parse_pem(pem)) {
    if (!block.label.ends_with("PRIVATE KEY")) continue;
    if (block.label == "ENCRYPTED PRIVATE KEY" || block.has_headers) {
      wipe(block.der);
      return fail(Code::kInvalidArgument, "failed to parse private key", "the key is encrypted",
                  "Fabric keys must be plain PKCS#8 or SEC 1: openssl pkey -in ... -out ...");
    }
    NativeKey key = decode_private(block);
    wipe(block.der);
    if (!key) {
      ERR_clear_error();
      return fail(Code::kInvalidArgument, "failed to parse private key",
                  "the " + escape(block.label, 40) + " block holds no key of a known kind");
    }
    SELVAGE_TRY(PublicKey public_key, public_part(key.get()));
    if (is_ecdsa(public_key.algorithm()) && !fits_together(key.get())) {
      return fail(Code::kInvalidArgument, "failed to parse private key", "the public key in it is that of another key",
                  "the file is damaged: restore it, or enroll again");
    }
    return PrivateKey(std::make_shared<Decoded>(std::move(key), std::move(public_key)));
  }
  return fail(Code::kInvalidArgument, "no private key found", "the text " + describe_non_pem(pem, "PRIVATE KEY"));
}

Result<PrivateKey> PrivateKey::generate_p256() { return generate(KeyAlgorithm::kEcdsaP256); }

Result<PrivateKey> PrivateKey::generate(KeyAlgorithm algorithm) {
  NativeKey key;
  if (const Curve* curve = curve_of(algorithm)) {
    key.reset(EVP_EC_gen(curve->group));
  } else if (algorithm == KeyAlgorithm::kEd25519) {
    key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  } else if (algorithm == KeyAlgorithm::kRsa) {
    key.reset(EVP_RSA_gen(2048));
  }
  if (!key) return fail(Code::kInternal, std::string("cannot make a key of type ") + name_of(algorithm), take_openssl_errors());
  SELVAGE_TRY(PublicKey public_key, public_part(key.get()));
  return PrivateKey(std::make_shared<Decoded>(std::move(key), std::move(public_key)));
}

const PublicKey& PrivateKey::public_key() const { return decoded_->public_key; }
EVP_PKEY* PrivateKey::native() const { return decoded_->key.get(); }

Result<Bytes> PrivateKey::sign(BytesView message) const {
  if (algorithm() != KeyAlgorithm::kEd25519) return sign_digest(sha256(message));
  NativeDigestContext context(EVP_MD_CTX_new());
  unsigned char out[64];
  size_t size = sizeof out;
  if (!context || EVP_DigestSignInit_ex(context.get(), nullptr, nullptr, nullptr, nullptr, native(), nullptr) != 1 ||
      EVP_DigestSign(context.get(), out, &size, bytes_of(message), message.size()) != 1) {
    return fail(Code::kInternal, "cannot sign", take_openssl_errors());
  }
  return Bytes(reinterpret_cast<char*>(out), size);
}

Result<Bytes> PrivateKey::sign_digest(BytesView digest) const {
  if (algorithm() == KeyAlgorithm::kEd25519) return fail(Code::kInvalidArgument, "Ed25519 signs messages, not digests");
  NativeKeyContext context = decoded_->signers.take(native(), new_sign_context);
  if (!context) return fail(Code::kInternal, "cannot sign", take_openssl_errors());
  Bytes out(static_cast<size_t>(EVP_PKEY_get_size(native())), '\0');
  size_t size = out.size();
  int good = EVP_PKEY_sign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size, bytes_of(digest),
                           digest.size());
  decoded_->signers.give_back(std::move(context));
  if (good != 1) return fail(Code::kInternal, "cannot sign", take_openssl_errors());
  out.resize(size);
  if (!is_ecdsa(algorithm())) return out;
  return to_low_s(public_key(), out);
}

Bytes PrivateKey::to_pem() const {
  std::unique_ptr<PKCS8_PRIV_KEY_INFO, Freer<PKCS8_PRIV_KEY_INFO_free>> info(EVP_PKEY2PKCS8(native()));
  unsigned char* der = nullptr;
  int size = info ? i2d_PKCS8_PRIV_KEY_INFO(info.get(), &der) : 0;
  if (size <= 0) {
    ERR_clear_error();
    return {};
  }
  Bytes pem = encode_pem("PRIVATE KEY", BytesView(reinterpret_cast<char*>(der), static_cast<size_t>(size)));
  OPENSSL_clear_free(der, static_cast<size_t>(size));
  return pem;
}

Result<Bytes> to_low_s(const PublicKey& key, BytesView signature) {
  if (!is_ecdsa(key.algorithm())) return fail(Code::kInvalidArgument, "the key is not an ECDSA key");
  SELVAGE_TRY(EcdsaSignature numbers, parse_ecdsa_signature(signature));
  if (!make_low_s(numbers, key.algorithm())) return Bytes(signature);
  return encode_ecdsa_signature(numbers);
}

}  // namespace selvage::crypto
