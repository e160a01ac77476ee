// What we demand of the other side of a connection. Plain values, filled by node/, tools/ and client/.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "base/origin.h"
#include "base/result.h"
#include "crypto/certificate.h"

namespace selvage::tls {

// Go's five modes, in its order.
enum class ClientAuth { kNone, kRequest, kRequireAny, kVerifyIfGiven, kRequireAndVerify };

// How much a refused client is told, and how loudly we log it.
enum class Explain {
  kOff,     // Go's behaviour to the letter: its alerts, its one line for each refusal, no record
  kLog,     // the alert that fits, to the client; Go's line and the record to our log
  kClient,  // a client whose certificate is refused may finish the handshake: Session::refused() is set, and the caller
            // answers every call with the refusal in words, serving nothing
};

// Common to both sides: TLS 1.2 and 1.3, Fabric's six suites for 1.2 as a server, groups X25519, P-256, P-384, P-521.
struct ServerPolicy {
  ClientAuth client_auth = ClientAuth::kRequireAndVerify;
  // Preferred first. gRPC's C-core up to 1.24 asks for "grpc-exp" before "h2". HTTP servers: {"http/1.1"}. A client that
  // asks for none is served.
  std::vector<std::string> alpn = {"h2", "grpc-exp"};
  // Dates of certificates are held against now - time_shift; what is not positive counts as nothing.
  std::chrono::seconds time_shift{0};
  Explain explain = Explain::kLog;
  // A client may come back without a full handshake for an hour, as long as credentials, trust and this policy are what they
  // were and its certificate still passes. Off as in Fabric. Our clients never do.
  bool resumption = false;
  // Refuse clients whose certificate a list among the trust's revocations takes back. Off as in Fabric.
  bool revocation = false;
  // Serve only clients whose certificate has one of these names, "dns:app1.org1" or "uri:spiffe://org1/app1" (a bare name is
  // a DNS name; "*" at the end stands for anything). Empty, as in Fabric: every name.
  std::vector<std::string> client_names;
  Origin client_names_setting;

  // While certificates are not demanded: told of every client that came, with the chain that it sent. Any thread.
  std::function<void(const std::string& address, const std::vector<crypto::Certificate>& chain)> on_visitor;

  // For messages only.
  // Asked when a client refused our certificate: how the others that know us by its key have another one for us (orderers,
  // TLS-51); empty: they have not. Any thread.
  std::function<std::string(const crypto::Certificate& ours)> other_key_expected;
  std::string listener;         // "PeerServer", "Orderer": as Fabric's server= field
  Origin client_auth_setting;   // what demands the certificate: CORE_PEER_TLS_CLIENTAUTHREQUIRED
  Origin client_roots_setting;  // what to extend with another CA: CORE_PEER_TLS_CLIENTROOTCAS_FILES
};

struct ClientPolicy {
  std::vector<std::string> alpn = {"h2"};
  std::chrono::seconds time_shift{0};
  // The name to find in the server's certificate in place of the dialled host (--ordererTLSHostnameOverride ...).
  std::string server_name_override;
  Origin server_name_setting;   // what gave the override
  // Asked once the chain is accepted; an error refuses the server with that error's message. Raft pins public keys so.
  std::function<Status(const crypto::Certificate& leaf)> pin;

  // For messages only.
  Origin roots_setting;         // what names the server's CA: --cafile
  Origin certificate_setting;   // what would name our certificate: --certfile
  bool is_cli = false;          // remedies name flags rather than yaml keys

  bool tls12_only = false;      // offer no TLS 1.3: to see how a server answers old clients
};

}  // namespace selvage::tls
