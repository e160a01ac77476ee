// Those who have proved nothing: handshakes on the way, and clients that were refused and are told why. What they can have is
// little, and none of it is served.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>

#include "base/log.h"
#include "kit/handshakes.h"
#include "os/event_loop.h"
#include "rpc/channel.h"
#include "rpc/health.h"
#include "rpc/server.h"
#include "rpc/serving/explanations.h"

namespace selvage::rpc {
namespace {

using namespace std::chrono_literals;

constexpr auto kLong = 20s;  // bounds a test that has gone wrong

// A socket of ours to the server, spoken to by hand.
class Raw {
 public:
  explicit Raw(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  Raw(Raw&& other) noexcept : session(std::move(other.session)), plaintext(std::move(other.plaintext)), fd_(std::exchange(other.fd_, -1)) {}
  ~Raw() {
    if (fd_ >= 0) ::close(fd_);
  }
  // TLS to its end or to the first byte from the server; true when our side is open.
  bool shake_hands(tls::ClientContext& context) {
    session = context.connect("localhost", "127.0.0.1:1");
    session->receive("", plaintext);
    while (session->state() == tls::Session::State::kHandshaking || (session->state() == tls::Session::State::kOpen && plaintext.empty())) {
      flush();
      if (!hear(kLong)) break;
    }
    flush();
    return session->state() == tls::Session::State::kOpen;
  }
  void say(const Bytes& bytes) {
    session->send(bytes);
    flush();
  }
  // Waits for the server to end the connection; false when it does not within `time`.
  bool ends_within(std::chrono::milliseconds time) {
    auto until = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < until) {
      if (!hear(std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()))) return ended_;
    }
    return false;
  }
  std::unique_ptr<tls::Session> session;
  Bytes plaintext;

 private:
  void flush() {
    while (!session->output().empty()) {
      ssize_t sent = ::send(fd_, session->output().data(), session->output().size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      session->consume_output(static_cast<size_t>(sent));
    }
  }
  bool hear(std::chrono::milliseconds time) {
    pollfd one{fd_, POLLIN, 0};
    if (::poll(&one, 1, static_cast<int>(time.count())) <= 0) return false;
    char buffer[16384];
    ssize_t count = ::recv(fd_, buffer, sizeof buffer, 0);
    if (count <= 0) {
      ended_ = true;
      if (session) session->receive_end();
      return false;
    }
    if (session) session->receive(BytesView(buffer, static_cast<size_t>(count)), plaintext);
    return true;
  }
  int fd_;
  bool ended_ = false;
};

class Strangers : public testing::Test {
 protected:
  Strangers() {
    log::set_sink(nullptr);
    settings.listen_address = "127.0.0.1:0";
    settings.loops = std::make_shared<os::LoopGroup>(1, "test");
    tls::Provenance from;
    from.kind = tls::Provenance::Kind::kChannel;
    from.channel = "secretchannel";
    from.msp_id = "SecretMSP";
    trust->set_source("channel secretchannel", {{ca.certificate(), from}});
    policy.explain = tls::Explain::kClient;
    policy.client_roots_setting.key = "CORE_PEER_TLS_CLIENTROOTCAS_FILES";
  }
  void start() {
    settings.tls = std::make_shared<tls::ServerContext>(test::credentials(ca.server("peer0.org1", {"localhost", "127.0.0.1"})),
                                                        trust, policy, clock);
    server = std::make_unique<Server>(settings);
    server->add_unary("/test.Echo/Unary", [this](auto call, Bytes request) {
      ++served;
      call->reply(std::move(request));
    });
    server->add_blocking_stream("/test.Echo/Stream", [this](BlockingStream&) -> Status {
      ++served;
      return {};
    });
    health.add_to(*server);
    auto started = server->start();
    ASSERT_TRUE(started) << started.error().message;
  }
  std::shared_ptr<tls::ClientContext> context(std::shared_ptr<tls::CredentialStore> credentials) {
    return std::make_shared<tls::ClientContext>(std::move(credentials), test::trust({ca.certificate()}), tls::ClientPolicy{}, clock);
  }
  std::shared_ptr<tls::CredentialStore> stranger() {
    return test::credentials(test::Authority("tlsca.org2").client("app2"), "client");
  }
  std::shared_ptr<Channel> channel(std::shared_ptr<tls::CredentialStore> credentials) {
    ChannelSettings one;
    one.loops = settings.loops;
    one.server_name = "localhost";
    one.targets = {server->address()};
    one.backoff.base = 1ms;
    one.tls = context(std::move(credentials));
    return Channel::make(one);
  }

  test::Authority ca{"tlsca.org1"};
  std::shared_ptr<test::StillClock> clock = std::make_shared<test::StillClock>();
  std::shared_ptr<tls::TrustStore> trust = std::make_shared<tls::TrustStore>();
  tls::ServerPolicy policy;
  ServerSettings settings;
  Health health;
  std::atomic<int> served{0};
  std::unique_ptr<Server> server;
};

TEST_F(Strangers, ARefusedClientReachesNoHandlerNoHealthServiceAndNoStream) {
  start();
  for (const char* method : {"/test.Echo/Unary", "/grpc.health.v1.Health/Check", "/test.Echo/Nothing", "/no.such.Service/Method"}) {
    UnaryReply reply = channel(stranger())->call(method, "x", {.timeout = kLong});
    EXPECT_EQ(reply.status.code, Code::kUnauthenticated) << method << ": " << reply.status.message;
    EXPECT_NE(reply.status.message.find("CN=app2"), std::string::npos) << reply.status.message;
    EXPECT_TRUE(reply.message.empty());
  }
  auto open = channel(stranger());
  auto stream = open->stream("/test.Echo/Stream", {.timeout = kLong});
  stream->write("x");
  Bytes message;
  EXPECT_FALSE(stream->read(&message));
  EXPECT_EQ(served, 0);
  EXPECT_TRUE(server->connections().empty()) << "who was refused is no connection of this server";
}

TEST_F(Strangers, TheSentenceTellsNothingOfChannelsMembersOrSettings) {
  start();
  for (auto credentials : {stranger(), test::no_credentials()}) {
    std::string told = channel(credentials)->call("/test.Echo/Unary", "x", {.timeout = kLong}).status.message;
    EXPECT_NE(told.find("mutual TLS"), std::string::npos) << told;
    for (const char* secret : {"secretchannel", "SecretMSP", "CLIENTROOTCAS", "peer0", "/etc/"}) {
      EXPECT_EQ(told.find(secret), std::string::npos) << secret << " in: " << told;
    }
  }
}

TEST_F(Strangers, ARefusedClientIsGoneWithinTwoSecondsWhateverItDoes) {
  start();
  Raw silent(server->port());
  ASSERT_TRUE(silent.shake_hands(*context(stranger())));
  EXPECT_TRUE(silent.ends_within(5s));
}

TEST_F(Strangers, ARefusedClientMaySendSixteenKilobytes) {
  start();
  Raw loud(server->port());
  ASSERT_TRUE(loud.shake_hands(*context(stranger())));
  auto begun = std::chrono::steady_clock::now();
  Bytes much("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  much.append("\0\0\0\4\0\0\0\0\0", 9);
  for (int i = 0; i < 1000; ++i) much.append("\0\0\10\6\0\0\0\0\0pingping", 17);
  loud.say(much);
  EXPECT_TRUE(loud.ends_within(kLong));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 1900ms) << "cut by bytes, not by time";
}

TEST(Explanations, SixtyFourAreToldAtOnce) {
  Explanations explanations;
  SteadyTime now{};
  std::vector<std::shared_ptr<void>> told;
  for (int i = 0; i < 64; ++i) {
    ASSERT_TRUE(explanations.may_explain("10.0.0." + std::to_string(i), now));
    told.push_back(explanations.begin("10.0.0." + std::to_string(i), now));
    ASSERT_TRUE(told.back());
  }
  EXPECT_FALSE(explanations.may_explain("10.0.1.1", now));
  EXPECT_FALSE(explanations.begin("10.0.1.1", now));
  told.pop_back();
  EXPECT_TRUE(explanations.may_explain("10.0.1.1", now));
}

TEST(Explanations, ADaemonThatTriesAgainAndAgainGetsTheAlertInTheEnd) {
  Explanations explanations;
  SteadyTime now{};
  for (int i = 0; i < 30; ++i) EXPECT_TRUE(explanations.begin("10.0.0.7", now));
  EXPECT_FALSE(explanations.may_explain("10.0.0.7", now + 59s));
  EXPECT_TRUE(explanations.may_explain("10.0.0.8", now + 59s));
  EXPECT_TRUE(explanations.may_explain("10.0.0.7", now + 60s));
}

TEST_F(Strangers, IdleHandshakesGiveWayOldestFirst) {
  settings.handshakes_max = 8;
  policy.explain = tls::Explain::kLog;
  start();
  std::vector<Raw> idle;
  for (int i = 0; i < 40; ++i) idle.emplace_back(server->port());
  UnaryReply reply = channel(test::credentials(ca.client("app1"), "client"))->call("/test.Echo/Unary", "x", {.timeout = kLong});
  EXPECT_TRUE(reply.status.ok()) << reply.status.message;
  EXPECT_TRUE(idle.front().ends_within(kLong)) << "the oldest went";
  EXPECT_FALSE(idle.back().ends_within(50ms)) << "the newest may stay";
}

TEST_F(Strangers, OneSourceMayBeHeldToAFewHandshakes) {
  settings.handshakes_per_source_max = 3;
  policy.explain = tls::Explain::kLog;
  start();
  std::vector<Raw> idle;
  for (int i = 0; i < 4; ++i) idle.emplace_back(server->port());
  EXPECT_TRUE(idle.back().ends_within(kLong)) << "one too many is closed at once";
  EXPECT_FALSE(idle.front().ends_within(50ms));
  idle.clear();
}

TEST_F(Strangers, ConnectionsAreListedWithWhatTheyAgreedOn) {
  start();
  test::Identity app = ca.client("app1");
  auto one = channel(test::credentials(app, "client"));
  ASSERT_TRUE(one->call("/test.Echo/Unary", "x", {.timeout = kLong}).status.ok());
  auto all = server->connections();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0]->certificate, app.certificate.der());
  EXPECT_EQ(all[0]->tls_version, "TLS 1.3");
  EXPECT_EQ(all[0]->tls_group, "X25519");
  EXPECT_EQ(all[0]->tls_cipher, "TLS_AES_128_GCM_SHA256");
}

}  // namespace
}  // namespace selvage::rpc
