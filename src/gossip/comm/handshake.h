// The first message of each end of a gossip stream: who we are, and the hash of the TLS certificate that we use on this
// connection, signed with our enrolment key. So neither end can be impersonated by somebody who merely has a good TLS
// certificate.
//
// Pure. Fabric quirk: gossip/comm/comm_impl.go authenticateRemotePeer.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "gossip/view/identity_store.h"
#include "gossip/message.h"
#include "gossip/peer_crypto.h"

namespace selvage::gossip {

// Who is at the other end of a connection, as its handshake proved it. Immutable, shared.
struct Sender {
  Bytes pki_id;
  Bytes identity;
  std::string org;
  std::string address;      // as dialled or accepted
  Bytes signed_data;        // the handshake itself: shown to channel policies as proof
  Bytes signature;
};
using SenderPtr = std::shared_ptr<const Sender>;

// `tls_hash`: SHA-256 of our own TLS certificate on this connection; empty in plaintext. `probe`: we only want to know who
// they are.
[[nodiscard]] Result<MessagePtr> make_handshake(const PeerCrypto& crypto, const Bytes& tls_hash, bool probe = false);

struct TlsFacts {
  bool tls = false;
  Bytes peer_hash;  // SHA-256 of the certificate that the other end used; empty: it showed none
  std::string peer_subject;  // of that certificate, for messages
};
struct Greeting {
  SenderPtr sender;
  bool probe = false;
};
// Checks the other end's message and takes its identity into `identities`. Errors in Go's words: "no TLS certificate",
// "wrong type", "no PKI-ID", "Expected ... in remote hash of TLS cert, but got ...", what the identity store says.
[[nodiscard]] Result<Greeting> check_handshake(const SignedMessage& message, const TlsFacts& tls, const std::string& address,
                                               const PeerCrypto& crypto, IdentityStore& identities, Now now);

}  // namespace selvage::gossip
