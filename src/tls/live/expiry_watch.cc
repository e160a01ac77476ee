#include "tls/live/expiry_watch.h"

#include <fmt/format.h>

#include "crypto/hash.h"

namespace selvage::tls {
namespace {

using std::chrono::days;

constexpr int kThresholds[] = {1, 7, 30};  // days

constexpr const char* kRenewLeaf =
    "renew it with the same key; with Fabric CA: fabric-ca-client reenroll --enrollment.profile tls --csr.keyrequest.reusekey";
constexpr const char* kRenewRoot =
    "have the CA's certificate renewed with the same key and put the new one beside the old one, here and in the "
    "organisation's tlscacerts of each channel";

std::string place_of(const CredentialFiles& files) {
  std::string setting = files.certificate_origin.to_string();
  if (files.certificate_path.empty()) return setting.empty() ? "made by this process" : setting;
  return setting.empty() ? files.certificate_path : setting + ": " + files.certificate_path;
}

}  // namespace

std::vector<Expiring> expiring_of(const Registry& registry) {
  std::vector<Expiring> all;
  for (const Pair& pair : registry.pairs()) {
    auto credentials = pair.store->current();
    if (!credentials) continue;
    for (size_t i = 0; i < credentials->chain().size(); ++i) {
      all.push_back({i == 0 ? pair.role : pair.role + " chain", place_of(credentials->files()), credentials->chain()[i],
                     i == 0 ? kRenewLeaf : kRenewRoot});
    }
  }
  for (const Pool& pool : registry.pools()) {
    for (const Root& root : pool.store->current()->roots()) {
      all.push_back({root.from.intermediate ? "intermediate" : "root", root.from.to_string(), root.certificate, kRenewRoot});
    }
  }
  for (const Watched& one : registry.watched()) {
    all.push_back({one.role, one.source, one.certificate,
                   one.role == "enrollment" ? "renew it; with Fabric CA: fabric-ca-client reenroll --csr.keyrequest.reusekey"
                                            : kRenewLeaf});
  }
  return all;
}

ExpiryWatch::ExpiryWatch(metrics::Provider& metrics)
    : gauge_(metrics.gauge({"tls", "", "certificate_not_after_seconds",
                            "The end of each certificate that this process presents, trusts or relies on, in seconds since 1970.",
                            {"role", "subject", "source"}, "%{#fqname}.%{role}.%{subject}.%{source}", {}})) {}

std::vector<ExpiryNote> ExpiryWatch::look(const std::vector<Expiring>& certificates, std::chrono::sys_seconds now) {
  std::vector<ExpiryNote> notes;
  std::set<std::string> present;
  for (const Expiring& one : certificates) {
    const crypto::Certificate& certificate = one.certificate;
    std::string key = to_hex(certificate.sha256()) + " " + one.role + " " + one.source;
    if (!present.insert(key).second) continue;  // the same root in several pools
    std::string subject = escape(certificate.subject(), 160);
    if (gauges_.size() < kGaugesMax || gauges_.contains(key)) {
      gauges_.insert(key);
      gauge_.with({one.role, subject, one.source}).set(static_cast<double>(certificate.not_after().time_since_epoch().count()));
    }
    auto left = certificate.not_after() - now;
    auto told = told_.find(key);
    int before = told == told_.end() ? 1000 : told->second;
    const auto say = [&](int threshold, log::Level level, const std::string& what) {
      if (before <= threshold) return;
      told_[key] = threshold;
      notes.push_back({level, fmt::format("The {} certificate {} (serial {}) [{}] {}; {}", one.role, subject,
                                          certificate.serial_hex().substr(0, 40), one.source, what, one.renew)});
    };
    std::string end = crypto::to_rfc3339(certificate.not_after());
    if (left <= left.zero()) {
      say(-1, log::Level::kWarn, fmt::format("expired on {}, {} days ago", end, std::chrono::floor<days>(-left).count()));
      continue;
    }
    for (int threshold : kThresholds) {
      if (left > days(threshold)) continue;
      say(threshold, log::Level::kWarn,
          fmt::format("expires on {}, in {} days and {} hours", end, std::chrono::floor<days>(left).count(),
                      std::chrono::floor<std::chrono::hours>(left % days(1)).count()));
      break;
    }
  }
  std::erase_if(told_, [&](const auto& entry) { return !present.contains(entry.first); });
  return notes;
}

}  // namespace selvage::tls
