// The operations endpoint of a node: /metrics, /logspec, /healthz, /version, and whatever else a node adds to its server.
//
// Fabric quirk: core/operations/system.go, core/middleware/require_cert.go: with TLS on, /metrics and /logspec need a
// verified client certificate even where client authentication is not required; /healthz and /version never do.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/metrics.h"
#include "base/result.h"
#include "http/server.h"
#include "ops/health.h"

namespace selvage::ops {

struct OperationsSettings {
  http::ServerSettings http;      // listen address, TLS context
  std::string metrics_provider;   // "prometheus", "statsd", "disabled"
  std::string statsd_network;     // "udp", "tcp"
  std::string statsd_address;
  std::chrono::milliseconds statsd_write_interval = std::chrono::seconds(10);
  std::string statsd_prefix;
  std::string version;            // fabric_version{version="..."} and /version
  std::string commit;             // /version
};

class Operations {
 public:
  explicit Operations(OperationsSettings settings);
  ~Operations();
  // Where a node's parts make their instruments; alive as long as this object.
  [[nodiscard]] metrics::Provider& metrics();
  [[nodiscard]] Health& health();
  // To add paths to, before start().
  [[nodiscard]] http::Server& server();
  Status start();
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace selvage::ops
