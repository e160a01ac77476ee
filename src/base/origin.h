// Where a configured value came from, so that a message about it can name what the operator typed.
#pragma once

#include <string>

namespace selvage {

struct Origin {
  std::string key;   // as typed: "peer.tls.cert.file", "CORE_PEER_TLS_CERT_FILE", "--cafile"
  std::string file;  // the yaml file; empty for an environment variable, a flag or a default
  int line = 0;      // 1-based; 0 when unknown

  // "CORE_PEER_TLS_CERT_FILE", or "peer.tls.cert.file (core.yaml:212)".
  [[nodiscard]] std::string to_string() const;
};

}  // namespace selvage
