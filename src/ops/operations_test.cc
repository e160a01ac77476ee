#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/log.h"
#include "http/client.h"
#include "kit/certificates.h"
#include "ops/logspec.h"
#include "ops/operations_service.h"
#include "tls/context.h"

namespace selvage::ops {
namespace {

class OperationsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    settings_.http.listen_address = "127.0.0.1:0";
    settings_.metrics_provider = "prometheus";
    settings_.version = "v3.1.5";
    settings_.commit = "abc";
  }
  void TearDown() override { EXPECT_TRUE(log::set_spec("info")); }
  void start() {
    operations_ = std::make_unique<Operations>(settings_);
    const Status started = operations_->start();
    ASSERT_TRUE(started) << to_string(started.error());
  }
  http::Response ask(const std::string& path, const std::string& method = "GET", const std::string& body = "") {
    http::ClientRequest request;
    request.method = method;
    request.url = (tls_ ? "https://" : "http://") + operations_->server().address() + path;
    request.body = body;
    request.tls = tls_;
    auto response = http::fetch(request);
    if (!response) {
      ADD_FAILURE() << to_string(response.error());
      return {};
    }
    return *response;
  }
  OperationsSettings settings_;
  std::unique_ptr<Operations> operations_;
  std::shared_ptr<tls::ClientContext> tls_;
};

TEST_F(OperationsTest, VersionAndMetricsAreServed) {
  start();
  EXPECT_EQ(ask("/version").body, R"({"CommitSHA":"abc","Version":"v3.1.5"})");
  const auto metrics = ask("/metrics");
  EXPECT_EQ(metrics.headers.get("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_NE(metrics.body.find("fabric_version{version=\"v3.1.5\"} 1\n"), std::string::npos);
}

TEST_F(OperationsTest, LogRecordsAreCounted) {
  start();
  LOG_INFO(log::Logger("test"), "counted");
  const std::string text = ask("/metrics").body;
  EXPECT_NE(text.find("logging_entries_checked{level=\"info\"}"), std::string::npos);
  EXPECT_NE(text.find("logging_entries_written{level=\"info\"}"), std::string::npos);
}

TEST_F(OperationsTest, LogSpecIsReadAndSet) {
  start();
  EXPECT_EQ(ask("/logspec").body, "{\"spec\":\"info\"}\n");
  EXPECT_EQ(ask("/logspec", "PUT", R"({"spec":"gossip=debug:warn"})").status, 204);
  EXPECT_EQ(ask("/logspec").body, "{\"spec\":\"gossip=debug:warn\"}\n");
  const auto refused = ask("/logspec", "PUT", R"({"spec":"nonsense"})");
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.body, "{\"error\":\"invalid logging specification 'nonsense': bad segment 'nonsense'\"}\n");
  EXPECT_EQ(ask("/logspec", "PUT", "{").status, 400);
  EXPECT_EQ(ask("/logspec", "PUT", "{").body, "{\"error\":\"unexpected EOF\"}\n");
  EXPECT_EQ(ask("/logspec", "DELETE").body, "{\"error\":\"invalid request method: DELETE\"}\n");
}

TEST(LogSpecBody, IsReadAsGoReadsIt) {
  const auto says = [](const char* body) {
    const auto spec = parse_logspec_body(body);
    return spec ? "spec " + *spec : spec.error().message;
  };
  EXPECT_EQ(says(R"({"spec":"debug"})"), "spec debug");
  EXPECT_EQ(says(R"( {"SPEC":"debug"} and more)"), "spec debug");
  EXPECT_EQ(says("{}"), "spec ");
  EXPECT_EQ(says("null"), "spec ");
  EXPECT_EQ(says(""), "EOF");
  EXPECT_EQ(says(R"({"spec":)"), "unexpected EOF");
  EXPECT_EQ(says("loud"), "invalid character 'l' looking for beginning of value");
  EXPECT_EQ(says("'"), "invalid character '\\'' looking for beginning of value");
  EXPECT_EQ(says("\x01"), "invalid character '\\x01' looking for beginning of value");
  EXPECT_EQ(says("\\"), "invalid character '\\\\' looking for beginning of value");
  EXPECT_EQ(says("\xff"), "invalid character '\xc3\xbf' looking for beginning of value");  // U+00FF
  EXPECT_EQ(says("{ x}"), "invalid character 'x' looking for beginning of object key string");
  EXPECT_EQ(says("7"), "json: cannot unmarshal number into Go value of type httpadmin.LogSpec");
  EXPECT_EQ(says("true"), "json: cannot unmarshal bool into Go value of type httpadmin.LogSpec");
  EXPECT_EQ(says(R"({"spec":[]})"), "json: cannot unmarshal array into Go struct field LogSpec.spec of type string");
}

TEST_F(OperationsTest, HealthNamesWhatIsNotWell) {
  start();
  EXPECT_EQ(nlohmann::json::parse(ask("/healthz").body)["status"], "OK");
  operations_->health().add("couchdb", [] { return Status(fail(Code::kUnavailable, "no answer")); });
  operations_->health().add("disk", [] { return Status(); });
  const auto response = ask("/healthz");
  EXPECT_EQ(response.status, 503);
  const auto body = nlohmann::json::parse(response.body);
  EXPECT_EQ(body["status"], "Service Unavailable");
  EXPECT_EQ(body["failed_checks"], nlohmann::json::parse(R"([{"component":"couchdb","reason":"no answer"}])"));
  EXPECT_EQ(ask("/healthz", "POST").status, 405);
}

TEST_F(OperationsTest, UnderTlsMetricsAndLogSpecNeedACertificate) {
  const test::Authority ca("ca");
  const auto store = [](const test::Identity& identity) {
    return std::make_shared<tls::CredentialStore>(tls::Credentials::from_parts({identity.certificate}, identity.key).value());
  };
  const auto trust = std::make_shared<tls::TrustStore>(std::vector<tls::Root>{{ca.certificate(), {}}});
  tls::ServerPolicy policy;
  policy.client_auth = tls::ClientAuth::kVerifyIfGiven;
  settings_.http.tls = std::make_shared<tls::ServerContext>(store(ca.server("ops", {"127.0.0.1"})), trust, policy);
  start();
  tls_ = std::make_shared<tls::ClientContext>(nullptr, trust);
  EXPECT_EQ(ask("/metrics").status, 401);
  EXPECT_EQ(ask("/logspec").status, 401);
  EXPECT_EQ(ask("/healthz").status, 200);
  EXPECT_EQ(ask("/version").status, 200);
  tls_ = std::make_shared<tls::ClientContext>(store(ca.client("admin")), trust);
  EXPECT_EQ(ask("/metrics").status, 200);
  EXPECT_EQ(ask("/logspec").status, 200);
}

TEST_F(OperationsTest, StatsdIsSentOverUdp) {
  const int fd = ::socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  socklen_t size = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  settings_.metrics_provider = "statsd";
  settings_.statsd_network = "udp";
  settings_.statsd_address = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  settings_.statsd_prefix = "org1_peer0";
  settings_.statsd_write_interval = std::chrono::milliseconds(10);
  start();
  std::string got;
  while (got.find("org1_peer0.fabric_version.v3_1_5:1.000000|g\n") == std::string::npos) {
    pollfd waiting{fd, POLLIN, 0};
    ASSERT_EQ(::poll(&waiting, 1, 20000), 1) << got;
    char buffer[2048];
    const ssize_t count = ::recv(fd, buffer, sizeof buffer, 0);
    got.append(buffer, static_cast<size_t>(std::max<ssize_t>(count, 0)));
  }
  EXPECT_EQ(ask("/metrics").status, 404);
  ::close(fd);
}

TEST_F(OperationsTest, AnUnknownProviderIsTakenForNone) {
  settings_.metrics_provider = "carbon";
  start();
  EXPECT_EQ(&operations_->metrics(), &metrics::disabled());
  EXPECT_EQ(ask("/metrics").status, 404);
}

}  // namespace
}  // namespace selvage::ops
