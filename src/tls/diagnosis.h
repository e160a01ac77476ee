// Why a TLS connection failed, in plain words.
//
// Pure: no socket, no clock, no log. A Session or tls/probe_client.h gathers Evidence; whoever reports a failed handshake
// prints what explain() says and words nothing by hand, so that peer, orderer, tools and SDK say the same.
//
// Codes are those of tls/catalogue/ and doc/tls/: TLS-01 no client certificate, 02 unknown issuer, 03 a CA of the same name with
// another key, 04 enrolment certificate used for TLS, 05 server trusts an identity CA, 06 wrong key usage, 07 expired, 08 not
// yet valid, 09 intermediate missing, 10 CA certificate expired, ... TLS-00 when the evidence proves none.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "crypto/certificate.h"
#include "tls/credentials.h"
#include "tls/policy.h"
#include "tls/trust.h"
#include "tls/verify.h"

namespace selvage::tls {

// What our end saw of one failed connection. Owns all it holds.
struct Evidence {
  Side our_side = Side::kServer;
  std::string peer_address;             // "host:port", as dialled or accepted
  std::string error;                    // Go's words for what happened; never empty
  std::optional<Refusal> refusal;       // our own verdict over the peer's certificate, if that is what failed
  std::optional<int> alert_received;    // the peer's
  std::optional<int> alert_sent;        // ours
  bool handshake_done = false;          // on our side
  bool closed_by_peer = false;          // the connection ended without an alert
  std::string first_bytes;              // of a peer that does not speak TLS; at most 64

  std::vector<crypto::Certificate> peer_chain;  // as received, leaf first; empty: it sent none
  std::shared_ptr<const TrustSnapshot> trust;   // in force at `now`; may be null
  std::vector<crypto::Certificate> our_chain;   // what we present; empty: none configured
  CredentialFiles our_files;
  bool certificate_requested = false;           // client: the server asked for one
  std::vector<std::string> acceptable_issuers;  // client: subjects in that request (Go's text)

  std::string version;                  // "TLS 1.3"; empty if it did not come so far
  std::string sni;                      // asked for by the client
  std::vector<std::string> alpn_offered;
  std::vector<std::string> ciphers_offered;   // server: names, when none was common
  std::vector<std::string> versions_offered;  // server: likewise

  ServerPolicy server_policy;           // when our_side is kServer
  ClientPolicy client_policy;           // when our_side is kClient
  std::string other_key_expected;       // server: ServerPolicy::other_key_expected's answer, when the client refused us
  std::string dialled_host;             // client
  SystemTime now{};                     // UTC, unshifted
  std::chrono::nanoseconds duration{0}; // since the connection began
};

enum class Fault { kUnknown, kClient, kServer, kNetwork };

struct Diagnosis {
  std::string code;        // "TLS-07"
  std::string error;       // Evidence::error: the legacy first line
  std::string cause;       // one sentence: what is the matter
  Fault fault = Fault::kUnknown;
  std::string remedy;      // what to change, and where: settings as the operator typed them
  std::string certificate; // facts of the peer's certificate, "(unverified) subject ..."; empty when none came
  std::string trust;       // the roots in force with provenance; empty when they do not matter
  bool noise = false;      // a probe or port scan: log it at debug
  bool permanent = false;  // trying again cannot help
};

// The most specific cause that the evidence proves. Never fails and never guesses: without proof it answers TLS-00 and
// says what was seen. Text from the peer is escaped and cut. Any thread.
[[nodiscard]] Diagnosis explain(const Evidence& evidence);

// "Server TLS handshake failed in 1.9ms with error tls: ...": the line that Fabric prints for a server (logger core.comm), or
// "Client TLS handshake failed after 1.9ms with error: ..." (logger comm.tls). To be logged with fields server= and
// remoteaddress=.
[[nodiscard]] std::string handshake_line(const Evidence& evidence);
// The record that follows it: lines "why", "cert", "trust", "fix", each indented by three blanks, joined by newlines; with
// `seen_before` above zero also "seen 14 times before from 10.0.0.7".
[[nodiscard]] std::string to_record(const Diagnosis& diagnosis, uint64_t seen_before = 0, const std::string& source = "");
// The same as fields for structured formats (a console leaves keys with "tls." out): tls.code, tls.side, tls.verdict_by,
// tls.alert_sent, tls.peer_cert.subject, ...
[[nodiscard]] log::Fields to_fields(const Evidence& evidence, const Diagnosis& diagnosis, uint64_t seen_before = 0);
// For one line on a terminal or in a gRPC status: "TLS-02: <cause>. <remedy>".
[[nodiscard]] std::string to_sentence(const Diagnosis& diagnosis);
// What a refused client may be told in explain mode: its own certificate and the issuers that were listed to it anyway.
[[nodiscard]] std::string to_client_sentence(const Evidence& evidence, const Diagnosis& diagnosis);

// How often one source may fill our log with one code: one full record a minute, the rest is counted. Bounded memory. One
// thread at a time (the caller locks).
class RecordLimiter {
 public:
  explicit RecordLimiter(std::chrono::seconds window = std::chrono::seconds(60), size_t sources_max = 4096);
  struct Decision {
    bool print = false;
    uint64_t seen_before = 0;  // since the last print: "seen 14 times in 60 s from 10.0.0.7"
  };
  // `source` is the address without its port.
  [[nodiscard]] Decision admit(const std::string& source, const std::string& code, SteadyTime now);

 private:
  struct Seen {
    SteadyTime printed{};
    uint64_t count = 0;
  };
  std::chrono::seconds window_;
  size_t sources_max_;
  std::unordered_map<std::string, Seen> seen_;
};

// "10.0.0.7" of "10.0.0.7:51234", "::1" of "[::1]:7051".
[[nodiscard]] std::string host_of(const std::string& address);

}  // namespace selvage::tls
