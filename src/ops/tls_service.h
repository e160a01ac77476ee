// The TLS pages of the operations endpoint: what this process has loaded, whom it believes, who is connected, and a push to
// look at all files again. All behind a verified client certificate, also where the endpoint itself demands none.
//
//   GET /tls/certificates   own pairs, as loaded (not as they lie on the disk)
//   GET /tls/trust          pools of roots, each root with where it came from
//   GET /tls/connections    peer, certificate, version, suite, group, binding
//   GET /tls/visitors       while certificates are not demanded: who came, and who would be refused
//   PUT /tls/reload         what was taken and what was refused, with the reason
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "http/server.h"
#include "tls/live/upkeep_worker.h"
#include "tls/live/visitors.h"

namespace selvage::ops {

struct TlsConnection {
  std::string listener;            // "PeerServer"; "outgoing" for connections that this process dialled
  std::string peer;                // "10.0.0.7:51234"
  bool verified = false;           // its certificate was held against our trust
  Bytes certificate;               // DER; empty: it sent none
  std::string version, cipher, group;
  // What Fabric binds requests to: "certificate hash" where Deliver demands it, "public key", ...; empty: nothing.
  std::string binding;
};

struct TlsPages {
  const tls::Registry* registry = nullptr;  // outlives the server
  std::function<std::vector<TlsConnection>()> connections;
  std::function<std::vector<tls::Reloaded>()> reload;
  std::shared_ptr<const tls::Visitors> visitors;  // null: certificates are demanded already
};

// Before server.start().
void add_tls_pages(http::Server& server, TlsPages pages);

// The bodies, for tests and tools: JSON objects, names sorted as given here.
[[nodiscard]] std::string certificates_json(const tls::Registry& registry, SystemTime now);
[[nodiscard]] std::string trust_json(const tls::Registry& registry, SystemTime now);
[[nodiscard]] std::string connections_json(const std::vector<TlsConnection>& connections, SystemTime now);
[[nodiscard]] std::string visitors_json(const tls::Visitors* visitors, SystemTime now);
[[nodiscard]] std::string reloaded_json(const std::vector<tls::Reloaded>& outcomes);

}  // namespace selvage::ops
