#include "tls/diagnosis.h"

#include <gtest/gtest.h>

#include "kit/handshakes.h"

namespace selvage::tls {
namespace {

using test::converse;
using test::Conversation;
using testing::IsSubstring;

// Mutual TLS that works; each test spoils one thing and looks at what both ends say.
class Refusals : public testing::TestWithParam<int> {
 protected:
  test::Authority ca{"tlsca.org1", [](auto& r) { r.subject.organization = {"Org1"}; }};
  test::Identity server = ca.server("peer0.org1", {"localhost", "127.0.0.1"});
  test::Identity client = ca.client("app1");
  bool client_has_certificate = true;
  std::vector<crypto::Certificate> server_roots{ca.certificate()}, client_roots{ca.certificate()};
  std::string host = "localhost";
  ClientPolicy client_policy;
  SystemTime now = test::kGoodNow;

  Conversation talk;
  std::unique_ptr<ServerContext> server_context;
  std::unique_ptr<ClientContext> client_context;

  std::string other_key;

  void run() {
    ServerPolicy policy;
    policy.listener = "PeerServer";
    policy.other_key_expected = [this](const crypto::Certificate& ours) {
      EXPECT_EQ(ours, server.certificate);
      return other_key;
    };
    policy.client_auth_setting.key = "CORE_PEER_TLS_CLIENTAUTHREQUIRED";
    policy.client_roots_setting.key = "CORE_PEER_TLS_CLIENTROOTCAS_FILES";
    client_policy.is_cli = true;
    client_policy.tls12_only = GetParam() == 12;
    client_policy.roots_setting.key = "--cafile";
    auto clock = std::make_shared<test::StillClock>(now);
    server_context = std::make_unique<ServerContext>(test::credentials(server), test::trust(server_roots), policy, clock);
    client_context = std::make_unique<ClientContext>(
        client_has_certificate ? test::credentials(client, "client") : test::no_credentials(), test::trust(client_roots),
        client_policy, clock);
    talk = converse(*client_context, *server_context, host);
    talk.run();
  }

  // The server refused the client: code, alert and what the first line says.
  void expect_refused(const std::string& code, int alert, const std::string& error) {
    ASSERT_EQ(talk.server->state(), Session::State::kFailed);
    EXPECT_EQ(talk.server->diagnosis()->code, code) << talk.server->diagnosis()->cause;
    EXPECT_PRED_FORMAT2(IsSubstring, error, talk.server->failure()->error);
    EXPECT_EQ(talk.server->failure()->alert_sent, alert);
    EXPECT_TRUE(talk.server->wants_linger());
    ASSERT_EQ(talk.client->state(), Session::State::kFailed);
    EXPECT_EQ(talk.client->failure()->alert_received, alert);
    EXPECT_EQ(talk.client->failure()->error, "remote error: tls: " + alert_text(alert));
  }
  [[nodiscard]] const Diagnosis& server_says() { return *talk.server->diagnosis(); }
  [[nodiscard]] const Diagnosis& client_says() { return *talk.client->diagnosis(); }
};

INSTANTIATE_TEST_SUITE_P(BothVersions, Refusals, testing::Values(12, 13),
                         [](const auto& info) { return info.param == 12 ? "Tls12" : "Tls13"; });

TEST_P(Refusals, DoNotHappenWhenAllIsWell) {
  run();
  EXPECT_EQ(talk.server->state(), Session::State::kOpen);
  EXPECT_EQ(talk.server->facts().version, GetParam() == 12 ? "TLS 1.2" : "TLS 1.3");
}

TEST_P(Refusals, T01NoClientCertificate) {
  client_has_certificate = false;
  run();
  int alert = GetParam() == 12 ? kAlertHandshakeFailure : kAlertCertificateRequired;
  expect_refused("TLS-01", alert, "tls: client didn't provide a certificate");
  EXPECT_PRED_FORMAT2(IsSubstring, "10.0.0.7 sent no client certificate", server_says().cause);
  EXPECT_PRED_FORMAT2(IsSubstring, "CORE_PEER_TLS_CLIENTAUTHREQUIRED", server_says().cause);
  EXPECT_PRED_FORMAT2(IsSubstring, "CN=tlsca.org1,O=Org1 [CORE_PEER_TLS_CLIENTROOTCAS_FILES: /etc/fabric/tls/ca.crt]",
                      server_says().cause);
  EXPECT_EQ(server_says().fault, Fault::kClient);
  EXPECT_EQ(client_says().code, "TLS-01");
  EXPECT_PRED_FORMAT2(IsSubstring, "CN=tlsca.org1,O=Org1", client_says().cause);
  EXPECT_PRED_FORMAT2(IsSubstring, "--clientauth --certfile", client_says().remedy);
  EXPECT_TRUE(client_says().permanent);
}

TEST_P(Refusals, T02CertificateOfAnotherCa) {
  client = test::Authority("tlsca.org2").client("app2");
  run();
  expect_refused("TLS-02", kAlertUnknownCa, "tls: failed to verify certificate: x509: certificate signed by unknown authority");
  EXPECT_PRED_FORMAT2(IsSubstring, "issued by CN=tlsca.org2", server_says().cause);
  EXPECT_PRED_FORMAT2(IsSubstring, "CORE_PEER_TLS_CLIENTROOTCAS_FILES", server_says().remedy);
  EXPECT_PRED_FORMAT2(IsSubstring, "subject CN=app2  issuer CN=tlsca.org2  serial", server_says().certificate);
  EXPECT_EQ(client_says().code, "TLS-02");
  EXPECT_PRED_FORMAT2(IsSubstring, "the server accepts CN=tlsca.org1,O=Org1", client_says().cause);
  EXPECT_PRED_FORMAT2(IsSubstring, "CORE_PEER_TLS_CLIENTCERT_FILE: /etc/fabric/tls/client.crt", client_says().cause);
}

TEST_P(Refusals, T02CertificateOfAnotherDomainIsNoMissingIntermediate) {
  ca = test::Authority("tlsca.org1.example.com");
  server_roots = {ca.certificate()};
  client = test::Authority("tlsca.example.com").client("Admin@example.com");
  run();
  EXPECT_EQ(server_says().code, "TLS-02");
}

TEST_P(Refusals, T02CertificateThatALibraryMadeItself) {
  auto key = crypto::PrivateKey::generate_p256().value();
  auto request = test::Authority::leaf_request("fabric-common");
  client = test::Identity{crypto::issue_self_signed(request, key).value(), key, {}};
  run();
  expect_refused("TLS-02", kAlertUnknownCa, "unknown authority");
  EXPECT_PRED_FORMAT2(IsSubstring, "signed by itself", server_says().cause);
}

TEST_P(Refusals, T03CaOfTheSameNameWithAnotherKey) {
  test::Authority again("tlsca.org1", [](auto& r) { r.subject.organization = {"Org1"}; });
  client = again.client("app1");
  run();
  expect_refused("TLS-03", kAlertUnknownCa, "x509: ECDSA verification failure");
  EXPECT_PRED_FORMAT2(IsSubstring, "Two generations", server_says().cause);
  EXPECT_PRED_FORMAT2(IsSubstring, to_hex(ca.certificate().subject_key_id().substr(0, 4)), server_says().cause);
  EXPECT_PRED_FORMAT2(IsSubstring, to_hex(again.certificate().subject_key_id().substr(0, 4)), server_says().cause);
  EXPECT_EQ(client_says().code, "TLS-03");
}

TEST_P(Refusals, T04EnrolmentCertificateUsedForTls) {
  client = test::Authority("ca.org1").member("User1@org1", "client");
  run();
  expect_refused("TLS-04", kAlertUnknownCa, "unknown authority");
  EXPECT_PRED_FORMAT2(IsSubstring, "enrolment certificate", server_says().cause);
  EXPECT_PRED_FORMAT2(IsSubstring, "signcerts", server_says().remedy);
  EXPECT_EQ(client_says().code, "TLS-04");
}

TEST_P(Refusals, T05ServerTrustsTheIdentityCa) {
  test::Authority identity_ca("ca.org1");
  server_roots = {identity_ca.certificate()};
  client = test::Authority("tlsca.org1").client("app1");
  run();
  expect_refused("TLS-05", kAlertUnknownCa, "unknown authority");
  EXPECT_EQ(server_says().fault, Fault::kServer);
  EXPECT_PRED_FORMAT2(IsSubstring, "identity CA", server_says().cause);
  EXPECT_PRED_FORMAT2(IsSubstring, "tlscacerts", server_says().remedy);
  EXPECT_EQ(client_says().code, "TLS-05");
  EXPECT_EQ(client_says().fault, Fault::kServer);
}

TEST_P(Refusals, T05IsSeenAlsoWhenTheClientsLibraryWithholdsItsCertificate) {
  server_roots = {test::Authority("ca.org1").certificate()};
  client_has_certificate = false;
  run();
  EXPECT_EQ(server_says().code, "TLS-05");
  EXPECT_PRED_FORMAT2(IsSubstring, "tlsca.org1", server_says().remedy);
}

TEST_P(Refusals, T06CertificateForServersOnly) {
  client = ca.client("peer0", [](auto& r) { r.extended_key_usages = {std::string(crypto::kServerAuth)}; });
  run();
  expect_refused("TLS-06", kAlertUnsupportedCertificate,
                 "tls: failed to verify certificate: x509: certificate specifies an incompatible key usage");
  EXPECT_PRED_FORMAT2(IsSubstring, "clientAuth", server_says().remedy);
  EXPECT_EQ(client_says().code, "TLS-06");
}

TEST_P(Refusals, T07CertificateHasExpired) {
  client = ca.client("app1", [](auto& r) { r.not_after = test::kGoodNow - std::chrono::days(691); });
  run();
  expect_refused("TLS-07", kAlertCertificateExpired,
                 "x509: certificate has expired or is not yet valid: current time 2026-11-23T00:00:00Z is after 2025-01-01T00:00:00Z");
  EXPECT_PRED_FORMAT2(IsSubstring, "expired on 2025-01-01, 691 days ago", server_says().cause);
  EXPECT_PRED_FORMAT2(IsSubstring, "reenroll", server_says().remedy);
  EXPECT_EQ(client_says().code, "TLS-07");
}

TEST_P(Refusals, T07CertificateThatExpiredBeforeNanosecondsBegin) {
  client = ca.client("app1", [](auto& r) {
    r.not_before = std::chrono::sys_days(std::chrono::January / 1 / 1500);
    r.not_after = std::chrono::sys_days(std::chrono::January / 1 / 1600);
  });
  run();
  EXPECT_PRED_FORMAT2(IsSubstring, "expired on 1600-01-01, 155920 days ago", server_says().cause);
}

TEST_P(Refusals, T08CertificateIsNotYetValid) {
  client = ca.client("app1", [](auto& r) { r.not_before = test::kGoodNow + std::chrono::days(30); });
  run();
  expect_refused("TLS-08", kAlertCertificateExpired, "is before 2026-12-23T00:00:00Z");
  EXPECT_PRED_FORMAT2(IsSubstring, "this host's clock says 2026-11-23T00:00:00Z", server_says().cause);
  EXPECT_EQ(client_says().code, "TLS-08");
}

TEST_P(Refusals, T09IntermediateIsNotSent) {
  test::Authority ica = ca.intermediate("ica.org1", [](auto& r) { r.subject.organization = {"Org1"}; });
  client = ica.client("app1");
  client.intermediates.clear();
  client_roots.push_back(ica.certificate());
  run();
  expect_refused("TLS-09", kAlertUnknownCa, "unknown authority");
  EXPECT_PRED_FORMAT2(IsSubstring, "CN=ica.org1", server_says().cause);
  EXPECT_PRED_FORMAT2(IsSubstring, "cat client.crt ica.crt", server_says().remedy);
  EXPECT_EQ(client_says().code, "TLS-09");
  client.intermediates = {ica.certificate()};
  run();
  EXPECT_EQ(talk.server->state(), Session::State::kOpen);
}

TEST_P(Refusals, T10CaCertificateHasExpired) {
  ca = test::Authority("tlsca.org1", [](auto& r) { r.not_after = test::kGoodNow - std::chrono::days(1); });
  client = ca.client("app1");
  server_roots = {ca.certificate()};
  run();
  expect_refused("TLS-10", kAlertCertificateExpired, "x509: certificate has expired");
  EXPECT_PRED_FORMAT2(IsSubstring, "the CA certificate CN=tlsca.org1 [CORE_PEER_TLS_CLIENTROOTCAS_FILES", server_says().cause);
  EXPECT_PRED_FORMAT2(IsSubstring, "own certificate CN=app1 is fine until 2034-01-01", server_says().cause);
  EXPECT_EQ(client_says().code, "TLS-10");
}

TEST_P(Refusals, T11RootThatIsNoCa) {
  test::Authority no_ca("tlsca.org3", [](auto& r) { r.is_ca = false; });
  server_roots = {no_ca.certificate()};
  client = no_ca.client("app1");
  run();
  expect_refused("TLS-11", kAlertUnknownCa, "parent certificate cannot sign this kind of certificate");
}

// OpenSSL would not present such a certificate, so the chain is judged without a connection.
TEST(Diagnosis, T12WeakSignature) {
  test::Authority ca("tlsca.org1");
  Evidence seen;
  seen.peer_address = "10.0.0.7:51234";
  seen.peer_chain = {ca.client("app1", [](auto& r) { r.sha1_signature = true; }).certificate};
  seen.trust = test::trust({ca.certificate()})->current();
  PeerCheck check;
  check.now = test::kGoodNow;
  seen.refusal = verify_peer(seen.peer_chain, *seen.trust, check);
  ASSERT_TRUE(seen.refusal);
  seen.error = seen.refusal->text;
  EXPECT_PRED_FORMAT2(IsSubstring, "insecure algorithm ECDSA-SHA1", seen.error);
  EXPECT_EQ(explain(seen).code, "TLS-12");
}

// The client refuses the server.

TEST_P(Refusals, T25ClientHasAnotherCa) {
  client_roots = {test::Authority("ca.org1").certificate()};
  run();
  ASSERT_EQ(talk.client->state(), Session::State::kFailed);
  EXPECT_EQ(client_says().code, "TLS-25");
  EXPECT_EQ(talk.client->failure()->error, "tls: failed to verify certificate: x509: certificate signed by unknown authority");
  EXPECT_PRED_FORMAT2(IsSubstring, "identity CA", client_says().cause);
  EXPECT_PRED_FORMAT2(IsSubstring, "--cafile", client_says().remedy);
  ASSERT_EQ(talk.server->state(), Session::State::kFailed);
  EXPECT_EQ(talk.server->failure()->error, "remote error: tls: bad certificate");
  EXPECT_EQ(server_says().code, "TLS-25");
  EXPECT_PRED_FORMAT2(IsSubstring, "refused our certificate", server_says().cause);
}

TEST_P(Refusals, T51AnotherOrdererPinsAnotherKeyAsThisNodeKnowsItself) {
  client_policy.pin = [](const crypto::Certificate&) { return fail(Code::kPermissionDenied, "another key is expected"); };
  run();
  EXPECT_EQ(client_says().code, "TLS-51");
  EXPECT_EQ(server_says().code, "TLS-25") << "nothing says that it is the key";
  other_key = "channel ch1 has another key for the consenter orderer0:7050";
  run();
  EXPECT_EQ(server_says().code, "TLS-51");
  EXPECT_PRED_FORMAT2(IsSubstring, other_key, server_says().cause);
  EXPECT_PRED_FORMAT2(IsSubstring, "selvage rotate orderer", server_says().remedy);
  EXPECT_PRED_FORMAT2(IsSubstring, "TLS-25", server_says().remedy);
}

TEST_P(Refusals, T25OfACertificateThatNeverEndsIsNotCalledExpired) {
  server = ca.server("peer0", {"localhost"}, [](auto& r) { r.not_after = std::chrono::sys_days(std::chrono::year(9999) / 12 / 31); });
  client_roots = {test::Authority("another").certificate()};
  run();
  EXPECT_EQ(client_says().code, "TLS-25");
  EXPECT_EQ(server_says().code, "TLS-25");
}

TEST_P(Refusals, T26ServerCertificateHasExpired) {
  server = ca.server("peer0", {"localhost"}, [](auto& r) { r.not_after = test::kGoodNow - std::chrono::days(2); });
  run();
  EXPECT_EQ(client_says().code, "TLS-26");
  EXPECT_EQ(client_says().fault, Fault::kServer);
  EXPECT_EQ(server_says().code, "TLS-26");
  EXPECT_PRED_FORMAT2(IsSubstring, "CORE_PEER_TLS_CERT_FILE: /etc/fabric/tls/server.crt", server_says().cause);
}

TEST_P(Refusals, T28NameIsNotAmongThoseOfTheCertificate) {
  host = "peer9.org1";
  run();
  EXPECT_EQ(client_says().code, "TLS-28");
  EXPECT_EQ(talk.client->failure()->error,
            "tls: failed to verify certificate: x509: certificate is valid for localhost, not peer9.org1");
  EXPECT_EQ(server_says().code, "TLS-28");  // the client told by SNI what it dialled
  EXPECT_PRED_FORMAT2(IsSubstring, "peer9.org1", server_says().cause);
}

TEST_P(Refusals, T29ToT35OtherNames) {
  server = ca.server("peer0", {});
  run();
  EXPECT_EQ(client_says().code, "TLS-29");
  server = ca.server("peer0", {"localhost"});
  host = "127.0.0.1";
  run();
  EXPECT_EQ(client_says().code, "TLS-30");
  server = ca.server("peer0", {"localhost", "127.0.0.1"});
  host = "0.0.0.0";
  run();
  EXPECT_EQ(client_says().code, "TLS-31");
  host = "localhost";
  client_policy.server_name_override = "peer0.x";
  client_policy.server_name_setting.key = "CORE_PEER_TLS_SERVERHOSTOVERRIDE";
  run();
  EXPECT_EQ(client_says().code, "TLS-34");
  EXPECT_PRED_FORMAT2(IsSubstring, "CORE_PEER_TLS_SERVERHOSTOVERRIDE", client_says().cause);
  client_policy.server_name_override = "";
  server = ca.server("peer0", {"localhost"}, [](auto& r) { r.extended_key_usages = {std::string(crypto::kClientAuth)}; });
  run();
  EXPECT_EQ(client_says().code, "TLS-32");
  EXPECT_EQ(server_says().code, "TLS-32");
}

TEST_P(Refusals, T30IsSeenByAServerThatNobodyNamed) {
  server = ca.server("peer0", {"localhost"});
  host = "127.0.0.1";
  run();
  EXPECT_EQ(server_says().code, "TLS-30");
  EXPECT_PRED_FORMAT2(IsSubstring, "holds names only: localhost", server_says().cause);
}

TEST_P(Refusals, T33ServerDoesNotSendItsIntermediate) {
  test::Identity hidden = ca.intermediate("ica.org1").server("peer0.org1", {"localhost"});
  server = {hidden.certificate, hidden.key, {}};
  run();
  EXPECT_EQ(client_says().code, "TLS-33");
  EXPECT_EQ(client_says().fault, Fault::kServer);
  EXPECT_PRED_FORMAT2(IsSubstring, "its issuer CN=ica.org1 is neither in the chain that it sent (1 certificate) nor trusted",
                      client_says().cause);
  EXPECT_PRED_FORMAT2(IsSubstring, "--cafile", client_says().remedy);
}

TEST_P(Refusals, T35ServerPresentsItsCa) {
  server = {ca.certificate(), ca.key(), {}};
  run();
  EXPECT_EQ(client_says().code, "TLS-35");
  EXPECT_EQ(server_says().code, "TLS-35");
  EXPECT_PRED_FORMAT2(IsSubstring, "CORE_PEER_TLS_CERT_FILE: /etc/fabric/tls/server.crt", server_says().cause);
}

TEST_P(Refusals, T45ClientAtTheListenerForChaincode) {
  for (const char* name : {"chaincode authority of this peer", ""}) {  // ours; Fabric's has a serial number for a name
    test::Authority chaincode(name, [&](auto& r) {
      if (*name == 0) r.subject.serial_number = "31415926535897932384";
    });
    server = chaincode.server("127.0.0.1", {"127.0.0.1"});
    server_roots = {chaincode.certificate()};
    run();
    EXPECT_EQ(client_says().code, "TLS-45") << client_says().cause;
    EXPECT_EQ(server_says().code, "TLS-45") << server_says().cause;
    EXPECT_PRED_FORMAT2(IsSubstring, "main listener", client_says().remedy);
  }
}

TEST_P(Refusals, T49ProxyThatEndsTls) {
  test::Authority elsewhere("ingress authority");
  server = elsewhere.server("ingress.local", {"ingress.local"});
  run();
  EXPECT_EQ(client_says().code, "TLS-49");
  EXPECT_PRED_FORMAT2(IsSubstring, "presented CN=ingress.local", client_says().cause);
  EXPECT_PRED_FORMAT2(IsSubstring, "pass TLS through", client_says().remedy);
}

TEST(Diagnosis, T14T58OfWhatAClientIsTold) {
  test::Authority ca("tlsca.org1");
  Evidence seen;
  seen.our_side = Side::kClient;
  seen.peer_address = "orderer0:7050";
  seen.error = "remote error: tls: revoked certificate";
  seen.our_chain = {ca.client("app1").certificate};
  seen.acceptable_issuers = {"CN=tlsca.org1"};
  seen.now = to_system_time(test::kGoodNow);
  seen.alert_received = kAlertCertificateRevoked;
  EXPECT_EQ(explain(seen).code, "TLS-14");
  seen.alert_received = kAlertAccessDenied;
  EXPECT_EQ(explain(seen).code, "TLS-58");
  seen.alert_received = kAlertBadCertificate;  // nothing is wrong with it that a client could see
  EXPECT_EQ(explain(seen).code, "TLS-00");
}

TEST(Diagnosis, T44NamesTheCertificateOfAServerThatSpeaksNoHttp2) {
  test::Authority ca("tlsca.org1");
  Evidence seen;
  seen.our_side = Side::kClient;
  seen.peer_address = "orderer0:443";
  seen.error = "credentials: cannot check peer: missing selected ALPN property";
  seen.peer_chain = {ca.server("ingress.local", {"orderer0"}).certificate};
  EXPECT_EQ(explain(seen).code, "TLS-44");
  EXPECT_PRED_FORMAT2(IsSubstring, "its certificate is CN=ingress.local", explain(seen).cause);
  EXPECT_PRED_FORMAT2(IsSubstring, "TLS-49", explain(seen).remedy);
}

TEST(Diagnosis, T42T46TellGrpcFromHttpInPlaintext) {
  Evidence seen;
  seen.error = "tls: first record does not look like a TLS handshake";
  seen.first_bytes = "GET /participation/v1/channels HTTP/1.1\r\n";
  EXPECT_EQ(explain(seen).code, "TLS-42");  // on a gRPC listener: somebody's browser
  seen.server_policy.alpn = {"http/1.1"};
  EXPECT_EQ(explain(seen).code, "TLS-46");
  seen.first_bytes = "PRI * HTTP/2.0\r\n";
  EXPECT_EQ(explain(seen).code, "TLS-42");
}

TEST(Diagnosis, MakesOneRecordOfFourLines) {
  Diagnosis diagnosis{"TLS-07", "x509: ...", "it expired.", Fault::kClient, "renew it", "(unverified) subject CN=a", "1 root", false, true};
  EXPECT_EQ(to_record(diagnosis),
            "   why   TLS-07: it expired. The fault is on the client's side.\n   cert  (unverified) subject CN=a\n"
            "   trust 1 root\n   fix   renew it");
  EXPECT_PRED_FORMAT2(IsSubstring, "14 more times since the last such record from 10.0.0.7", to_record(diagnosis, 14, "10.0.0.7"));
}

TEST(Diagnosis, PrintsGosHandshakeLine) {
  Evidence seen;
  seen.error = "EOF";
  seen.duration = std::chrono::microseconds(1885);
  EXPECT_EQ(handshake_line(seen), "Server TLS handshake failed in 1.885ms with error EOF");
  seen.our_side = Side::kClient;
  seen.duration = std::chrono::seconds(61);
  EXPECT_EQ(handshake_line(seen), "Client TLS handshake failed after 1m1s with error: EOF");
}

TEST(Diagnosis, EscapesWhatAStrangerWrote) {
  test::Authority evil("evil\nERRO forged line", {});
  Evidence seen;
  seen.error = "tls: failed to verify certificate: x509: certificate signed by unknown authority";
  seen.peer_chain = {evil.client("a\x1b[31m" + std::string(2000, 'x')).certificate};
  seen.refusal = Refusal{Refusal::Kind::kChain, seen.error, crypto::ChainError{}, 48};
  Diagnosis diagnosis = explain(seen);
  std::string all = to_record(diagnosis);
  EXPECT_EQ(all.find('\x1b'), std::string::npos);
  EXPECT_EQ(all.find("\nERRO"), std::string::npos);
  EXPECT_LT(all.size(), 3000u);
}

TEST(Diagnosis, IsTheUnknownWhenNothingIsProven) {
  Evidence seen;
  seen.error = "tls: something new";
  EXPECT_EQ(explain(seen).code, "TLS-00");
  EXPECT_FALSE(explain(seen).permanent);
}

TEST(RecordLimiter, PrintsOneRecordAMinutePerSourceAndCode) {
  RecordLimiter limiter(std::chrono::seconds(60), 2);
  SteadyTime start{};
  EXPECT_TRUE(limiter.admit("10.0.0.7", "TLS-01", start).print);
  for (int i = 0; i < 14; ++i) EXPECT_FALSE(limiter.admit("10.0.0.7", "TLS-01", start + std::chrono::seconds(i)).print);
  EXPECT_TRUE(limiter.admit("10.0.0.7", "TLS-02", start).print);
  EXPECT_FALSE(limiter.admit("10.0.0.8", "TLS-01", start).print);  // full: bounded memory
  auto later = limiter.admit("10.0.0.7", "TLS-01", start + std::chrono::seconds(61));
  EXPECT_TRUE(later.print);
  EXPECT_EQ(later.seen_before, 14u);
  EXPECT_TRUE(limiter.admit("10.0.0.8", "TLS-01", start + std::chrono::seconds(61)).print);
}

}  // namespace
}  // namespace selvage::tls
