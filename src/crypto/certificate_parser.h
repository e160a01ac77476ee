// DER -> the fields of a certificate. Pure; for crypto/ only.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "crypto/certificate.h"
#include "crypto/distinguished_name.h"

namespace selvage::crypto {

// Views point into `der`.
struct Certificate::Parsed {
  Bytes der, sha256;
  BytesView tbs, algorithm_der, signature, serial, subject_der, issuer_der;
  BytesView subject_key_id, authority_key_id;
  SignatureAlgorithm signature_algorithm = SignatureAlgorithm::kUnknown;
  std::optional<PublicKey> public_key;
  ParsedName subject, issuer;
  std::string common_name;
  std::vector<std::string> organizations, organizational_units;
  int version = 1;
  std::chrono::sys_seconds not_before{}, not_after{};
  bool has_basic_constraints = false, is_ca = false, has_san = false;
  std::optional<int> max_path_length;
  uint32_t key_usage = 0;
  std::vector<std::string> extended_key_usages, dns_names, email_addresses, uris;
  std::vector<Bytes> ip_addresses;
  std::vector<Extension> extensions;
  std::vector<std::string> unhandled;

  mutable std::mutex mutex;
  mutable Bytes signed_by;  // SHA-256 of the key that is known to have signed this
};

[[nodiscard]] Result<std::shared_ptr<const Certificate::Parsed>> parse_certificate(BytesView der);
// UTCTime or GeneralizedTime.
[[nodiscard]] bool parse_time(uint8_t tag, BytesView text, std::chrono::sys_seconds& time);

}  // namespace selvage::crypto
