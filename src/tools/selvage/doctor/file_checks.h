// The checks of `selvage doctor tls` that need nothing but the node's own files: they work while the node is down and
// when everything is expired.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tls/credentials.h"
#include "tls/trust.h"
#include "tools/selvage/doctor/node_tls.h"
#include "tools/selvage/doctor/report.h"

namespace selvage::tools::doctor {

// One of the node's pairs that could be read.
struct LoadedPair {
  const ConfiguredPair* configured = nullptr;
  std::shared_ptr<const tls::Credentials> credentials;
};

struct OwnFiles {
  std::vector<LoadedPair> pairs;
  std::vector<tls::Root> client_roots;  // of the main listener, as far as files name them
  std::vector<tls::Root> all_roots;

  // What the node shows when it dials: its client pair, else the server's. Null without TLS.
  [[nodiscard]] std::shared_ptr<const tls::Credentials> for_dialling() const;
  [[nodiscard]] std::shared_ptr<const tls::Credentials> of_server() const;
};

// Reads and judges all pairs and roots: sections "own files" and "trust". Never fails: what cannot be read is a
// finding.
[[nodiscard]] OwnFiles check_own_files(const NodeTls& node, std::chrono::sys_seconds now, Report& report);

// The enrolment certificate that the node signs with: dates, its CA, its key. A finding of "own files" (TLS-55, TLS-56,
// TLS-57).
void check_identity(const NodeTls& node, std::chrono::sys_seconds now, Report& report);

// The code of an error by its words; `otherwise` when they are of none.
[[nodiscard]] std::string code_of(const Error& error, const char* otherwise);

// Section "expiry": what ends within 90 days, soonest first.
struct Ending {
  std::string what;  // "server certificate (tls/server.crt)"
  std::chrono::sys_seconds not_after;
};
void list_expiry(std::vector<Ending> certificates, std::chrono::sys_seconds now, Report& report);

// "212 days left", "expired 691 days ago (2025-01-01)".
[[nodiscard]] std::string time_left(std::chrono::sys_seconds not_after, std::chrono::sys_seconds now);
[[nodiscard]] std::string subject_of(const crypto::Certificate& certificate);  // escaped, cut
[[nodiscard]] std::string names_of(const crypto::Certificate& certificate);    // SANs, cut after eight
// OpenSSH's rule for private keys: nobody else may read the file.
[[nodiscard]] bool readable_by_others(const std::string& path);

}  // namespace selvage::tools::doctor
