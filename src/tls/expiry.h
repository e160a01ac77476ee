// When to warn about which certificate.
//
// Pure: the caller logs the notes that are due and comes back at `again_at`.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "crypto/certificate.h"

namespace selvage::tls {

struct ExpiryNote {
  log::Level level = log::Level::kInfo;
  std::string text;  // Fabric's words: "The server TLS certificate will expire on 2036-11-20 10:00:00 +0000 UTC"
};

struct ExpiryNotes {
  std::vector<ExpiryNote> due;
  // When the "will expire within one week" warning of expiry_week_note() falls due; unset when it never will.
  std::optional<std::chrono::sys_seconds> again_at;
};

// At start, once per certificate. `role` is "enrollment", "server TLS" or "client TLS". `file` (may be empty) goes into our
// extra words for a certificate that is not valid yet. Which file has expired and what renews it: tls/live/expiry_watch.h.
// Fabric quirk: nothing is said of one that is not valid yet; here it is a warning (common/crypto/expiration.go).
[[nodiscard]] ExpiryNotes expiry_notes(const std::string& role, const crypto::Certificate& certificate,
                                       const std::string& file, std::chrono::sys_seconds now);
[[nodiscard]] ExpiryNote expiry_week_note(const std::string& role);

// What will make others refuse this certificate, said before they do: a server certificate without serverAuth or SAN, one
// used as client certificate without clientAuth, a CA's own certificate.
[[nodiscard]] std::vector<ExpiryNote> usage_notes(const std::string& role, const std::vector<crypto::Certificate>& chain,
                                                  const std::string& file, bool as_server, bool as_client);

}  // namespace selvage::tls
