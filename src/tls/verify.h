// One peer's chain against one trust snapshot: accepted, or the exact reason as a value with the alert that tells it.
//
// Pure. crypto/chain.h has the rules; this adds whose certificate it is, what it was to be good for, and the alert.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "crypto/chain.h"
#include "tls/trust.h"

namespace selvage::tls {

enum class Side { kClient, kServer };

// Numbers of RFC 8446.
enum Alert : int {
  kAlertCloseNotify = 0, kAlertUnexpectedMessage = 10, kAlertBadRecordMac = 20, kAlertHandshakeFailure = 40,
  kAlertBadCertificate = 42, kAlertUnsupportedCertificate = 43, kAlertCertificateRevoked = 44,
  kAlertCertificateExpired = 45, kAlertCertificateUnknown = 46, kAlertIllegalParameter = 47, kAlertUnknownCa = 48,
  kAlertAccessDenied = 49, kAlertDecodeError = 50, kAlertDecryptError = 51, kAlertProtocolVersion = 70,
  kAlertInternalError = 80, kAlertCertificateRequired = 116, kAlertNoApplicationProtocol = 120,
};
// Go's words without "tls: " ("bad certificate"); "alert(99)" for a number without a name.
[[nodiscard]] std::string alert_text(int alert);

struct Refusal {
  enum class Kind {
    kNoCertificate,  // none came and one is demanded
    kChain,          // `chain` says why
    kMalformed,      // a certificate that cannot be read
    kPinned,         // the chain is good, but it is not the key we expect
    kRevoked,        // the chain is good, but its organisation has taken it back
    kOtherName,      // the chain is good, but the client has none of the names that may come
  };
  Kind kind = Kind::kChain;
  std::string text;  // Go's words: "tls: client didn't provide a certificate", "tls: failed to verify certificate: x509: ..."
  std::optional<crypto::ChainError> chain;
  int alert = kAlertBadCertificate;
  Error pinned{};  // kPinned: what the pin said
};

struct PeerCheck {
  Side peer = Side::kClient;  // what the other side is
  SystemTime now{};           // already shifted
  std::string host;           // the server's name or address; empty: not asked (always for clients)
};

// nullopt: accepted. `chain` is as received, leaf first, and not empty.
// Alerts: a server tells its client unknown_ca, certificate_expired, unsupported_certificate (wrong usage) or
// bad_certificate; a client tells its server always bad_certificate.
// Fabric quirk: the latter is Go's habit, and operators' searches for "tls: bad certificate" live by it (crypto/tls).
[[nodiscard]] std::optional<Refusal> verify_peer(const std::vector<crypto::Certificate>& chain,
                                                 const TrustSnapshot& trust, const PeerCheck& check);

// Does one of the leaf's DNS or URI names stand in `allowed` (ServerPolicy::client_names)?
[[nodiscard]] bool has_allowed_name(const crypto::Certificate& leaf, const std::vector<std::string>& allowed);

// DER of a peer's certificate -> parsed, remembered by hash (bounded), so that one that comes again is decoded and its
// signature checked once. Any thread.
[[nodiscard]] Result<crypto::Certificate> peer_certificate(BytesView der);

}  // namespace selvage::tls
