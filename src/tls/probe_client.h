// Dials an address, tries a handshake and gives back what was seen: for doctor commands and for errors of tools that must
// say more than "deadline exceeded".
//
// Blocks for at most `timeout`. Any thread.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "tls/context.h"
#include "tls/diagnosis.h"
#include "tls/session.h"

namespace selvage::tls {

struct ProbeResult {
  bool connected = false;   // TCP
  bool accepted = false;    // both sides finished, and no alert came within the wait after it
  SessionFacts facts;       // when accepted
  Evidence evidence;        // otherwise
  Diagnosis diagnosis;      // otherwise
};

// `address` is "host:port". In TLS 1.3 a server judges our certificate after our side is done: the probe waits for its first
// bytes, or `verdict_wait`, before it calls itself accepted.
[[nodiscard]] ProbeResult probe(ClientContext& context, const std::string& address,
                                std::chrono::milliseconds timeout = std::chrono::seconds(3),
                                std::chrono::milliseconds verdict_wait = std::chrono::milliseconds(300));

}  // namespace selvage::tls
