// Settings that core.yaml and orderer.yaml have in the same shape.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "config/reader.h"

namespace selvage::config {

// How much a client is told whose certificate is refused (tls/policy.h): "off", "log", "client".
enum class TlsExplain { kOff, kLog, kClient };
// Reads one; what is none of the three is refused. Default: log.
[[nodiscard]] TlsExplain read_explain(Reader& read, std::string_view key);

// TLS of one HTTPS listener (operations, admin).
struct HttpTls {
  bool enabled = false;
  File certificate;
  File key;
  bool client_auth_required = false;
  std::vector<File> client_roots;
  std::chrono::nanoseconds time_shift{0};  // Admin.TLS.TLSHandshakeTimeShift
  Origin client_auth_origin;
  Origin client_roots_origin;
};

struct Operations {
  std::string listen_address;  // "host:port"
  HttpTls tls;
};

struct Metrics {
  std::string provider;  // "prometheus", "statsd", "disabled"
  std::string statsd_network;  // "udp", "tcp"
  std::string statsd_address;
  std::chrono::nanoseconds statsd_write_interval{0};
  std::string statsd_prefix;
};

struct Keepalive {
  std::chrono::nanoseconds interval{0};
  std::chrono::nanoseconds timeout{0};
};

// BCCSP: how keys are kept and what is hashed with.
struct Bccsp {
  std::string provider;       // "SW", "PKCS11"
  std::string hash;           // "SHA2", "SHA3"
  int security = 256;
  File keystore;              // empty path: <msp directory>/keystore
};

}  // namespace selvage::config
