#include "http/server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>

#include "http/client.h"
#include "http/socket.h"
#include "kit/certificates.h"
#include "tls/context.h"

namespace selvage::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::shared_ptr<tls::CredentialStore> store_of(const test::Identity& identity) {
  return std::make_shared<tls::CredentialStore>(
      tls::Credentials::from_parts({identity.certificate}, identity.key).value());
}
std::shared_ptr<tls::TrustStore> trust_of(const test::Authority& authority) {
  return std::make_shared<tls::TrustStore>(std::vector<tls::Root>{{authority.certificate(), {}}});
}

// A raw connection for what a well-behaved client does not send.
class Raw {
 public:
  explicit Raw(uint16_t port) : fd_(dial("127.0.0.1", std::to_string(port), std::chrono::steady_clock::now() + seconds(10)).value()) {}
  ~Raw() { ::close(fd_); }
  void send(std::string_view bytes) { ASSERT_EQ(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size())); }
  void end() { ::shutdown(fd_, SHUT_WR); }
  // All until the server closes, or until `until` is in.
  std::string read(std::string_view until = "\x01never") {
    std::string got;
    char buffer[4096];
    while (got.find(until) == std::string::npos) {
      pollfd waiting{fd_, POLLIN, 0};
      if (::poll(&waiting, 1, 20000) <= 0) return got + "(timeout)";
      const ssize_t count = ::recv(fd_, buffer, sizeof buffer, 0);
      if (count <= 0) return got;
      got.append(buffer, static_cast<size_t>(count));
    }
    return got;
  }

 private:
  int fd_;
};

class HttpServer : public ::testing::Test {
 protected:
  void start(ServerSettings settings = {}) {
    settings.listen_address = "127.0.0.1:0";
    server_ = std::make_unique<Server>(settings);
    server_->add("/echo", [](const Request& request) {
      return Response::text(200, request.method + " " + request.path + "?" + request.query + " " + request.body);
    });
    server_->add("/tree/", [](const Request& request) { return Response::text(200, "under " + request.path); });
    server_->add("/secret", [](const Request& request) { return Response::text(200, request.peer.subject); }, true);
    const auto started = server_->start();
    ASSERT_TRUE(started) << to_string(started.error());
  }
  void start_tls(tls::ClientAuth auth) {
    ServerSettings settings;
    tls::ServerPolicy policy;
    policy.client_auth = auth;
    policy.alpn = {"http/1.1"};
    settings.tls = std::make_shared<tls::ServerContext>(store_of(ca_.server("ops", {"127.0.0.1"})), trust_of(client_ca_), policy);
    start(settings);
  }
  std::shared_ptr<tls::ClientContext> client(const std::optional<test::Identity>& identity) const {
    return std::make_shared<tls::ClientContext>(identity ? store_of(*identity) : nullptr, trust_of(ca_), tls::ClientPolicy{.alpn = {"http/1.1"}});
  }
  ClientRequest to(const std::string& path) const {
    ClientRequest request;
    request.url = "http://" + server_->address() + path;
    return request;
  }
  ClientRequest to_tls(const std::string& path, const std::optional<test::Identity>& identity) const {
    ClientRequest request;
    request.url = "https://" + server_->address() + path;
    request.tls = client(identity);
    return request;
  }
  test::Authority ca_{"tlsca.org1"};
  test::Authority client_ca_{"tlsca.clients"};
  std::unique_ptr<Server> server_;
};

TEST_F(HttpServer, AnswersARequestWithBodyAndQuery) {
  start();
  auto request = to("/echo?a=1&b");
  request.method = "PUT";
  request.body = std::string(200000, 'x');
  const auto response = fetch(request);
  ASSERT_TRUE(response) << to_string(response.error());
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body, "PUT /echo?a=1&b " + request.body);
  EXPECT_EQ(response->headers.get("content-type"), "text/plain; charset=utf-8");
}

TEST_F(HttpServer, PathsMatchExactlyOrBelowASlash) {
  start();
  EXPECT_EQ(fetch(to("/tree/a%20b"))->body, "under /tree/a b");
  EXPECT_EQ(fetch(to("/echo/deeper"))->status, 404);
  EXPECT_EQ(fetch(to("/nothing"))->body, "404 page not found\n");
}

TEST_F(HttpServer, OneConnectionServesSeveralRequestsAndPipelinesThem) {
  start();
  Raw raw(server_->port());
  raw.send("GET /tree/1 HTTP/1.1\r\nHost: x\r\n\r\nGET /tree/2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string got = raw.read();
  EXPECT_NE(got.find("under /tree/1"), std::string::npos) << got;
  EXPECT_LT(got.find("under /tree/1"), got.find("under /tree/2")) << got;
}

TEST_F(HttpServer, HeadHasNoBodyAndContinueIsGranted) {
  start();
  {
    Raw raw(server_->port());
    raw.send("HEAD /tree/1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    const std::string got = raw.read();
    EXPECT_NE(got.find("Content-Length: 13\r\n"), std::string::npos) << got;
    EXPECT_TRUE(got.ends_with("\r\n\r\n")) << got;
  }
  Raw raw(server_->port());
  raw.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(raw.read("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  raw.send("hi");
  EXPECT_NE(raw.read().find("POST /echo? hi"), std::string::npos);
}

TEST_F(HttpServer, AClientThatSendsNoMoreStillGetsItsAnswer) {
  start();
  Raw raw(server_->port());
  raw.send("GET /tree/1 HTTP/1.1\r\nHost: x\r\n\r\n");
  raw.end();
  EXPECT_NE(raw.read().find("under /tree/1"), std::string::npos);
}

TEST_F(HttpServer, ChunkedBodiesAreTaken) {
  start();
  Raw raw(server_->port());
  raw.send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\nab\r\n");
  raw.send("3\r\ncde\r\n0\r\n\r\n");
  EXPECT_NE(raw.read().find("POST /echo? abcde"), std::string::npos);
}

TEST_F(HttpServer, TooMuchIsRefusedAndTheConnectionEnds) {
  ServerSettings settings;
  settings.header_bytes_max = 1000;
  settings.body_bytes_max = 10;
  start(settings);
  {
    Raw raw(server_->port());
    raw.send("GET /echo HTTP/1.1\r\nHost: x\r\nX: " + std::string(2000, 'x'));
    EXPECT_TRUE(raw.read().starts_with("HTTP/1.1 431 ")) << "header";
  }
  {
    Raw raw(server_->port());
    raw.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\nx");
    EXPECT_TRUE(raw.read().starts_with("HTTP/1.1 413 ")) << "declared";
  }
  {
    Raw raw(server_->port());
    raw.send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nabcdefgh\r\n8\r\nabcdefgh\r\n0\r\n\r\n");
    EXPECT_TRUE(raw.read().starts_with("HTTP/1.1 413 ")) << "chunked";
  }
  Raw raw(server_->port());
  raw.send("\x16\x03\x01 this is no HTTP\r\n\r\n");
  EXPECT_TRUE(raw.read().starts_with("HTTP/1.1 400 "));
}

TEST_F(HttpServer, ASlowClientIsCutOff) {
  ServerSettings settings;
  settings.read_timeout = milliseconds(50);
  start(settings);
  Raw raw(server_->port());
  raw.send("GET /ec");
  EXPECT_EQ(raw.read(), "");
}

TEST_F(HttpServer, ConnectionsAreBounded) {
  ServerSettings settings;
  settings.connections_max = 1;
  start(settings);
  Raw first(server_->port());
  first.send("GET /tree/1 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(first.read("under /tree/1").find("under"), std::string::npos);
  Raw second(server_->port());
  EXPECT_EQ(second.read(), "");
}

TEST_F(HttpServer, WhoSaysNothingLosesItsPlaceToWhoAsks) {
  ServerSettings settings;
  settings.connections_max = 2;
  start(settings);
  Raw silent(server_->port());
  Raw slow(server_->port());
  slow.send("GET /ec");
  Raw asks(server_->port());
  EXPECT_EQ(silent.read(), "");  // closed
  asks.send("GET /tree/1 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(asks.read("under /tree/1").find("under"), std::string::npos);
  Raw another(server_->port());
  EXPECT_EQ(slow.read(), "");
  another.send("GET /tree/2 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(another.read("under /tree/2").find("under"), std::string::npos);
}

TEST_F(HttpServer, WhoSaysNothingAtAllIsCutOff) {
  ServerSettings settings;
  settings.read_timeout = milliseconds(50);
  start(settings);
  Raw raw(server_->port());
  EXPECT_EQ(raw.read(), "");
}

TEST_F(HttpServer, ManyHalfSentRequestsAreBoundedTogether) {
  ServerSettings settings;
  settings.body_bytes_max = 100000;  // eight of them
  settings.held_bytes_max = 0;
  start(settings);
  std::vector<std::unique_ptr<Raw>> strangers;
  for (int i = 0; i < 8; ++i) {
    strangers.push_back(std::make_unique<Raw>(server_->port()));
    strangers.back()->send("POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 100000\r\n\r\n");
    EXPECT_NE(strangers.back()->read("Continue\r\n\r\n").find("100 Continue"), std::string::npos);
    strangers.back()->send(std::string(99999, 'x'));
  }
  auto refused = [&] {
    Raw one(server_->port());
    one.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\n" + std::string(89999, 'x'));
    one.send("x");
    return one.read("\r\n").starts_with("HTTP/1.1 503 ");
  };
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!refused() && std::chrono::steady_clock::now() < until) {  // what the others sent may still be on its way
  }
  EXPECT_TRUE(refused());
  strangers.clear();
  while (refused() && std::chrono::steady_clock::now() < until) {
  }
  EXPECT_FALSE(refused());
}

TEST_F(HttpServer, LengthsThatContradictEachOtherAreRefused) {
  start();
  for (const char* headers : {"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
                              "Content-Length: 3\r\nContent-Length: 4\r\n", "Content-Length: -1\r\n", "Content-Length: 3x\r\n"}) {
    Raw raw(server_->port());
    raw.send(std::string("POST /echo HTTP/1.1\r\nHost: x\r\n") + headers + "\r\nabc");
    EXPECT_TRUE(raw.read().starts_with("HTTP/1.1 400 ")) << headers;
  }
}

TEST_F(HttpServer, APortInUseIsSaidInGosWords) {
  start();
  ServerSettings settings;
  settings.listen_address = server_->address();
  Server second(settings);
  const auto started = second.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().message, "listen tcp " + server_->address() + ": bind: address already in use");
}

TEST_F(HttpServer, StopLetsARunningRequestFinish) {
  std::promise<void> entered;
  std::promise<void> release;
  ServerSettings settings;
  settings.listen_address = "127.0.0.1:0";
  server_ = std::make_unique<Server>(settings);
  server_->add("/slow", [&](const Request&) {
    entered.set_value();
    release.get_future().wait();
    return Response::text(200, "done");
  });
  ASSERT_TRUE(server_->start());
  auto response = std::async(std::launch::async, [request = to("/slow")] { return fetch(request); });
  entered.get_future().wait();
  auto stopped = std::async(std::launch::async, [&] { server_->stop(seconds(20)); });
  release.set_value();
  stopped.get();
  const auto got = response.get();
  ASSERT_TRUE(got) << to_string(got.error());
  EXPECT_EQ(got->body, "done");
}

TEST_F(HttpServer, ARefusedConnectionIsSaidInGosWords) {
  start();
  auto request = to("/echo");
  server_->stop();
  const auto response = fetch(request);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().message, "dial tcp " + request.url.substr(7, request.url.find('/', 7) - 7) + ": connect: connection refused");
}

TEST_F(HttpServer, MutualTlsNamesTheClient) {
  start_tls(tls::ClientAuth::kRequireAndVerify);
  const auto response = fetch(to_tls("/secret", client_ca_.client("admin1")));
  ASSERT_TRUE(response) << to_string(response.error());
  EXPECT_EQ(response->status, 200);
  EXPECT_NE(response->body.find("CN=admin1"), std::string::npos);
}

TEST_F(HttpServer, WithoutACertificateTheHandshakeFailsWhereOneIsRequired) {
  start_tls(tls::ClientAuth::kRequireAndVerify);
  const auto response = fetch(to_tls("/echo", std::nullopt));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::kUnauthenticated);
  EXPECT_NE(response.error().cause.find("TLS-"), std::string::npos) << to_string(response.error());
}

TEST_F(HttpServer, APathThatNeedsACertificateAnswers401WithoutOne) {
  start_tls(tls::ClientAuth::kVerifyIfGiven);
  EXPECT_EQ(fetch(to_tls("/secret", std::nullopt))->status, 401);
  EXPECT_EQ(fetch(to_tls("/echo", std::nullopt))->status, 200);
  EXPECT_EQ(fetch(to_tls("/secret", client_ca_.client("admin1")))->status, 200);
}

TEST_F(HttpServer, AForeignCertificateIsRefused) {
  start_tls(tls::ClientAuth::kVerifyIfGiven);
  const auto response = fetch(to_tls("/echo", test::Authority("elsewhere").client("stranger")));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::kUnauthenticated);
}

TEST_F(HttpServer, HttpToAnHttpsPortIsAnsweredInThePlain) {
  start_tls(tls::ClientAuth::kRequireAndVerify);
  Raw raw(server_->port());
  raw.send("GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(raw.read(), "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n");
}

TEST_F(HttpServer, AClientThatDoesNotShakeHandsIsCutOff) {
  ServerSettings settings;
  settings.handshake_timeout = milliseconds(50);
  settings.tls = std::make_shared<tls::ServerContext>(store_of(ca_.server("ops", {"127.0.0.1"})), trust_of(client_ca_), tls::ServerPolicy{});
  start(settings);
  Raw raw(server_->port());
  EXPECT_EQ(raw.read(), "");
}

TEST(Fetch, UrlsAreChecked) {
  EXPECT_EQ(fetch({.url = "ftp://x/"}).error().code, Code::kInvalidArgument);
  EXPECT_EQ(fetch({.url = "https://x/"}).error().code, Code::kInvalidArgument);  // no TLS settings
  EXPECT_EQ(fetch({.url = "http://"}).error().code, Code::kInvalidArgument);
}

TEST(HttpClient, IsToldThatAServerLeftWithoutAWord) {
  const int listener = listen_on("127.0.0.1:0").value();
  auto left = std::async(std::launch::async, [listener] {
    pollfd waiting{listener, POLLIN, 0};
    ::poll(&waiting, 1, 20000);
    const int fd = ::accept(listener, nullptr, nullptr);
    char buffer[4096];
    (void)!::recv(fd, buffer, sizeof buffer, 0);
    ::close(fd);
  });
  const auto answer = fetch({.url = "http://" + local_address(listener) + "/"});
  left.wait();
  ::close(listener);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().message, "EOF");
}

}  // namespace
}  // namespace selvage::http
