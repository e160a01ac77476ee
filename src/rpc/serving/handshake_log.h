// What a server says about handshakes: Fabric's line, then our record. What a stranger can cause is rate-limited.
#pragma once

#include <chrono>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "tls/diagnosis.h"

namespace selvage::tls {
class Session;
}

namespace selvage::rpc {

// Any thread.
class HandshakeLog {
 public:
  // `server`: the server= field.
  HandshakeLog(const std::string& logger, std::string server);

  // "Server TLS handshake failed in 1.9ms with error ..." once a second for one source and cause, the record once a
  // minute, with fields for structured formats; the rest at debug. Probes at debug, and once an hour a record that counts
  // them. With tls::Explain::kOff Fabric's line for each, and nothing else. Counts all (tls/failure_count.h).
  void failed(tls::Session& session, const std::string& remote_address, SteadyTime now = std::chrono::steady_clock::now());
  void completed(const std::string& remote_address, std::chrono::nanoseconds duration);

 private:
  log::Logger logger_;
  std::mutex mutex_;
  tls::RecordLimiter lines_{std::chrono::seconds(1)};
  tls::RecordLimiter records_{std::chrono::seconds(60)};
  tls::RecordLimiter probes_{std::chrono::hours(1)};
};

}  // namespace selvage::rpc
