// The two halves of explain() and the phrases they share. Pure; for tls/ only.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tls/diagnosis.h"

namespace selvage::tls {

[[nodiscard]] Diagnosis explain_as_server(const Evidence& seen);
[[nodiscard]] Diagnosis explain_as_client(const Evidence& seen);

[[nodiscard]] Diagnosis diagnose(const Evidence& seen, const char* code, Fault fault, std::string cause, std::string remedy,
                                 bool permanent = true);
// Nothing proves a cause: what was seen.
[[nodiscard]] Diagnosis undecided(const Evidence& seen);

// "CN=app1,O=Org1", safe to print.
[[nodiscard]] std::string subject_of(const crypto::Certificate& certificate);
[[nodiscard]] std::string issuer_of(const crypto::Certificate& certificate);
[[nodiscard]] std::string date_of(std::chrono::sys_seconds time);  // "2025-01-01"
[[nodiscard]] std::string days_between(std::chrono::sys_seconds from, SystemTime to);  // "691 days"
// "CN=tlsca.org1 [peer.tls...: /x/ca.crt], CN=...", cut after eight.
[[nodiscard]] std::string list_roots(const TrustSnapshot* trust);
[[nodiscard]] std::string list(const std::vector<std::string>& names, const char* none);
[[nodiscard]] std::string key_id(BytesView id);  // "ab12cd34.." or "none"
// " (CORE_PEER_TLS_ROOTCERT_FILE)", or empty.
[[nodiscard]] std::string in_brackets(const Origin& origin);
// "our certificate [peer.tls.cert.file: tls/server.crt]"
[[nodiscard]] std::string our_certificate(const Evidence& seen);
[[nodiscard]] std::string setting_or(const Origin& origin, const char* otherwise);

// A certificate made for signing transactions: no extended key usage, and a role or attributes that Fabric's CA writes.
[[nodiscard]] bool looks_like_enrolment(const crypto::Certificate& certificate);
// tlsca.org1 for ca.org1, as cryptogen and the samples name the two authorities of an organisation.
[[nodiscard]] std::optional<std::string> tls_twin_of(const std::string& common_name);
// Issued by the authority that a peer, of either make, makes at each start for chaincode alone.
[[nodiscard]] bool is_of_chaincode_authority(const crypto::Certificate& certificate);
// What a peer that speaks no TLS sent: "a plaintext HTTP/2 (gRPC) client", ...
[[nodiscard]] std::string describe_plaintext(const std::string& first_bytes, bool from_server);

}  // namespace selvage::tls
