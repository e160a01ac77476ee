// Makes certificates: for cryptogen, for the certificate authority that a peer keeps for its chaincode, and for tests.
//
// Thread-safe; randomness (serial numbers) is OpenSSL's unless given.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/certificate.h"
#include "crypto/key.h"

namespace selvage::crypto {

// Order and string types in the certificate are Go's: C, ST, L, STREET, POSTALCODE, O, OU, CN.
struct DistinguishedName {
  std::vector<std::string> country, province, locality, street_address, postal_code;
  std::vector<std::string> organization, organizational_unit;
  std::string common_name;
  std::string serial_number;
};

struct ExtraExtension {
  std::string oid;
  bool critical = false;
  Bytes value;
};

struct CertificateRequest {
  DistinguishedName subject;
  std::chrono::sys_seconds not_before{};
  std::chrono::sys_seconds not_after{};
  bool is_ca = false;
  bool basic_constraints = true;       // write the extension (critical), CA or not
  std::optional<int> max_path_length;
  uint32_t key_usage = 0;              // KeyUsage bits; 0: no extension
  std::vector<std::string> extended_key_usages;
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses;  // text
  std::vector<std::string> email_addresses;
  Bytes subject_key_id;                // empty: none, but for CAs Fabric's (SHA-256 of the point)
  std::optional<Bytes> authority_key_id;  // unset: the issuer's subject_key_id
  Bytes serial;                        // big-endian; empty: 128 random bits
  std::vector<ExtraExtension> extra_extensions;
  bool sha1_signature = false;         // for tests of what must be refused
};

// Sorts host names into dns_names and ip_addresses of `request`.
void add_hosts(CertificateRequest& request, const std::vector<std::string>& hosts);

// A certificate for `subject_key`, signed by `issuer` with `issuer_key`. kInvalidArgument: a name or address that cannot be
// written, or a key that cannot sign.
[[nodiscard]] Result<Certificate> issue(const CertificateRequest& request, const PublicKey& subject_key,
                                        const Certificate& issuer, const PrivateKey& issuer_key);
[[nodiscard]] Result<Certificate> issue_self_signed(const CertificateRequest& request, const PrivateKey& key);

}  // namespace selvage::crypto
