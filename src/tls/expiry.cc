#include "tls/expiry.h"

#include <fmt/format.h>

namespace selvage::tls {
namespace {

using std::chrono::days;
using std::chrono::hours;

// Go's time.Time.String() of a UTC time.
std::string go_time(std::chrono::sys_seconds time) {
  std::string text = crypto::to_rfc3339(time);
  return text.substr(0, 10) + " " + text.substr(11, 8) + " +0000 UTC";
}

std::string which(const crypto::Certificate& certificate, const std::string& file) {
  std::string text = "subject " + escape(certificate.subject()) + ", serial " + certificate.serial_hex();
  return file.empty() ? text : file + ": " + text;
}

}  // namespace

ExpiryNotes expiry_notes(const std::string& role, const crypto::Certificate& certificate, const std::string& file,
                         std::chrono::sys_seconds now) {
  ExpiryNotes notes;
  auto add = [&](log::Level level, std::string text) { notes.due.push_back({level, std::move(text)}); };
  auto end = certificate.not_after();
  if (end < now) {
    add(log::Level::kWarn, fmt::format("The {} certificate has expired", role));
    return notes;
  }
  add(log::Level::kInfo, fmt::format("The {} certificate will expire on {}", role, go_time(end)));
  if (certificate.not_before() > now) {
    add(log::Level::kWarn, fmt::format("The {} certificate is not yet valid: {} begins on {}, this host's clock says {}",
                                       role, which(certificate, file), crypto::to_rfc3339(certificate.not_before()),
                                       crypto::to_rfc3339(now)));
  }
  auto left = end - now;
  if (left < days(7)) {
    auto whole_days = std::chrono::floor<days>(left);
    add(log::Level::kWarn, fmt::format("The {} certificate expires within {} days and {} hours", role, whole_days.count(),
                                       std::chrono::floor<hours>(left - whole_days).count()));
    return notes;
  }
  notes.again_at = end - days(7);
  return notes;
}

ExpiryNote expiry_week_note(const std::string& role) {
  return {log::Level::kWarn, fmt::format("The {} certificate will expire within one week", role)};
}

std::vector<ExpiryNote> usage_notes(const std::string& role, const std::vector<crypto::Certificate>& chain,
                                    const std::string& file, bool as_server, bool as_client) {
  std::vector<ExpiryNote> notes;
  if (chain.empty()) return notes;
  const crypto::Certificate& leaf = chain.front();
  auto warn = [&](const std::string& what) {
    notes.push_back({log::Level::kWarn, fmt::format("The {} certificate {} ({})", role, what, which(leaf, file))});
  };
  if (leaf.is_ca() && !leaf.extended_key_usages().empty()) warn("is that of a CA, not of a node");
  if (as_server && !leaf.allows(crypto::kServerAuth)) {
    warn("is not for serverAuth: every client will refuse it; issue one with the extended key usage serverAuth");
  }
  if (as_server && leaf.dns_names().empty() && leaf.ip_addresses().empty()) {
    warn("names no host in its subject alternative names: every client will refuse it; issue one with --csr.hosts");
  }
  if (as_client && !leaf.allows(crypto::kClientAuth)) {
    warn(
        "is not for clientAuth, and this node presents it as a client too: listeners that verify clients will refuse it "
        "(public CAs no longer issue clientAuth); set a client certificate of its own from a private TLS CA");
  }
  return notes;
}

}  // namespace selvage::tls
