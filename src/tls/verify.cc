#include "tls/verify.h"

#include <mutex>
#include <unordered_map>

#include "crypto/hash.h"

namespace selvage::tls {
namespace {

// Certificates that were accepted, by SHA-256 of their DER, in two generations: when the young one is full the old one goes.
// Only accepted ones are kept, so strangers can neither fill nor flush it.
class Accepted {
 public:
  std::optional<crypto::Certificate> find(const Bytes& hash) {
    std::lock_guard lock(mutex_);
    if (auto found = young_.find(hash); found != young_.end()) return found->second;
    auto found = old_.find(hash);
    if (found == old_.end()) return std::nullopt;
    crypto::Certificate certificate = found->second;
    insert(certificate);
    return certificate;
  }
  void remember(const crypto::Certificate& certificate) {
    std::lock_guard lock(mutex_);
    if (young_.contains(certificate.sha256())) return;
    insert(certificate);
  }

 private:
  static constexpr size_t kGeneration = 512;
  static constexpr size_t kBytesMax = 8192;
  void insert(const crypto::Certificate& certificate) {
    if (certificate.der().size() > kBytesMax) return;
    if (young_.size() >= kGeneration) {
      old_ = std::move(young_);
      young_.clear();
    }
    young_.emplace(certificate.sha256(), certificate);
  }
  std::mutex mutex_;
  std::unordered_map<Bytes, crypto::Certificate> young_, old_;
};

Accepted& accepted() {
  static Accepted all;
  return all;
}

int alert_of(crypto::ChainFault fault) {
  switch (fault) {
    case crypto::ChainFault::kUnknownAuthority: return kAlertUnknownCa;
    case crypto::ChainFault::kExpired:
    case crypto::ChainFault::kNotYetValid: return kAlertCertificateExpired;
    case crypto::ChainFault::kIncompatibleUsage: return kAlertUnsupportedCertificate;
    default: return kAlertBadCertificate;
  }
}

}  // namespace

std::string alert_text(int alert) {
  switch (alert) {
    case 0: return "close notify";
    case 10: return "unexpected message";
    case 20: return "bad record MAC";
    case 21: return "decryption failed";
    case 22: return "record overflow";
    case 30: return "decompression failure";
    case 40: return "handshake failure";
    case 42: return "bad certificate";
    case 43: return "unsupported certificate";
    case 44: return "revoked certificate";
    case 45: return "expired certificate";
    case 46: return "unknown certificate";
    case 47: return "illegal parameter";
    case 48: return "unknown certificate authority";
    case 49: return "access denied";
    case 50: return "error decoding message";
    case 51: return "error decrypting message";
    case 60: return "export restriction";
    case 70: return "protocol version not supported";
    case 71: return "insufficient security level";
    case 80: return "internal error";
    case 86: return "inappropriate fallback";
    case 90: return "user canceled";
    case 100: return "no renegotiation";
    case 109: return "missing extension";
    case 110: return "unsupported extension";
    case 112: return "unrecognized name";
    case 116: return "certificate required";
    case 120: return "no application protocol";
    default: return "alert(" + std::to_string(alert) + ")";
  }
}

std::optional<Refusal> verify_peer(const std::vector<crypto::Certificate>& chain, const TrustSnapshot& trust,
                                   const PeerCheck& check) {
  crypto::CertificatePool intermediates;
  for (size_t i = 1; i < chain.size(); ++i) intermediates.add(chain[i]);
  crypto::ChainQuestion question;
  question.now = check.now;
  question.usages = {check.peer == Side::kClient ? crypto::kClientAuth : crypto::kServerAuth};
  question.host = check.host;
  crypto::ChainAnswer answer = crypto::verify_chain(chain.front(), intermediates, trust.pool(), question);
  if (answer.accepted()) {
    for (const auto& certificate : chain) accepted().remember(certificate);
    return std::nullopt;
  }
  Refusal refusal;
  refusal.kind = Refusal::Kind::kChain;
  refusal.text = "tls: failed to verify certificate: " + answer.error->text;
  refusal.alert = check.peer == Side::kServer ? static_cast<int>(kAlertBadCertificate) : alert_of(answer.error->fault);
  refusal.chain = std::move(answer.error);
  return refusal;
}

namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

}  // namespace

bool has_allowed_name(const crypto::Certificate& leaf, const std::vector<std::string>& allowed) {
  for (const std::string& one : allowed) {
    const bool uri = one.starts_with("uri:");
    std::string_view pattern(one);
    if (uri || one.starts_with("dns:")) pattern.remove_prefix(4);
    const bool open = pattern.ends_with('*');
    if (open) pattern.remove_suffix(1);
    for (const std::string& name : uri ? leaf.uris() : leaf.dns_names()) {
      const std::string seen = uri ? name : lower(name);
      const std::string wanted = uri ? std::string(pattern) : lower(pattern);
      if (open ? seen.starts_with(wanted) : seen == wanted) return true;
    }
  }
  return false;
}

Result<crypto::Certificate> peer_certificate(BytesView der) {
  if (auto known = accepted().find(crypto::sha256(der))) return *known;
  return crypto::Certificate::from_der(der);
}

}  // namespace selvage::tls
