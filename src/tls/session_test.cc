#include "tls/session.h"

#include <gtest/gtest.h>

#include "kit/handshakes.h"
#include "tls/binding.h"

namespace selvage::tls {
namespace {

using test::converse;
using test::Conversation;

// A server and a client that do all right; each test spoils one thing before it calls begin().
struct Pair {
  test::Authority ca{"tlsca.org1"};
  test::Identity server = ca.server("peer0.org1", {"localhost", "127.0.0.1"});
  std::shared_ptr<CredentialStore> client_credentials = test::credentials(ca.client("app1"), "client");
  std::shared_ptr<TrustStore> server_trust = test::trust({ca.certificate()});
  std::shared_ptr<TrustStore> client_trust = test::trust({ca.certificate()});
  std::shared_ptr<test::StillClock> clock = std::make_shared<test::StillClock>();
  ServerPolicy server_policy;
  ClientPolicy client_policy;
  std::string host = "localhost";
  std::unique_ptr<ServerContext> server_context;
  std::unique_ptr<ClientContext> client_context;

  Conversation begin() {
    server_policy.client_auth_setting.key = "CORE_PEER_TLS_CLIENTAUTHREQUIRED";
    server_policy.client_roots_setting.key = "CORE_PEER_TLS_CLIENTROOTCAS_FILES";
    client_policy.is_cli = true;
    server_context = std::make_unique<ServerContext>(test::credentials(server), server_trust, server_policy, clock);
    client_context = std::make_unique<ClientContext>(client_credentials, client_trust, client_policy, clock);
    return converse(*client_context, *server_context, host);
  }
};

TEST(Session, OpensWithMutualTls13AndCarriesBytesBothWays) {
  Pair pair;
  Conversation talk = pair.begin();
  ASSERT_TRUE(talk.opens());
  const SessionFacts& facts = talk.server->facts();
  EXPECT_EQ(facts.version, "TLS 1.3");
  EXPECT_EQ(facts.cipher, "TLS_AES_128_GCM_SHA256");
  EXPECT_EQ(facts.group, "X25519");
  EXPECT_EQ(facts.alpn, "h2");
  EXPECT_TRUE(facts.peer_verified);
  ASSERT_EQ(facts.peer_chain.size(), 1u);
  EXPECT_EQ(facts.peer_chain[0].common_name(), "app1");
  EXPECT_EQ(talk.client->facts().peer_chain.at(0), pair.server.certificate);
  Bytes big(100000, 'x');
  EXPECT_TRUE(talk.client->send(big));
  EXPECT_TRUE(talk.server->send("hello"));
  talk.run();
  EXPECT_EQ(talk.server_heard, big);
  EXPECT_EQ(talk.client_heard, "hello");
}

TEST(Session, SendsFullRecordsWhateverItIsGiven) {
  Pair pair;
  Conversation talk = pair.begin();
  ASSERT_TRUE(talk.opens());
  ASSERT_TRUE(talk.server->send(Bytes(40000, 'x')));
  // 40,000 bytes are three records, each with 22 bytes around it.
  EXPECT_EQ(talk.server->output().size(), 40000u + 3 * 22);
}

TEST(Session, IsReadInPiecesWhileMoreIsSent) {
  Pair pair;
  Conversation talk = pair.begin();
  ASSERT_TRUE(talk.opens());
  Bytes sent;
  for (int i = 0; i < 100; ++i) {  // what is sent and what is carried away never meet
    Bytes message(10000, static_cast<char>('a' + i % 26));
    sent += message;
    ASSERT_TRUE(talk.server->send(message));
    Bytes piece(talk.server->output().substr(0, 9000));
    talk.server->consume_output(piece.size());
    talk.client->receive(piece, talk.client_heard);
  }
  talk.run();
  EXPECT_EQ(talk.client_heard, sent);
}

TEST(Session, HearsBytesThatComeOneByOne) {
  Pair pair;
  Conversation talk = pair.begin();
  talk.client->receive("", talk.client_heard);
  for (int turn = 0; turn < 20; ++turn) {
    for (auto [from, to, heard] : {std::tuple(talk.client.get(), talk.server.get(), &talk.server_heard),
                                   std::tuple(talk.server.get(), talk.client.get(), &talk.client_heard)}) {
      Bytes bytes(from->output());
      from->consume_output(bytes.size());
      for (char byte : bytes) to->receive(BytesView(&byte, 1), *heard);
    }
    if (turn == 10) {
      ASSERT_EQ(talk.server->state(), Session::State::kOpen);
      ASSERT_TRUE(talk.client->send("late"));
    }
  }
  EXPECT_EQ(talk.server_heard, "late");
}

TEST(Session, ExportsTheSameKeyOnBothSides) {
  Pair pair;
  Conversation talk = pair.begin();
  EXPECT_FALSE(talk.client->export_key("label", "context", 32));
  ASSERT_TRUE(talk.opens());
  Bytes key = talk.client->export_key("orderer v3 authentication label", "context", 32).value();
  EXPECT_EQ(key.size(), 32u);
  EXPECT_EQ(talk.server->export_key("orderer v3 authentication label", "context", 32).value(), key);
  EXPECT_NE(talk.server->export_key("orderer v3 authentication label", "another", 32).value(), key);
}

TEST(Session, SaysGoodbye) {
  Pair pair;
  Conversation talk = pair.begin();
  ASSERT_TRUE(talk.opens());
  talk.client->close();
  talk.run();
  EXPECT_EQ(talk.client->state(), Session::State::kClosed);
  EXPECT_EQ(talk.server->state(), Session::State::kPeerClosed);
  EXPECT_FALSE(talk.client->send("x"));
  EXPECT_EQ(talk.server->failure(), nullptr);
}

TEST(Session, TrustThatChangesAppliesToNewHandshakesOnly) {
  Pair pair;
  Conversation before = pair.begin();
  ASSERT_TRUE(before.opens());
  test::Authority other("tlsca.org2");
  pair.server_trust->set_source("files", test::trust({other.certificate()})->current()->roots());
  Conversation after = converse(*pair.client_context, *pair.server_context);
  EXPECT_FALSE(after.opens());
  EXPECT_TRUE(before.client->send("still here"));
  before.run();
  EXPECT_EQ(before.server_heard, "still here");
  pair.server_trust->set_source("channel ch1", test::trust({pair.ca.certificate()})->current()->roots());
  EXPECT_TRUE(converse(*pair.client_context, *pair.server_context).opens());
}

TEST(Session, CredentialsThatChangeApplyToNewHandshakesOnly) {
  Pair pair;
  Conversation before = pair.begin();
  ASSERT_TRUE(before.opens());
  test::Identity renewed = pair.ca.server("peer0.org1", {"localhost"});
  auto store = pair.server_context->credentials();
  ASSERT_TRUE(store->renew(test::credentials(renewed)->current(), test::kGoodNow));
  Conversation after = converse(*pair.client_context, *pair.server_context);
  ASSERT_TRUE(after.opens());
  EXPECT_EQ(after.client->facts().peer_chain.at(0), renewed.certificate);
  EXPECT_TRUE(before.client->send("x"));
}

TEST(Session, CredentialsThatAreWorseAreNotTaken) {
  Pair pair;
  auto store = test::credentials(pair.server);
  auto renew = [&](const test::Spoil& spoil) {
    return store->renew(test::credentials(pair.ca.server("peer0.org1", {"localhost"}, spoil))->current(), test::kGoodNow);
  };
  EXPECT_FALSE(renew([](auto& r) { r.not_after = test::kGoodNow - std::chrono::hours(1); }));
  EXPECT_FALSE(renew([](auto& r) { r.not_before = test::kGoodNow + std::chrono::hours(1); }));
  EXPECT_FALSE(renew([](auto& r) { r.extended_key_usages = {std::string(crypto::kServerAuth)}; }));
  EXPECT_EQ(store->current()->leaf(), pair.server.certificate);
  EXPECT_TRUE(renew({}));
}

TEST(Session, AsksForACertificateWithoutDemandingOneWhenToldSo) {
  Pair pair;
  pair.server_policy.client_auth = ClientAuth::kRequest;
  test::Authority stranger("stranger");
  pair.client_credentials = test::credentials(stranger.client("app"), "client");
  Conversation talk = pair.begin();
  ASSERT_TRUE(talk.opens());
  EXPECT_FALSE(talk.server->facts().peer_verified);
  EXPECT_EQ(talk.server->facts().peer_chain.size(), 1u);
  pair.client_credentials = test::no_credentials();
  EXPECT_TRUE(pair.begin().opens());
  pair.server_policy.client_auth = ClientAuth::kRequireAny;
  EXPECT_FALSE(pair.begin().opens());
  pair.server_policy.client_auth = ClientAuth::kVerifyIfGiven;
  EXPECT_TRUE(pair.begin().opens());
  pair.client_credentials = test::credentials(stranger.client("app"), "client");
  EXPECT_FALSE(pair.begin().opens());
  pair.server_policy.client_auth = ClientAuth::kNone;
  Conversation without = pair.begin();
  ASSERT_TRUE(without.opens());
  EXPECT_TRUE(without.server->facts().peer_chain.empty());
}

TEST(Session, ShiftsTheTimeThatDatesAreHeldAgainst) {
  Pair pair;
  pair.clock->set(test::kGoodUntil + std::chrono::days(10));
  EXPECT_FALSE(pair.begin().opens());
  pair.server_policy.time_shift = std::chrono::days(20);
  pair.client_policy.time_shift = std::chrono::days(20);
  EXPECT_TRUE(pair.begin().opens());
}

TEST(Session, VerifiesTheOverrideInPlaceOfTheDialledName) {
  Pair pair;
  pair.host = "10.1.2.3";
  EXPECT_FALSE(pair.begin().opens());
  pair.client_policy.server_name_override = "localhost";
  EXPECT_TRUE(pair.begin().opens());
  pair.client_policy.server_name_override = "";
  pair.host = "127.0.0.1";
  EXPECT_TRUE(pair.begin().opens());
}

TEST(Session, AsksThePinAfterTheChain) {
  Pair pair;
  pair.client_policy.pin = [&](const crypto::Certificate& leaf) -> Status {
    if (leaf == pair.server.certificate) return {};
    return fail(Code::kUnauthenticated, "public key of server certificate doesn't match the expected public key");
  };
  EXPECT_TRUE(pair.begin().opens());
  pair.server = pair.ca.server("peer0.org1", {"localhost"});
  test::Identity expected = pair.ca.server("peer0.org1", {"localhost"});
  pair.client_policy.pin = [&](const crypto::Certificate&) -> Status { return fail(Code::kUnauthenticated, "another key"); };
  Conversation talk = pair.begin();
  EXPECT_FALSE(talk.opens());
  EXPECT_EQ(talk.client->diagnosis()->code, "TLS-51");
  EXPECT_EQ(talk.client->failure()->error, "another key");
  EXPECT_EQ(talk.server->failure()->error, "remote error: tls: bad certificate");
}

TEST(Session, ThatRefusesAServerSendsItNeitherCertificateNorGoodEnd) {
  Pair pair;
  pair.client_trust = test::trust({test::Authority("another").certificate()});
  Conversation talk = pair.begin();
  talk.client->receive("", talk.client_heard);
  Bytes hello(talk.client->output());
  talk.client->consume_output(hello.size());
  talk.server->receive(hello, talk.server_heard);
  talk.client->receive(talk.server->output(), talk.client_heard);
  ASSERT_EQ(talk.client->state(), Session::State::kFailed);
  EXPECT_TRUE(talk.client->wants_linger());
  // change_cipher_spec, and one protected record with an alert in it.
  EXPECT_EQ(talk.client->output().size(), 6u + 5 + 3 + 16);
  EXPECT_EQ(talk.client->output()[6], 23);
  EXPECT_FALSE(talk.client->send("secret"));
  talk.server->receive(talk.client->output(), talk.server_heard);
  EXPECT_EQ(talk.server->failure()->error, "remote error: tls: bad certificate");
}

TEST(Session, TakesOldGrpcsProtocolNameAndRefusesOthers) {
  Pair pair;
  pair.client_policy.alpn = {"grpc-exp"};
  Conversation old = pair.begin();
  ASSERT_TRUE(old.opens());
  EXPECT_EQ(old.server->facts().alpn, "grpc-exp");
  pair.client_policy.alpn = {};
  EXPECT_TRUE(pair.begin().opens());
  pair.client_policy.alpn = {"http/1.1"};
  Conversation talk = pair.begin();
  EXPECT_FALSE(talk.opens());
  EXPECT_EQ(talk.server->failure()->error, "tls: client requested unsupported application protocols ([\"http/1.1\"])");
  EXPECT_EQ(talk.client->failure()->alert_received, kAlertNoApplicationProtocol);
}

TEST(Session, ExplainsInsteadOfRefusingWhenToldSo) {
  Pair pair;
  pair.server_policy.explain = Explain::kClient;
  EXPECT_FALSE([&] { auto talk = pair.begin(); return talk.opens() && talk.server->refused(); }());
  pair.client_credentials = test::credentials(test::Authority("tlsca.org2").client("app2"), "client");
  Conversation talk = pair.begin();
  ASSERT_TRUE(talk.opens());
  EXPECT_TRUE(talk.server->refused());
  EXPECT_FALSE(talk.server->facts().peer_verified);
  std::string told = to_client_sentence(*talk.server->failure(), *talk.server->diagnosis());
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "subject CN=app2, issuer CN=tlsca.org2", told);
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "accepted: CN=tlsca.org1", told);
  pair.client_credentials = test::no_credentials();
  Conversation none = pair.begin();
  ASSERT_TRUE(none.opens());
  EXPECT_TRUE(none.server->refused());
}

TEST(Session, TellsPlaintextFromTls) {
  Pair pair;
  Conversation talk = pair.begin();
  talk.server->receive("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", talk.server_heard);
  ASSERT_EQ(talk.server->state(), Session::State::kFailed);
  EXPECT_EQ(talk.server->failure()->error, "tls: first record does not look like a TLS handshake");
  EXPECT_EQ(talk.server->diagnosis()->code, "TLS-42");
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "plaintext HTTP/2 (gRPC) client", talk.server->diagnosis()->cause);
  talk.client->receive("HTTP/1.1 400 Bad Request\r\n", talk.client_heard);
  EXPECT_EQ(talk.client->diagnosis()->code, "TLS-43");
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "HTTP/1.1 400 Bad Request", talk.client->diagnosis()->cause);
}

TEST(Session, CallsAConnectionWithoutAWordNoise) {
  Pair pair;
  Conversation talk = pair.begin();
  talk.server->receive_end();
  EXPECT_EQ(talk.server->failure()->error, "EOF");
  EXPECT_TRUE(talk.server->diagnosis()->noise);
}

TEST(Session, WithoutUsableCredentialsFailsAndSaysWhy) {
  auto context = ServerContext(test::no_credentials(), nullptr, {});
  EXPECT_FALSE(context.check());
  auto session = context.accept("10.0.0.7:1");
  EXPECT_EQ(session->state(), Session::State::kFailed);
  EXPECT_EQ(session->failure()->error, "tls: no certificates configured");
}

TEST(Session, SurvivesGarbageInEveryState) {
  Pair pair;
  Conversation open = pair.begin();
  ASSERT_TRUE(open.opens());
  open.server->receive(Bytes(100, '\x17'), open.server_heard);
  EXPECT_EQ(open.server->state(), Session::State::kFailed);
  open.server->receive("more", open.server_heard);
  EXPECT_TRUE(open.server->wants_linger());
  Conversation fresh = pair.begin();
  fresh.server->receive("\x16\x03\x01\xff\xff" + Bytes(1000, 'x'), fresh.server_heard);
  EXPECT_EQ(fresh.server->state(), Session::State::kFailed);
}

TEST(Session, TellsASuiteThatHasNoNameByItsNumber) {
  Pair pair;
  Conversation talk = pair.begin();
  // GOST2012-GOST8912-GOST8912 alone, without extensions.
  const Bytes body = Bytes("\x03\x03", 2) + Bytes(32, 'r') + Bytes("\x00\x00\x02\xff\x85\x01\x00", 7);
  const Bytes message = Bytes("\x01\x00\x00", 3) + static_cast<char>(body.size()) + body;
  talk.server->receive(Bytes("\x16\x03\x01\x00", 4) + static_cast<char>(message.size()) + message, talk.server_heard);
  ASSERT_EQ(talk.server->state(), Session::State::kFailed);
  EXPECT_EQ(talk.server->failure()->ciphers_offered, std::vector<std::string>{"0xff85"});
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "no cipher suite supported by both", talk.server->failure()->error);
}

TEST(Session, HasABindingThatIsTheHashOfTheClientsCertificate) {
  Pair pair;
  Conversation talk = pair.begin();
  ASSERT_TRUE(talk.opens());
  const auto& leaf = talk.server->facts().peer_chain.at(0);
  EXPECT_EQ(certificate_hash(leaf.der()), leaf.sha256());
  EXPECT_TRUE(check_binding(leaf.sha256(), certificate_hash(leaf.der())));
  EXPECT_EQ(check_binding("", leaf.sha256()).error().message, "client didn't include its TLS cert hash");
  EXPECT_EQ(check_binding("\1", "").error().message, "client didn't send a TLS certificate");
  EXPECT_EQ(check_binding("\1\2", "\3\xff").error().message,
            "claimed TLS cert hash is [1 2] but actual TLS cert hash is [3 255]");
}

}  // namespace
}  // namespace selvage::tls
