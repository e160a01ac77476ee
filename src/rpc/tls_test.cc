// Server and channel over TLS: who is who, what a refusal looks like at both ends, and what changes while running.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "kit/handshakes.h"
#include "os/event_loop.h"
#include "rpc/channel.h"
#include "rpc/server.h"
#include "rpc/serving/handshake_log.h"
#include "tls/diagnosis.h"

namespace selvage::rpc {
namespace {

using namespace std::chrono_literals;

constexpr auto kLong = 20s;  // bounds a test that has gone wrong

// Keeps what is logged.
class Lines final : public log::Sink {
 public:
  struct Line {
    log::Level level;
    std::string logger, function, message;
    log::Fields fields;
  };
  void write(const log::Record& record) override {
    std::lock_guard lock(mutex_);
    lines_.push_back({record.level, std::string(record.logger), std::string(record.function), std::string(record.message), record.fields});
    more_.notify_all();
  }
  std::vector<Line> all() {
    std::lock_guard lock(mutex_);
    return lines_;
  }
  // Waits for a line with this text.
  Line find(const std::string& text) {
    std::unique_lock lock(mutex_);
    Line found;
    more_.wait_for(lock, kLong, [&] {
      for (const Line& line : lines_) {
        if (line.message.find(text) != std::string::npos) {
          found = line;
          return true;
        }
      }
      return false;
    });
    return found;
  }

 private:
  std::mutex mutex_;
  std::condition_variable more_;
  std::vector<Line> lines_;
};

class Tls : public testing::Test {
 protected:
  Tls() {
    log::set_sink(lines);
    server_policy.client_auth_setting.key = "CORE_PEER_TLS_CLIENTAUTHREQUIRED";
    settings.listen_address = "127.0.0.1:0";
    settings.loops = std::make_shared<os::LoopGroup>(1, "test");
    channel_settings.loops = settings.loops;
    channel_settings.server_name = "localhost";
    channel_settings.backoff.base = 1ms;
  }
  ~Tls() override {
    channel.reset();
    server.reset();
    log::set_sink(nullptr);
  }
  std::shared_ptr<tls::ServerContext> server_context() {
    return std::make_shared<tls::ServerContext>(test::credentials(server_identity), test::trust({ca.certificate()}), server_policy, clock);
  }
  std::shared_ptr<tls::ClientContext> client_context(std::shared_ptr<tls::CredentialStore> credentials) {
    return std::make_shared<tls::ClientContext>(std::move(credentials), test::trust({ca.certificate()}), tls::ClientPolicy{}, clock);
  }
  void start() {
    if (!settings.tls) settings.tls = server_context();
    server = std::make_unique<Server>(settings);
    server->add_unary("/test.Echo/Unary", [](auto call, Bytes request) { call->reply(std::move(request)); });
    server->add_unary("/test.Echo/Peer", [this](auto call, Bytes) {
      seen.set_value({call->peer(), call->export_keying_material("label", "context", 32)});
      call->reply("");
    });
    server->add_blocking_stream("/test.Echo/Stream", [](BlockingStream& stream) -> Status {
      for (Bytes message; stream.read(&message);) stream.write(message);
      return {};
    });
    auto started = server->start();
    ASSERT_TRUE(started) << started.error().message;
    if (!channel_settings.tls) channel_settings.tls = client_context(test::credentials(ca.client("app1"), "client"));
    connect();
  }
  void connect() {
    channel_settings.targets = {server->address()};
    channel = Channel::make(channel_settings);
  }
  Bytes raw(const Bytes& bytes);  // sends this on a socket of its own and returns what comes back, to the end

  test::Authority ca{"tlsca.org1"};
  test::Identity server_identity = ca.server("peer0.org1", {"localhost", "127.0.0.1"});
  std::shared_ptr<test::StillClock> clock = std::make_shared<test::StillClock>();
  std::shared_ptr<Lines> lines = std::make_shared<Lines>();
  tls::ServerPolicy server_policy;
  ServerSettings settings;
  ChannelSettings channel_settings;
  std::promise<std::pair<Peer, Result<Bytes>>> seen;
  std::unique_ptr<Server> server;
  std::shared_ptr<Channel> channel;
};

Bytes Tls::raw(const Bytes& bytes) {
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(server->port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  ::shutdown(fd, SHUT_WR);
  Bytes out;
  char buffer[4096];
  for (ssize_t count; (count = ::recv(fd, buffer, sizeof buffer, 0)) > 0;) out.append(buffer, static_cast<size_t>(count));
  ::close(fd);
  return out;
}

TEST_F(Tls, MutualTlsTellsBothSidesWhoTheOtherIs) {
  test::Identity app = ca.client("app1");
  channel_settings.tls = client_context(test::credentials(app, "client"));
  start();
  auto reply = channel->unary("/test.Echo/Peer", "", {.timeout = kLong});
  ASSERT_TRUE(reply) << reply.error().message;
  auto [peer, key] = seen.get_future().get();
  EXPECT_TRUE(peer.tls);
  EXPECT_TRUE(peer.verified);
  EXPECT_EQ(peer.certificate, app.certificate.der());
  EXPECT_EQ(peer.certificate_sha256, app.certificate.sha256());
  EXPECT_NE(peer.certificate_subject.find("CN=app1"), std::string::npos);
  EXPECT_EQ(peer.tls_version, "TLS 1.3");
  EXPECT_EQ(channel->peer()->certificate, server_identity.certificate.der());
}

TEST_F(Tls, BothEndsExportTheSameKeyingMaterial) {
  start();
  auto stream = channel->stream("/test.Echo/Stream", {.timeout = kLong});
  Bytes message;
  ASSERT_TRUE(stream->write("x") && stream->read(&message));
  auto ours = stream->export_keying_material("label", "context", 32);
  ASSERT_TRUE(channel->unary("/test.Echo/Peer", "", {.timeout = kLong}));
  auto theirs = seen.get_future().get().second;
  ASSERT_TRUE(ours && theirs);
  EXPECT_EQ(ours->size(), 32u);
  EXPECT_EQ(*ours, *theirs);
}

TEST_F(Tls, CarriesLargeMessages) {
  start();
  auto reply = channel->unary("/test.Echo/Unary", Bytes(5 << 20, 'x'), {.timeout = kLong});
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->size(), size_t{5 << 20});
}

TEST_F(Tls, AClientWithoutACertificateIsToldSoAndTheServerLogsFabricsLine) {
  channel_settings.tls = client_context(test::no_credentials());
  start();
  auto ready = channel->wait_ready(kLong);  // ends at once: the verdict is final
  ASSERT_FALSE(ready);
  EXPECT_NE(ready.error().message.find("tls: certificate required"), std::string::npos) << ready.error().message;
  EXPECT_NE(ready.error().cause.find("TLS-01"), std::string::npos) << ready.error().cause;
  EXPECT_FALSE(ready.error().hint.empty());
  EXPECT_TRUE(channel->last_failure()->permanent);
  Lines::Line line = lines->find("Server TLS handshake failed in ");
  EXPECT_NE(line.message.find(" with error tls: client didn't provide a certificate"), std::string::npos) << line.message;
  EXPECT_EQ(line.logger, "core.comm");
  EXPECT_EQ(line.function, "ServerHandshake");
  EXPECT_EQ(line.level, log::Level::kError);
  ASSERT_GE(line.fields.size(), 2u);
  EXPECT_EQ(line.fields[0], (std::pair<std::string, std::string>("server", "PeerServer")));
  EXPECT_EQ(line.fields[1].first, "remoteaddress");
  EXPECT_NE(lines->find("TLS-01").message.find("CORE_PEER_TLS_CLIENTAUTHREQUIRED"), std::string::npos);
}

TEST_F(Tls, AfterAVerdictWaitsLongButTriesAgainAtOnceWhenItsCertificateChanges) {
  auto credentials = test::no_credentials();
  channel_settings.tls = client_context(credentials);
  channel_settings.backoff.max = 1h;
  start();
  ASSERT_FALSE(channel->wait_ready(kLong));
  credentials->replace(test::credentials(ca.client("app1"), "client")->current());
  auto reply = channel->unary("/test.Echo/Unary", "x", {.timeout = kLong, .wait_for_ready = true});
  EXPECT_TRUE(reply) << reply.error().message;
}

TEST_F(Tls, EveryRefusedClientReadsTheAlert) {
  channel_settings.tls = client_context(test::no_credentials());
  start();
  for (int i = 0; i < 30; ++i) {
    auto ready = channel->wait_ready(kLong);
    ASSERT_FALSE(ready);
    ASSERT_NE(ready.error().message.find("tls: certificate required"), std::string::npos) << ready.error().message;
    connect();
  }
}

TEST_F(Tls, ACallOnARefusedConnectionCarriesTheDiagnosis) {
  channel_settings.tls = client_context(test::no_credentials());
  start();
  auto reply = channel->unary("/test.Echo/Unary", "", {.timeout = kLong});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::kUnavailable);
  EXPECT_NE(reply.error().cause.find("TLS-01"), std::string::npos);
}

TEST_F(Tls, AServerThatTheClientDoesNotTrustIsNamedByTheClient) {
  test::Authority other("tlsca.other");
  channel_settings.tls = std::make_shared<tls::ClientContext>(test::credentials(ca.client("app1"), "client"),
                                                              test::trust({other.certificate()}), tls::ClientPolicy{}, clock);
  start();
  auto ready = channel->wait_ready(kLong);
  ASSERT_FALSE(ready);
  EXPECT_NE(ready.error().message.find("authentication handshake failed: tls: failed to verify certificate: x509: certificate signed by unknown authority"),
            std::string::npos)
      << ready.error().message;
  EXPECT_NE(lines->find("Server TLS handshake failed in ").message.find("remote error: tls: bad certificate"), std::string::npos);
}

TEST_F(Tls, OneWayTlsStillShowsTheCertificateOfAClientThatHasOne) {
  server_policy.client_auth = tls::ClientAuth::kRequest;
  start();
  ASSERT_TRUE(channel->unary("/test.Echo/Peer", "", {.timeout = kLong}));
  Peer peer = seen.get_future().get().first;
  EXPECT_TRUE(peer.tls);
  EXPECT_FALSE(peer.verified);
  EXPECT_FALSE(peer.certificate_sha256.empty());
}

TEST_F(Tls, OneWayTlsServesAClientWithoutACertificate) {
  server_policy.client_auth = tls::ClientAuth::kRequest;
  channel_settings.tls = client_context(test::no_credentials());
  start();
  ASSERT_TRUE(channel->unary("/test.Echo/Peer", "", {.timeout = kLong}));
  EXPECT_TRUE(seen.get_future().get().first.certificate.empty());
}

TEST_F(Tls, AChangeOfTrustAppliesToNewConnectionsAndLeavesOpenOnesAlone) {
  start();
  ASSERT_TRUE(channel->unary("/test.Echo/Unary", "", {.timeout = kLong}));
  test::Authority other("tlsca.other");
  server->set_tls(std::make_shared<tls::ServerContext>(test::credentials(server_identity), test::trust({other.certificate()}), server_policy, clock));
  EXPECT_TRUE(channel->unary("/test.Echo/Unary", "", {.timeout = kLong}));
  auto old = channel;
  connect();
  EXPECT_FALSE(channel->wait_ready(kLong));
  EXPECT_TRUE(old->unary("/test.Echo/Unary", "", {.timeout = kLong}));
}

TEST_F(Tls, APlaintextClientOnATlsPortIsLoggedInGosWords) {
  start();
  raw("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  EXPECT_NE(lines->find("Server TLS handshake failed in ").message.find("tls: first record does not look like a TLS handshake"),
            std::string::npos);
}

TEST_F(Tls, ATlsClientOnAPlaintextPortSaysSo) {
  start();
  ServerSettings plain = settings;
  plain.tls = nullptr;
  Server other(plain);
  ASSERT_TRUE(other.start());
  channel_settings.targets = {other.address()};
  channel = Channel::make(channel_settings);
  auto ready = channel->wait_ready(50ms);
  ASSERT_FALSE(ready);
  EXPECT_NE(ready.error().message.find("first record does not look like a TLS handshake"), std::string::npos) << ready.error().message;
}

TEST_F(Tls, APortScanIsNoError) {
  start();
  raw("");
  // The failure of a true client comes after it, so the probe has been dealt with by then.
  channel_settings.tls = client_context(test::no_credentials());
  connect();
  ASSERT_FALSE(channel->wait_ready(kLong));
  Lines::Line first = lines->find("Server TLS handshake failed in ");
  EXPECT_NE(first.message.find("client didn't provide a certificate"), std::string::npos) << first.message;
}

// A load balancer that looks every five seconds.
TEST_F(Tls, ProbesAreCountedOnceAnHour) {
  ASSERT_TRUE(log::set_spec("debug"));
  HandshakeLog log("core.comm", "PeerServer");
  const auto context = server_context();
  const SteadyTime begun{};
  constexpr int kProbes = 2160;  // three hours
  for (int i = 0; i < kProbes; ++i) {
    auto session = context->accept("10.0.0.9:" + std::to_string(40000 + i));
    session->receive_end("");
    log.failed(*session, "10.0.0.9:" + std::to_string(40000 + i), begun + i * 5s);
  }
  ASSERT_TRUE(log::set_spec("info"));
  int debug = 0;
  std::vector<std::string> told;
  for (const auto& line : lines->all()) {
    EXPECT_TRUE(line.level == log::Level::kDebug || line.level == log::Level::kInfo) << line.message;
    if (line.level == log::Level::kDebug) ++debug; else told.push_back(line.message);
  }
  EXPECT_EQ(debug, kProbes);
  ASSERT_EQ(told.size(), 2u);  // the first hour's, and the second's
  EXPECT_NE(told[0].find("TLS-47"), std::string::npos) << told[0];
  EXPECT_NE(told[0].find("719 more times"), std::string::npos) << told[0];
  EXPECT_NE(told[0].find("/healthz"), std::string::npos) << told[0];
}

TEST_F(Tls, AClientThatStallsInTheHandshakeIsDropped) {
  settings.handshake_timeout = 20ms;
  start();
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(server->port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::send(fd, "\x16\x03\x01\x02", 4, MSG_NOSIGNAL), 4);
  char buffer[64];
  while (::recv(fd, buffer, sizeof buffer, 0) > 0) {
  }
  ::close(fd);
}

TEST_F(Tls, ExplainModeTellsARefusedClientInTheStatusOfItsCallAndServesNothing) {
  server_policy.explain = tls::Explain::kClient;
  test::Identity expired = ca.client("app1", [](crypto::CertificateRequest& request) { request.not_after = test::kGoodNow - 24h; });
  channel_settings.tls = client_context(test::credentials(expired, "client"));
  start();
  UnaryReply reply = channel->call("/test.Echo/Unary", "secret", {.timeout = kLong});
  EXPECT_EQ(reply.status.code, Code::kUnauthenticated) << reply.status.message;
  EXPECT_NE(reply.status.message.find("CN=app1"), std::string::npos) << reply.status.message;
  EXPECT_TRUE(reply.message.empty());
}

TEST_F(Tls, ServesManyConnectionsAtOnce) {
  start();
  std::vector<std::shared_ptr<Channel>> channels;
  for (int i = 0; i < 20; ++i) {
    connect();
    channels.push_back(channel);
  }
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (auto& each : channels) {
    threads.emplace_back([&good, each] {
      if (each->unary("/test.Echo/Unary", "x", {.timeout = kLong})) ++good;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 20);
}

}  // namespace
}  // namespace selvage::rpc
