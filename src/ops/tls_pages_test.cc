// The TLS pages: what they say, and that nobody sees them without a verified certificate.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "http/client.h"
#include "kit/handshakes.h"
#include "ops/tls_service.h"
#include "tls/context.h"

namespace selvage::ops {
namespace {

class TlsPagesTest : public ::testing::Test {
 protected:
  TlsPagesTest() {
    registry_.add_pair({.role = "server TLS", .store = own_, .as_server = true, .as_client = true, .hosts = {"localhost"},
                        .trusted_by = nullptr, .judge = {}});
    tls::Provenance from;
    from.kind = tls::Provenance::Kind::kChannel;
    from.channel = "mychannel";
    from.msp_id = "Org1MSP";
    pool_->set_source("channel mychannel", {{ca_.certificate(), from}});
    registry_.add_pool({.name = "PeerServer", .of_clients = true, .store = pool_});
    pages_.registry = &registry_;
    pages_.connections = [this] {
      TlsConnection one;
      one.listener = "PeerServer";
      one.peer = "10.0.0.7:51234";
      one.verified = true;
      one.certificate = app_.certificate.der();
      one.version = "TLS 1.3";
      one.group = "X25519";
      one.binding = "certificate hash";
      return std::vector{one};
    };
    pages_.reload = [this] { return outcomes_; };
  }
  void start(bool tls) {
    http::ServerSettings settings;
    settings.listen_address = "127.0.0.1:0";
    tls::ServerPolicy policy;
    policy.client_auth = tls::ClientAuth::kVerifyIfGiven;
    policy.alpn = {"http/1.1"};
    if (tls) settings.tls = std::make_shared<tls::ServerContext>(own_, test::trust({ca_.certificate()}), policy);
    server_ = std::make_unique<http::Server>(settings);
    add_tls_pages(*server_, pages_);
    ASSERT_TRUE(server_->start());
  }
  http::Response ask(const std::string& path, std::shared_ptr<tls::CredentialStore> as, const std::string& method = "GET") {
    http::ClientRequest request;
    request.method = method;
    request.url = "https://localhost:" + std::to_string(server_->port()) + path;
    tls::ClientPolicy policy;
    policy.alpn = {"http/1.1"};
    request.tls = std::make_shared<tls::ClientContext>(std::move(as), test::trust({ca_.certificate()}), policy);
    auto response = http::fetch(request);
    if (response) return *response;
    ADD_FAILURE() << to_string(response.error());
    return {};
  }
  nlohmann::json page(const std::string& path, const std::string& method = "GET", int status = 200) {
    const auto answer = ask(path, test::credentials(app_, "client"), method);
    EXPECT_EQ(answer.status, status) << answer.body;
    return nlohmann::json::parse(answer.body, nullptr, false);
  }

  test::Authority ca_{"tlsca.org1"};
  test::Identity app_ = ca_.client("app1");
  std::shared_ptr<tls::CredentialStore> own_ = test::credentials(ca_.server("peer0.org1", {"localhost"}));
  std::shared_ptr<tls::TrustStore> pool_ = std::make_shared<tls::TrustStore>();
  tls::Registry registry_;
  std::vector<tls::Reloaded> outcomes_;
  TlsPages pages_;
  std::unique_ptr<http::Server> server_;
};

TEST_F(TlsPagesTest, ShowWhoCameBeforeCertificatesAreDemanded) {
  tls::ServerPolicy policy;
  policy.listener = "PeerServer";
  auto visitors = std::make_shared<tls::Visitors>(test::trust({ca_.certificate()}), policy, std::make_shared<test::StillClock>());
  visitors->saw("10.0.0.7:1", {app_.certificate});
  visitors->saw("10.0.0.8:1", {});
  pages_.visitors = visitors;
  start(true);
  const auto shown = page("/tls/visitors");
  EXPECT_EQ(shown["certificates_demanded"], false);
  ASSERT_EQ(shown["visitors"].size(), 2u);
  for (const auto& one : shown["visitors"]) {
    EXPECT_EQ(one["would_be_refused"], one["source"] == "10.0.0.8");
    EXPECT_EQ(one["code"], one["source"] == "10.0.0.8" ? "TLS-01" : "");
    EXPECT_EQ(one["connections"], 1);
  }
}

TEST_F(TlsPagesTest, ShowPairsRootsWithProvenanceAndConnections) {
  start(true);
  const auto pair = page("/tls/certificates")["certificates"][0];
  EXPECT_EQ(pair["role"], "server TLS");
  EXPECT_EQ(pair["file"], "/etc/fabric/tls/server.crt");
  EXPECT_EQ(pair["chain"][0]["subject"], "CN=peer0.org1");
  EXPECT_EQ(pair["chain"][0]["san"][0], "localhost");
  const auto root = page("/tls/trust")["pools"][0]["roots"][0];
  EXPECT_EQ(root["subject"], "CN=tlsca.org1");
  EXPECT_EQ(root["from"]["channel"], "mychannel");
  EXPECT_EQ(root["from"]["msp"], "Org1MSP");
  EXPECT_EQ(root["from"]["index"], 0);
  const auto connection = page("/tls/connections")["connections"][0];
  EXPECT_EQ(connection["certificate"]["subject"], "CN=app1");
  EXPECT_EQ(connection["binding"], "certificate hash");
}

TEST_F(TlsPagesTest, AReloadSaysWhatWasTakenAndWhatWasRefused) {
  outcomes_ = {{"server TLS certificate /x/server.crt", tls::Reloaded::Outcome::kTaken, "CN=peer0.org1"}};
  start(true);
  EXPECT_EQ(page("/tls/reload", "PUT")["reloaded"][0]["outcome"], "taken");
  outcomes_.push_back({"roots /x/ca.crt", tls::Reloaded::Outcome::kRefused, "no PEM"});
  EXPECT_EQ(page("/tls/reload", "PUT", 409)["reloaded"][1]["reason"], "no PEM");
  page("/tls/reload", "GET", 405);
}

TEST_F(TlsPagesTest, NothingIsShownWithoutAVerifiedCertificate) {
  start(true);
  for (const char* path : {"/tls/certificates", "/tls/trust", "/tls/connections", "/tls/reload"}) {
    const auto answer = ask(path, test::no_credentials());
    EXPECT_EQ(answer.status, 401) << path;
    EXPECT_TRUE(answer.body.empty()) << path;
  }
}

TEST_F(TlsPagesTest, APlaintextEndpointShowsNothingToAnybody) {
  start(false);
  http::ClientRequest request;
  request.url = "http://" + server_->address() + "/tls/trust";
  const auto answer = http::fetch(request);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 403);
  EXPECT_EQ(answer->body.find("tlsca"), std::string::npos);
}

}  // namespace
}  // namespace selvage::ops
