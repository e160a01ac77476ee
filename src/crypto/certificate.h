// One X.509 certificate, parsed once and never changed.
//
// Parsing follows Go's crypto/x509 in what it accepts and in the texts it makes (subject strings, OIDs), because Fabric's
// messages and its NodeOUs rules show them. It decides nothing about trust: see crypto/chain.h.
//
// Certificates are values: copies share one parsed certificate. All functions may be called from any thread; views and
// references live as long as any copy.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/key.h"

namespace selvage::crypto {

enum class SignatureAlgorithm {
  kUnknown, kMd5Rsa, kSha1Rsa, kSha256Rsa, kSha384Rsa, kSha512Rsa, kSha256Pss, kSha384Pss, kSha512Pss,
  kEcdsaSha1, kEcdsaSha256, kEcdsaSha384, kEcdsaSha512, kEd25519,
};
// Go's names: "ECDSA-SHA256", "SHA256-RSA", ...
[[nodiscard]] const char* name_of(SignatureAlgorithm algorithm);

// Bits of the keyUsage extension, first bit of RFC 5280 first.
enum KeyUsage : uint32_t {
  kDigitalSignature = 1, kContentCommitment = 2, kKeyEncipherment = 4, kDataEncipherment = 8, kKeyAgreement = 16,
  kCertSign = 32, kCrlSign = 64, kEncipherOnly = 128, kDecipherOnly = 256,
};

// Extended key usages that have a name here; others appear by OID only.
inline constexpr std::string_view kAnyUsage = "2.5.29.37.0";
inline constexpr std::string_view kServerAuth = "1.3.6.1.5.5.7.3.1";
inline constexpr std::string_view kClientAuth = "1.3.6.1.5.5.7.3.2";

struct Extension {
  std::string oid;
  bool critical = false;
  BytesView value;  // the OCTET STRING's content
};

// One attribute of a distinguished name, in the order of the certificate.
struct NameAttribute {
  std::string oid;
  std::string value;  // UTF-8
};

class Certificate {
 public:
  // kInvalidArgument with Go's kind of words ("x509: malformed certificate").
  [[nodiscard]] static Result<Certificate> from_der(BytesView der);
  // The first CERTIFICATE block; other blocks are skipped.
  [[nodiscard]] static Result<Certificate> from_pem(std::string_view pem);
  // Every CERTIFICATE block, in order. Error when there is none or one is broken; `cause` names block and line.
  [[nodiscard]] static Result<std::vector<Certificate>> all_from_pem(std::string_view pem);

  [[nodiscard]] const Bytes& der() const;
  [[nodiscard]] std::string pem() const;
  [[nodiscard]] const Bytes& sha256() const;  // of the DER: what bindings compare

  // Shared by all copies of this certificate, so that it is decoded once.
  [[nodiscard]] const PublicKey& public_key() const;
  [[nodiscard]] BytesView spki_der() const;

  // Go's pkix.Name.String(): "CN=app1,OU=client,O=Org1". May hold any character of the certificate: escape() it for a log.
  [[nodiscard]] const std::string& subject() const;
  [[nodiscard]] const std::string& issuer() const;
  [[nodiscard]] BytesView subject_der() const;  // names are compared by these bytes
  [[nodiscard]] BytesView issuer_der() const;
  [[nodiscard]] const std::vector<NameAttribute>& subject_attributes() const;
  [[nodiscard]] const std::string& common_name() const;  // the last one; empty if none
  [[nodiscard]] const std::vector<std::string>& organizations() const;
  [[nodiscard]] const std::vector<std::string>& organizational_units() const;

  [[nodiscard]] int version() const;             // 1 to 3
  [[nodiscard]] std::string serial_hex() const;  // lower case, no leading zeros
  [[nodiscard]] std::string serial_decimal() const;
  [[nodiscard]] BytesView serial_bytes() const;  // the INTEGER's content
  [[nodiscard]] std::chrono::sys_seconds not_before() const;
  [[nodiscard]] std::chrono::sys_seconds not_after() const;

  [[nodiscard]] bool has_basic_constraints() const;
  [[nodiscard]] bool is_ca() const;
  [[nodiscard]] std::optional<int> max_path_length() const;
  [[nodiscard]] uint32_t key_usage() const;  // KeyUsage bits; 0 when the extension is absent
  [[nodiscard]] const std::vector<std::string>& extended_key_usages() const;  // OIDs; empty: any
  [[nodiscard]] bool allows(std::string_view usage_oid) const;                // by this certificate alone

  [[nodiscard]] bool has_san() const;
  [[nodiscard]] const std::vector<std::string>& dns_names() const;
  [[nodiscard]] const std::vector<Bytes>& ip_addresses() const;  // 4 or 16 bytes each
  [[nodiscard]] const std::vector<std::string>& email_addresses() const;
  [[nodiscard]] const std::vector<std::string>& uris() const;

  [[nodiscard]] BytesView subject_key_id() const;    // empty when absent
  [[nodiscard]] BytesView authority_key_id() const;  // empty when absent
  [[nodiscard]] const std::vector<Extension>& extensions() const;
  [[nodiscard]] const Extension* find_extension(std::string_view oid) const;  // null when absent
  // Critical ones that this project does not enforce: a chain with such a certificate is refused.
  [[nodiscard]] const std::vector<std::string>& unhandled_critical_extensions() const;

  [[nodiscard]] BytesView tbs_der() const;
  [[nodiscard]] SignatureAlgorithm signature_algorithm() const;
  [[nodiscard]] BytesView signature() const;
  [[nodiscard]] bool is_self_issued() const { return subject_der() == issuer_der(); }

  // Ok when `parent` may sign certificates and signed this one; otherwise Go's words ("x509: ECDSA verification failure",
  // "x509: cannot verify signature: insecure algorithm ECDSA-SHA1"). A yes is remembered and costs nothing the next time.
  [[nodiscard]] Status check_signature_from(const Certificate& parent) const;

  // The same certificate with an ECDSA signature whose S is low; itself when it is so already or not signed with ECDSA.
  // `issuer_key` tells the curve. Fabric's MSP does this to every certificate before it compares or hashes it.
  [[nodiscard]] Result<Certificate> with_low_s(const PublicKey& issuer_key) const;

  friend bool operator==(const Certificate& one, const Certificate& other) { return one.der() == other.der(); }

  struct Parsed;

 private:
  explicit Certificate(std::shared_ptr<const Parsed> parsed) : parsed_(std::move(parsed)) {}
  std::shared_ptr<const Parsed> parsed_;
};

// "192.0.2.7", "2001:db8::1" (Go's net.IP.String()).
[[nodiscard]] std::string ip_to_string(BytesView address);
// 4 bytes (also for ::ffff:a.b.c.d) or 16; nullopt when `text` is not an address.
[[nodiscard]] std::optional<Bytes> ip_from_string(std::string_view text);
// "2026-11-23T14:35:18Z", as Go's time.RFC3339 prints UTC.
[[nodiscard]] std::string to_rfc3339(std::chrono::sys_seconds time);

}  // namespace selvage::crypto
