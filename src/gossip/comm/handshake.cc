#include "gossip/comm/handshake.h"

#include "crypto/hash.h"

namespace selvage::gossip {

Result<MessagePtr> make_handshake(const PeerCrypto& crypto, const Bytes& tls_hash, bool probe) {
  ::gossip::GossipMessage message;
  message.set_tag(::gossip::GossipMessage::EMPTY);
  auto& content = *message.mutable_conn();
  content.set_pki_id(pki_id_of(crypto.own_identity()));
  content.set_identity(crypto.own_identity());
  content.set_tls_cert_hash(tls_hash);
  content.set_probe(probe);
  return make_signed(std::move(message), [&](BytesView bytes) { return crypto.sign(bytes); });
}

Result<Greeting> check_handshake(const SignedMessage& message, const TlsFacts& tls, const std::string& address,
                                 const PeerCrypto& crypto, IdentityStore& identities, Now now) {
  if (tls.tls && tls.peer_hash.empty()) return fail(Code::kUnauthenticated, "no TLS certificate");
  if (!message.message.has_conn()) return fail(Code::kInvalidArgument, "wrong type");
  const auto& told = message.message.conn();
  if (told.pki_id().empty()) return fail(Code::kInvalidArgument, "no PKI-ID");
  // The binding first: it costs nothing, and says what an operator with two sets of certificates must look at.
  if (tls.tls && !crypto::equal_in_constant_time(tls.peer_hash, told.tls_cert_hash())) {
    return fail(Code::kUnauthenticated,
                "Expected " + to_hex(tls.peer_hash) + " in remote hash of TLS cert, but got " + to_hex(told.tls_cert_hash().substr(0, 64)),
                "TLS-53: the connection came with the certificate " + escape(tls.peer_subject, 160) +
                    " of the first hash, and the peer signed for one of the second",
                "a proxy between the peers must pass TLS through; else look at the pairs of that peer (peer.tls.clientCert.file and "
                "peer.tls.cert.file): one of them was replaced without a restart");
  }
  SELVAGE_CHECK(identities.put(told.pki_id(), told.identity(), now));
  SELVAGE_CHECK(check_signature(message, [&](BytesView signature, BytesView bytes) {
    return crypto.verify(told.identity(), signature, bytes);
  }));
  auto sender = std::make_shared<Sender>();
  sender->pki_id = told.pki_id();
  sender->identity = told.identity();
  sender->org = identities.org_of(told.pki_id());
  sender->address = address;
  sender->signed_data = message.envelope.payload();
  sender->signature = message.envelope.signature();
  return Greeting{std::move(sender), told.probe()};
}

}  // namespace selvage::gossip
