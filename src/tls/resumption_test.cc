#include "tls/resumption.h"

#include <gtest/gtest.h>

#include "kit/handshakes.h"
#include "kit/resuming_client.h"
#include "tls/binding.h"

namespace selvage::tls {
namespace {

using test::ResumingClient;

// A server that lets clients come back, and a client that was there once.
class Resumption : public ::testing::TestWithParam<int> {
 protected:
  test::Authority ca{"tlsca.org1"};
  test::Identity app = ca.client("app1");
  std::shared_ptr<CredentialStore> credentials = test::credentials(ca.server("peer0.org1", {"localhost"}));
  std::shared_ptr<TrustStore> trust = test::trust({ca.certificate()});
  std::shared_ptr<test::StillClock> clock = std::make_shared<test::StillClock>();
  ServerPolicy policy;
  ResumingClient client{&app, GetParam()};
  std::unique_ptr<ServerContext> server;
  std::unique_ptr<Session> session;

  Resumption() { policy.resumption = true; }
  bool connects() {
    if (!server) server = std::make_unique<ServerContext>(credentials, trust, policy, clock);
    session = server->accept("10.0.0.7:51234");
    return client.connect(*session);
  }
  bool comes_back() { return connects() && client.resumed() && session->facts().resumed; }
};
INSTANTIATE_TEST_SUITE_P(Tls, Resumption, ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& version) { return version.param == TLS1_3_VERSION ? "13" : "12"; });

TEST_P(Resumption, BringsBackTheClientsCertificateForBindings) {
  ASSERT_TRUE(connects());
  EXPECT_FALSE(session->facts().resumed);
  for (int again = 0; again < 3; ++again) {  // a resumed session's ticket is as good as a full one's
    ASSERT_TRUE(comes_back());
    ASSERT_EQ(session->facts().peer_chain.size(), 1u);
    EXPECT_EQ(session->facts().peer_chain[0].der(), app.certificate.der());
    EXPECT_EQ(session->facts().peer_chain[0].sha256(), app.certificate.sha256());
    EXPECT_TRUE(session->facts().peer_verified);
    EXPECT_EQ(session->failure(), nullptr);
    EXPECT_EQ(session->export_key("label", "context", 32).value().size(), 32u);
  }
}

TEST_P(Resumption, IsOffUnlessTurnedOn) {
  policy.resumption = false;
  ASSERT_TRUE(connects());
  ASSERT_TRUE(connects());
  EXPECT_FALSE(client.resumed());
}

TEST_P(Resumption, EndsWhenTheTrustedRootsChange) {
  ASSERT_TRUE(connects());
  test::Authority other("tlsca.org2");
  trust->set_source("channel ch1", {{other.certificate(), {}}});
  ASSERT_TRUE(connects());
  EXPECT_FALSE(client.resumed());
  EXPECT_TRUE(comes_back());  // with what the full handshake gave it
}

TEST_P(Resumption, IsNoWayInForAClientWhoseCaIsNoLongerTrusted) {
  ASSERT_TRUE(connects());
  test::Authority other("tlsca.org2");
  trust->set_source("files", {{other.certificate(), {}}});
  connects();
  EXPECT_EQ(session->state(), Session::State::kFailed);
  EXPECT_EQ(session->diagnosis()->code, "TLS-02");
}

TEST_P(Resumption, EndsWhenTheServersCertificateChanges) {
  ASSERT_TRUE(connects());
  credentials->replace(test::credentials(ca.server("peer0.org1", {"localhost"}))->current());
  ASSERT_TRUE(connects());
  EXPECT_FALSE(client.resumed());
}

TEST_P(Resumption, IsNotForACertificateThatHasExpiredMeanwhile) {
  ASSERT_TRUE(connects());
  clock->set(SystemTime(std::chrono::seconds(app.certificate.not_after().time_since_epoch()) + std::chrono::hours(1)));
  connects();
  EXPECT_FALSE(client.resumed());
  EXPECT_EQ(session->diagnosis()->code, "TLS-07");
}

TEST_P(Resumption, IsNeverForARefusedClientThatIsToldInWords) {
  policy.explain = Explain::kClient;
  test::Authority other("tlsca.org2");
  test::Identity stranger = other.client("app2");
  server = std::make_unique<ServerContext>(credentials, trust, policy, clock);
  for (const test::Identity* who : {static_cast<const test::Identity*>(nullptr), static_cast<const test::Identity*>(&stranger)}) {
    ResumingClient refused(who, GetParam());
    for (int i = 0; i < 2; ++i) {
      session = server->accept("10.0.0.7:51234");
      ASSERT_TRUE(refused.connect(*session));
      EXPECT_TRUE(session->refused());
      EXPECT_FALSE(refused.resumed());
    }
  }
}

TEST(ResumableSessions, KeepNoMoreThanTwoGenerations) {
  ResumableSessions store;
  for (size_t i = 0; i < 5 * ResumableSessions::kGeneration; ++i) {
    store.remember(std::to_string(i), ResumableSessions::Native(SSL_SESSION_new()));
    ASSERT_LE(store.size(), 2 * ResumableSessions::kGeneration);
  }
  EXPECT_TRUE(store.find(std::to_string(5 * ResumableSessions::kGeneration - 1)));
  EXPECT_FALSE(store.find("0"));
}

}  // namespace
}  // namespace selvage::tls
