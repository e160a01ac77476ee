#include "crypto/certificate_maker.h"

#include <openssl/rand.h>

#include "crypto/der.h"
#include "crypto/distinguished_name.h"
#include "crypto/native.h"

namespace selvage::crypto {
namespace {

Bytes encode_time(std::chrono::sys_seconds time) {
  auto day = std::chrono::floor<std::chrono::days>(time);
  std::chrono::year_month_day date(day);
  std::chrono::hh_mm_ss clock(time - day);
  int year = static_cast<int>(date.year());
  bool utc = year >= 1950 && year < 2050;
  char text[64];
  std::snprintf(text, sizeof text, utc ? "%02d%02u%02u%02d%02d%02dZ" : "%04d%02u%02u%02d%02d%02dZ",
                utc ? year % 100 : year, static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return der::wrap(utc ? der::kUtcTime : der::kGeneralizedTime, text);
}

Bytes encode_extension(std::string_view oid, bool critical, BytesView value) {
  return der::wrap(der::kSequence,
                   der::oid(oid) + (critical ? der::boolean(true) : Bytes()) + der::wrap(der::kOctetString, value));
}

Bytes encode_key_usage(uint32_t usage) {
  Bytes bits(usage >= 256 ? 2 : 1, '\0');
  int last = 0;
  for (int i = 0; i < 9; ++i) {
    if (!(usage & (1u << i))) continue;
    bits[static_cast<size_t>(i) / 8] = static_cast<char>(bits[static_cast<size_t>(i) / 8] | (0x80 >> (i % 8)));
    last = i;
  }
  return der::wrap(der::kBitString, Bytes(1, static_cast<char>(7 - last % 8)) + bits);
}

Result<Bytes> encode_names(const CertificateRequest& request) {
  Bytes names;
  for (const std::string& name : request.dns_names) names += der::wrap(der::context(2), name);
  for (const std::string& email : request.email_addresses) names += der::wrap(der::context(1), email);
  for (const std::string& text : request.ip_addresses) {
    auto address = ip_from_string(text);
    if (!address) return fail(Code::kInvalidArgument, "not an IP address: " + escape(text, 64));
    names += der::wrap(der::context(7), *address);
  }
  return names;
}

// AlgorithmIdentifier for what `key` signs with: ECDSA takes the digest of its curve's size, as Go does.
Result<std::pair<Bytes, const char*>> signing_algorithm(const PrivateKey& key, bool sha1) {
  auto identifier = [](std::string_view oid, bool null) {
    return der::wrap(der::kSequence, der::oid(oid) + (null ? der::wrap(der::kNull, "") : Bytes()));
  };
  switch (key.algorithm()) {
    case KeyAlgorithm::kEcdsaP224:
    case KeyAlgorithm::kEcdsaP256:
      if (sha1) return std::pair(identifier("1.2.840.10045.4.1", false), "SHA1");
      return std::pair(identifier("1.2.840.10045.4.3.2", false), "SHA256");
    case KeyAlgorithm::kEcdsaP384: return std::pair(identifier("1.2.840.10045.4.3.3", false), "SHA384");
    case KeyAlgorithm::kEcdsaP521: return std::pair(identifier("1.2.840.10045.4.3.4", false), "SHA512");
    case KeyAlgorithm::kRsa: return std::pair(identifier("1.2.840.113549.1.1.11", true), "SHA256");
    case KeyAlgorithm::kEd25519: return std::pair(identifier("1.3.101.112", false), static_cast<const char*>(nullptr));
    case KeyAlgorithm::kUnknown: break;
  }
  return fail(Code::kInvalidArgument, "a key of this type cannot sign certificates");
}

Result<Bytes> sign_tbs(const PrivateKey& key, const char* digest, BytesView tbs) {
  NativeDigestContext context(EVP_MD_CTX_new());
  size_t size = 0;
  const auto* bytes = reinterpret_cast<const unsigned char*>(tbs.data());
  if (!context || EVP_DigestSignInit_ex(context.get(), nullptr, digest, nullptr, nullptr, key.native(), nullptr) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, bytes, tbs.size()) != 1) {
    return fail(Code::kInternal, "cannot sign a certificate", take_openssl_errors());
  }
  Bytes signature(size, '\0');
  if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, bytes, tbs.size()) != 1) {
    return fail(Code::kInternal, "cannot sign a certificate", take_openssl_errors());
  }
  signature.resize(size);
  if (is_ecdsa(key.algorithm())) return to_low_s(key.public_key(), signature);
  return signature;
}

Result<Bytes> encode_extensions(const CertificateRequest& request, BytesView subject_key_id, BytesView authority_key_id) {
  Bytes out;
  if (request.key_usage != 0) out += encode_extension("2.5.29.15", true, encode_key_usage(request.key_usage));
  if (!request.extended_key_usages.empty()) {
    Bytes oids;
    for (const std::string& usage : request.extended_key_usages) oids += der::oid(usage);
    out += encode_extension("2.5.29.37", false, der::wrap(der::kSequence, oids));
  }
  if (request.basic_constraints) {
    Bytes content = request.is_ca ? der::boolean(true) : Bytes();
    if (request.is_ca && request.max_path_length) {
      content += der::unsigned_integer(Bytes(1, static_cast<char>(*request.max_path_length)));
    }
    out += encode_extension("2.5.29.19", true, der::wrap(der::kSequence, content));
  }
  if (!subject_key_id.empty()) {
    out += encode_extension("2.5.29.14", false, der::wrap(der::kOctetString, subject_key_id));
  }
  if (!authority_key_id.empty()) {
    out += encode_extension("2.5.29.35", false,
                            der::wrap(der::kSequence, der::wrap(der::context(0), authority_key_id)));
  }
  SELVAGE_TRY(Bytes names, encode_names(request));
  if (!names.empty()) out += encode_extension("2.5.29.17", false, der::wrap(der::kSequence, names));
  for (const ExtraExtension& extra : request.extra_extensions) {
    if (!der::oid_from_string(extra.oid)) return fail(Code::kInvalidArgument, "not an object identifier: " + extra.oid);
    out += encode_extension(extra.oid, extra.critical, extra.value);
  }
  return out;
}

Result<Certificate> make(const CertificateRequest& request, const PublicKey& subject_key, BytesView issuer_name,
                         BytesView issuer_key_id, const PrivateKey& issuer_key) {
  Bytes subject_key_id = request.subject_key_id;
  if (subject_key_id.empty() && request.is_ca) subject_key_id = subject_key.ski();
  Bytes subject_name = encode_name(request.subject);
  bool self_signed = issuer_name.empty();
  Bytes authority_key_id = request.authority_key_id.value_or(Bytes(issuer_key_id));

  Bytes serial = request.serial;
  if (serial.empty()) {
    serial.resize(16);
    if (RAND_bytes(reinterpret_cast<unsigned char*>(serial.data()), 16) != 1) {
      return fail(Code::kInternal, "no randomness for a serial number", take_openssl_errors());
    }
  }
  SELVAGE_TRY(auto algorithm, signing_algorithm(issuer_key, request.sha1_signature));
  SELVAGE_TRY(Bytes extensions, encode_extensions(request, subject_key_id, authority_key_id));
  Bytes tbs = der::wrap(der::context_constructed(0), der::unsigned_integer(Bytes(1, '\x02'))) +
              der::unsigned_integer(serial) + algorithm.first + (self_signed ? subject_name : Bytes(issuer_name)) +
              der::wrap(der::kSequence, encode_time(request.not_before) + encode_time(request.not_after)) + subject_name +
              subject_key.spki_der();
  if (!extensions.empty()) tbs += der::wrap(der::context_constructed(3), der::wrap(der::kSequence, extensions));
  tbs = der::wrap(der::kSequence, tbs);
  SELVAGE_TRY(Bytes signature, sign_tbs(issuer_key, algorithm.second, tbs));
  return Certificate::from_der(der::wrap(der::kSequence, tbs + algorithm.first + der::bit_string(signature)));
}

}  // namespace

void add_hosts(CertificateRequest& request, const std::vector<std::string>& hosts) {
  for (const std::string& host : hosts) (ip_from_string(host) ? request.ip_addresses : request.dns_names).push_back(host);
}

Result<Certificate> issue(const CertificateRequest& request, const PublicKey& subject_key, const Certificate& issuer,
                          const PrivateKey& issuer_key) {
  if (!(issuer.public_key() == issuer_key.public_key())) {
    return fail(Code::kInvalidArgument, "the issuer's key does not belong to the issuer's certificate");
  }
  return make(request, subject_key, issuer.subject_der(), issuer.subject_key_id(), issuer_key);
}

Result<Certificate> issue_self_signed(const CertificateRequest& request, const PrivateKey& key) {
  return make(request, key.public_key(), {}, {}, key);
}

}  // namespace selvage::crypto
