#include "tls/live/visitors.h"

#include <gtest/gtest.h>

#include "kit/handshakes.h"

namespace selvage::tls {
namespace {

// A server that demands no certificate, and notes who comes.
struct Open {
  test::Authority ca{"tlsca.org1"}, other{"tlsca.org9"};
  std::shared_ptr<test::StillClock> clock = std::make_shared<test::StillClock>();
  ServerPolicy policy;
  std::shared_ptr<Visitors> visitors;
  std::unique_ptr<ServerContext> server;

  Open() {
    policy.client_auth = ClientAuth::kRequest;
    policy.listener = "PeerServer";
    visitors = std::make_shared<Visitors>(test::trust({ca.certificate()}), policy, clock);
    policy.on_visitor = [this](const auto& address, const auto& chain) { visitors->saw(address, chain); };
    server = std::make_unique<ServerContext>(test::credentials(ca.server("peer0.org1", {"localhost"})), nullptr, policy, clock);
  }
  void visit(std::shared_ptr<CredentialStore> with) {
    ClientContext client(std::move(with), test::trust({ca.certificate()}), {}, clock);
    auto talk = test::converse(client, *server);
    ASSERT_TRUE(talk.opens());  // whoever it is
  }
};

TEST(Visitors, AreServedAndToldApartByWhoWouldBeRefused) {
  Open open;
  open.visit(test::credentials(open.ca.client("app1"), "client"));
  open.visit(test::credentials(open.other.client("app9"), "client"));
  open.visit(test::no_credentials());
  std::map<std::string, std::string> codes;
  for (const Visitor& one : open.visitors->all()) {
    EXPECT_EQ(one.source, "10.0.0.7");
    EXPECT_EQ(one.listener, "PeerServer");
    EXPECT_EQ(one.count, 1u);
    codes[one.chain.empty() ? "" : one.chain[0].common_name()] = one.refusal ? one.refusal->code : "accepted";
  }
  EXPECT_EQ(codes, (std::map<std::string, std::string>{{"app1", "accepted"}, {"app9", "TLS-02"}, {"", "TLS-01"}}));
}

TEST(Visitors, AreCountedAndJudgedAnewAtEachVisit) {
  Open open;
  auto app = open.ca.client("app1");
  open.visit(test::credentials(app, "client"));
  EXPECT_EQ(open.visitors->all().at(0).refusal, nullptr);
  open.clock->set(to_system_time(app.certificate.not_after()) + std::chrono::hours(1));
  open.visitors->saw("10.0.0.7:1", {app.certificate});
  const auto all = open.visitors->all();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].count, 2u);
  EXPECT_EQ(all[0].refusal->code, "TLS-07");
}

TEST(Visitors, AreNoMoreThanTheirBound) {
  Open open;
  for (size_t i = 0; i < Visitors::kMax + 10; ++i) {
    open.clock->set(test::kGoodNow + std::chrono::seconds(i));
    open.visitors->saw("host" + std::to_string(i) + ":1", {});
  }
  const auto all = open.visitors->all();
  EXPECT_EQ(all.size(), Visitors::kMax);
  EXPECT_EQ(all.back().source, "host10");
}

}  // namespace
}  // namespace selvage::tls
