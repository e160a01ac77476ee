#include "gossip/comm/handshake.h"

#include <gtest/gtest.h>

#include "gossip/testing/fake_network.h"

namespace selvage::gossip {
namespace {

using testing::FakeCrypto;

// `peer` of Org2 greets us, over mutual TLS.
class GossipHandshake : public ::testing::Test {
 protected:
  Result<Greeting> check(const MessagePtr& message) { return check_handshake(*message, tls, "10.0.0.7:7051", us, identities, now); }
  void expect_refused(const MessagePtr& message, const std::string& words) {
    const auto refused = check(message);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find(words), std::string::npos) << refused.error().message;
    EXPECT_EQ(identities.all().size(), 1u);  // ours
  }
  MessagePtr changed(const std::function<void(::gossip::ConnEstablish&)>& change) {
    auto message = (*make_handshake(peer, tls.peer_hash))->message;
    change(*message.mutable_conn());
    return *make_signed(message, [&](BytesView bytes) { return peer.sign(bytes); });
  }

  const Now now{SteadyTime(std::chrono::hours(1)), SystemTime(std::chrono::hours(500000))};
  FakeCrypto us{"Org1MSP", "us"};
  FakeCrypto peer{"Org2MSP", "peer"};
  TlsFacts tls{true, Bytes(32, 'h')};
  IdentityStore identities{us, now};
  GossipHandshake() { us.orgs.insert("Org2MSP"); }
};

TEST_F(GossipHandshake, AGoodOneTellsWhoTheyAre) {
  const auto greeting = check(*make_handshake(peer, tls.peer_hash));
  ASSERT_TRUE(greeting) << to_string(greeting.error());
  EXPECT_EQ(greeting->sender->pki_id, pki_id_of(peer.own_identity()));
  EXPECT_EQ(greeting->sender->org, "Org2MSP");
  EXPECT_FALSE(greeting->probe);
  EXPECT_EQ(identities.org_of(greeting->sender->pki_id), "Org2MSP");
}

TEST_F(GossipHandshake, WithoutACertificateOnTheConnectionNothingIsBelieved) {
  tls.peer_hash = "";
  expect_refused(*make_handshake(peer, ""), "no TLS certificate");
}

TEST_F(GossipHandshake, TheHashMustBeThatOfTheCertificateOnTheConnection) {
  expect_refused(*make_handshake(peer, Bytes(32, 'x')), "in remote hash of TLS cert, but got " + to_hex(Bytes(32, 'x')));
  expect_refused(*make_handshake(peer, ""), "in remote hash of TLS cert, but got ");
}

TEST_F(GossipHandshake, AnotherMessageIsNone) {
  ::gossip::GossipMessage message;
  message.mutable_alive_msg();
  expect_refused(make_unsigned(message), "wrong type");
}

TEST_F(GossipHandshake, ThePkiIdMustBeThatOfTheIdentity) {
  expect_refused(changed([](auto& conn) { conn.clear_pki_id(); }), "no PKI-ID");
  expect_refused(changed([](auto& conn) { conn.set_pki_id(Bytes(32, 'x')); }), "identity doesn't match the computed pkiID");
}

TEST_F(GossipHandshake, AForeignOrExpiredIdentityIsRefused) {
  const FakeCrypto foreign{"EvilMSP", "evil"};
  expect_refused(*make_handshake(foreign, tls.peer_hash), "unknown");
  us.expiry[peer.own_identity()] = now.system - std::chrono::seconds(1);
  expect_refused(*make_handshake(peer, tls.peer_hash), "gossipping peer identity expired");
}

TEST_F(GossipHandshake, ItsOwnerMustHaveSignedIt) {
  auto forged = (*make_handshake(peer, tls.peer_hash))->message;
  const auto message = make_signed(forged, [&](BytesView bytes) { return us.sign(bytes); });
  EXPECT_FALSE(check(*message));
  EXPECT_FALSE(check(make_unsigned(forged)));
}

}  // namespace
}  // namespace selvage::gossip
