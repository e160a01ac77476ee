// Is this certificate issued, step by step, by one that we trust? The rules of Go's crypto/x509, which Fabric's TLS and
// MSP both live by: every certificate of the root pool is an anchor (self-signed or not), roots must be inside their own
// dates, extended key usages nest, names are in SANs only, SHA-1 and MD5 signatures are refused, no CRL is read.
//
// Pure: time is an argument. A refusal is a value that holds what was compared; its text has Go's words.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "crypto/certificate.h"

namespace selvage::crypto {

// Certificates by subject. Built once, then only read: safe from any thread after that.
class CertificatePool {
 public:
  // A certificate that is there already is not added again.
  void add(Certificate certificate);
  [[nodiscard]] const std::vector<Certificate>& certificates() const { return certificates_; }
  [[nodiscard]] bool contains(const Certificate& certificate) const;
  [[nodiscard]] bool empty() const { return certificates_.empty(); }
  // Indices of those whose subject is `child`'s issuer, most plausible (key identifiers match) first.
  [[nodiscard]] std::vector<size_t> possible_parents(const Certificate& child) const;

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(BytesView bytes) const { return std::hash<BytesView>()(bytes); }
  };
  std::vector<Certificate> certificates_;
  std::unordered_map<Bytes, std::vector<size_t>, Hash, std::equal_to<>> by_subject_;
  std::unordered_set<Bytes, Hash, std::equal_to<>> hashes_;
};

enum class ChainFault {
  kUnknownAuthority,    // no issuer in the pools, or those of that name did not sign it (see `candidate`)
  kExpired,
  kNotYetValid,
  kIncompatibleUsage,   // the extended key usages do not allow what is asked
  kNotAuthorizedToSign, // an intermediate is no CA
  kPathTooLong,
  kNameConstraint,
  kUnhandledCriticalExtension,
  kHostname,            // the name asked for is not among the SANs
  kTooManyChecks,       // a chain made to burn our time
};

struct ChainError {
  ChainFault fault = ChainFault::kUnknownAuthority;
  std::string text;  // "x509: certificate signed by unknown authority"; exactly Go's
  int depth = 0;     // of the certificate at fault; 0 is the leaf
  std::optional<Certificate> culprit;
  // kUnknownAuthority: a certificate with the issuer's name that was tried and why it did not do.
  std::optional<Certificate> candidate;
  std::optional<ChainFault> candidate_fault;
  std::string candidate_text;
  SystemTime checked_at{};  // the time that dates were held against
};

struct ChainQuestion {
  SystemTime now{};
  // OIDs, of which the chain must allow at least one. Empty: any usage will do.
  std::vector<std::string_view> usages;
  // Name or IP address that the leaf must be valid for; empty: not asked.
  std::string host;
};

struct ChainAnswer {
  std::vector<std::vector<Certificate>> chains;  // leaf first, anchor last; empty when refused
  std::optional<ChainError> error;               // set when refused
  [[nodiscard]] bool accepted() const { return !error.has_value(); }
};

[[nodiscard]] ChainAnswer verify_chain(const Certificate& leaf, const CertificatePool& intermediates,
                                       const CertificatePool& roots, const ChainQuestion& question);

// nullopt when the SANs cover `host` (a name, or an address with or without []), otherwise Go's words.
[[nodiscard]] std::optional<std::string> check_host(const Certificate& leaf, std::string_view host);

}  // namespace selvage::crypto
