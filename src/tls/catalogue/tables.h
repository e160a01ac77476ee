// The catalogue's tables, in parts that one can read. For catalogue.cc only.
#pragma once

#include "tls/catalogue/catalogue.h"

namespace selvage::tls {

[[nodiscard]] std::vector<Code> codes_of_client_certificates();  // 1-15: the server judges the client's certificate
[[nodiscard]] std::vector<Code> codes_of_own_files();            // 16-24: nothing reaches the wire
[[nodiscard]] std::vector<Code> codes_of_server_certificates();  // 25-35: the client judges the server's
[[nodiscard]] std::vector<Code>
codes_of_listeners_and_identities();  // 36-58: start, ports, proxies, Fabric's identities

// Within each the most telling first; those of certificates say more than those of connections.
[[nodiscard]] std::vector<Phrase> phrases_of_certificates();
[[nodiscard]] std::vector<Phrase> phrases_of_connections();

// Who prints them.
inline constexpr std::string_view kGo = "Go (Fabric's programs, Go SDKs)";
inline constexpr std::string_view kGoServer = "Go (peer, orderer), as a server";
inline constexpr std::string_view kOpenSsl = "OpenSSL (Node.js, Python, curl)";
inline constexpr std::string_view kCore = "gRPC C-core (Python, old Node SDK)";
inline constexpr std::string_view kNode = "Node.js (grpc-js)";
inline constexpr std::string_view kJava = "Java";
inline constexpr std::string_view kPeer = "peer, orderer";
inline constexpr std::string_view kSelvage = "Selvage's peer, orderer";

}  // namespace selvage::tls
