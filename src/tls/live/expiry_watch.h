// The ends of all certificates that matter to a process: a gauge for each, and a warning at 30 days, 7 days and 1 day that
// names the file and how to renew it.
//
// Pure but for the gauge. One thread at a time.
#pragma once

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "tls/expiry.h"
#include "tls/live/registry.h"

namespace selvage::tls {

struct Expiring {
  std::string role;    // label of the gauge: "server TLS", "root", "consenter", "peer"
  std::string source;  // label: file, or channel and organisation
  crypto::Certificate certificate;
  std::string renew;   // what renews it
};

// Everything that the registry knows of: own pairs with their chains, roots in use, watched ones.
[[nodiscard]] std::vector<Expiring> expiring_of(const Registry& registry);

class ExpiryWatch {
 public:
  // Gauge tls_certificate_not_after_seconds{role,subject,source}: seconds since 1970.
  explicit ExpiryWatch(metrics::Provider& metrics);
  // What is to be said now; each threshold once for each certificate. Sets the gauges.
  [[nodiscard]] std::vector<ExpiryNote> look(const std::vector<Expiring>& certificates, std::chrono::sys_seconds now);

 private:
  static constexpr size_t kGaugesMax = 1024;  // distinct; labels are never taken back
  metrics::Family<metrics::Gauge>& gauge_;
  std::set<std::string> gauges_;
  std::map<std::string, int> told_;  // certificate and source -> the smallest threshold told, in days; -1: its end
};

}  // namespace selvage::tls
