// A server against clients that speak HTTP/2 by hand: what a stranger may do, and what he may not.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "os/event_loop.h"
#include "rpc/http2/gzip.h"
#include "rpc/server.h"

namespace selvage::rpc {
namespace {

using namespace std::chrono_literals;

enum Type : uint8_t { kData, kHeaders, kPriority, kReset, kSettings, kPush, kPing, kGoaway, kWindowUpdate, kContinuation };
constexpr uint8_t kEndStream = 1, kAck = 1, kEndHeaders = 4;
constexpr uint32_t kEnhanceYourCalm = 11;

struct Frame {
  uint8_t type = 0xff, flags = 0;
  uint32_t stream = 0;
  Bytes payload;
};

Bytes be32(uint32_t value) {
  Bytes out(4, '\0');
  for (int i = 0; i < 4; ++i) out[static_cast<size_t>(i)] = static_cast<char>(value >> (24 - 8 * i));
  return out;
}

Bytes frame(uint8_t type, uint8_t flags, uint32_t stream, const Bytes& payload = "") {
  Bytes out = be32(static_cast<uint32_t>(payload.size())).substr(1);
  out.push_back(static_cast<char>(type));
  out.push_back(static_cast<char>(flags));
  return out + be32(stream) + payload;
}

// A header as a literal that is never indexed: no compressor state to keep.
Bytes literal(const Bytes& name, const Bytes& value) {
  auto text = [](const Bytes& t) {
    Bytes out;
    size_t size = t.size();
    if (size < 127) {
      out.push_back(static_cast<char>(size));
    } else {
      out.push_back(127);
      for (size -= 127; size >= 128; size >>= 7) out.push_back(static_cast<char>(size | 0x80));
      out.push_back(static_cast<char>(size));
    }
    return out + t;
  };
  return Bytes(1, '\x10') + text(name) + text(value);
}

Bytes request_headers(const Bytes& path = "/test.Echo/Unary", const Bytes& method = "POST",
                      const Bytes& content_type = "application/grpc") {
  return literal(":method", method) + literal(":scheme", "http") + literal(":path", path) + literal(":authority", "x") +
         literal("content-type", content_type) + literal("te", "trailers");
}

class Client {
 public:
  explicit Client(uint16_t port, const Bytes& hello = Bytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") + frame(kSettings, 0, 0)) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    timeval limit{20, 0};  // bounds a test that has gone wrong
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    send(hello);
  }
  ~Client() { ::close(fd_); }
  // False when the server has closed.
  bool send(const Bytes& bytes) {
    for (size_t sent = 0; sent < bytes.size();) {
      ssize_t count = ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (count <= 0) return false;
      sent += static_cast<size_t>(count);
    }
    return true;
  }
  // The next frame; type 0xff at the end.
  Frame next() {
    Frame f;
    if (!fill(9)) return f;
    size_t size = static_cast<size_t>(static_cast<uint8_t>(in_[0])) << 16 | static_cast<size_t>(static_cast<uint8_t>(in_[1])) << 8 |
                  static_cast<uint8_t>(in_[2]);
    if (!fill(9 + size)) return f;
    f.type = static_cast<uint8_t>(in_[3]);
    f.flags = static_cast<uint8_t>(in_[4]);
    f.stream = static_cast<uint32_t>(static_cast<uint8_t>(in_[7])) << 8 | static_cast<uint8_t>(in_[8]);
    f.payload = in_.substr(9, size);
    in_.erase(0, 9 + size);
    return f;
  }
  // The first of this type; type 0xff when the connection ends before.
  Frame until(uint8_t type) {
    for (Frame f = next();; f = next()) {
      if (f.type == type || f.type == 0xff) return f;
    }
  }

 private:
  bool fill(size_t size) {
    char buffer[16384];
    while (in_.size() < size) {
      ssize_t count = ::recv(fd_, buffer, sizeof buffer, 0);
      if (count <= 0) return false;
      in_.append(buffer, static_cast<size_t>(count));
    }
    return true;
  }
  int fd_;
  Bytes in_;
};

class Http2 : public testing::Test {
 protected:
  void start() {
    settings.listen_address = "127.0.0.1:0";
    settings.loops = std::make_shared<os::LoopGroup>(1, "test");
    server = std::make_unique<Server>(settings);
    server->add_unary("/test.Echo/Unary", [](auto call, Bytes request) { call->reply(std::move(request)); }, Run::kOnLoop);
    ASSERT_TRUE(server->start());
  }
  // The connection must still serve.
  static void expect_served(Client& client, uint32_t stream) {
    client.send(frame(kHeaders, kEndHeaders, stream, request_headers()) + frame(kData, kEndStream, stream, Bytes("\0\0\0\0\2hi", 7)));
    Frame f = client.until(kData);
    EXPECT_EQ(f.payload, Bytes("\0\0\0\0\2hi", 7));
  }
  // The connection must end with GOAWAY and this error. Returns its text.
  static Bytes expect_goaway(Client& client, uint32_t error) {
    Frame f = client.until(kGoaway);
    EXPECT_EQ(f.type, kGoaway);
    if (f.type != kGoaway) return "";
    EXPECT_EQ(f.payload.substr(4, 4), be32(error));
    EXPECT_EQ(client.until(0xfe).type, 0xff);
    return f.payload.substr(8);
  }

  ServerSettings settings;
  std::unique_ptr<Server> server;
};

TEST_F(Http2, ServesAClientThatSpeaksByHand) {
  start();
  Client client(server->port());
  expect_served(client, 1);
  expect_served(client, 3);
}

TEST_F(Http2, AnswersWhatIsNoGrpcWithHttpsOwnCodes) {
  start();
  Client client(server->port());
  client.send(frame(kHeaders, kEndHeaders | kEndStream, 1, request_headers("/", "GET")));
  EXPECT_NE(client.until(kHeaders).payload.find("405"), Bytes::npos);
  client.send(frame(kHeaders, kEndHeaders | kEndStream, 3, request_headers("/test.Echo/Unary", "POST", "text/html")));
  EXPECT_NE(client.until(kHeaders).payload.find("415"), Bytes::npos);
  expect_served(client, 5);
}

TEST_F(Http2, RefusesAPathThatIsNoMethod) {
  start();
  Client client(server->port());
  client.send(frame(kHeaders, kEndHeaders | kEndStream, 1, request_headers("nonsense")));
  Frame f = client.next();
  while (f.type == kSettings || f.type == kWindowUpdate) f = client.next();
  EXPECT_TRUE(f.type == kHeaders || f.type == kReset) << static_cast<int>(f.type);
  expect_served(client, 3);
}

TEST_F(Http2, ClosesOnWhatIsNotHttp2) {
  start();
  Client client(server->port(), "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.until(0xfe).type, 0xff);
}

TEST_F(Http2, ClosesOnAClientThatSaysNothing) {
  settings.handshake_timeout = 20ms;
  start();
  Client client(server->port(), "");
  EXPECT_EQ(client.until(0xfe).type, 0xff);
}

TEST_F(Http2, ResetsAStreamWithTooLargeHeadersAndServesOn) {
  settings.metadata_bytes_max = 4096;
  start();
  Client client(server->port());
  client.send(frame(kHeaders, kEndHeaders | kEndStream, 1, request_headers() + literal("x-large", Bytes(5000, 'x'))));
  EXPECT_EQ(client.until(kReset).stream, 1u);
  expect_served(client, 3);
}

TEST_F(Http2, CutsOffAClientThatDisregardsTheNumberOfStreams) {
  settings.streams_max = 2;
  start();
  Client client(server->port());
  client.until(kSettings);
  client.send(frame(kSettings, kAck, 0));
  for (uint32_t id : {1, 3}) client.send(frame(kHeaders, kEndHeaders, id, request_headers()));
  client.send(frame(kPing, 0, 0, Bytes(8, 'p')));
  EXPECT_EQ(client.until(kPing).flags, kAck);  // two are fine
  client.send(frame(kHeaders, kEndHeaders, 5, request_headers()));
  EXPECT_EQ(client.until(kGoaway).type, kGoaway);
}

TEST_F(Http2, CutsOffAFloodOfResets) {
  start();
  Client client(server->port());
  Bytes headers = request_headers();
  for (uint32_t id = 1; id < 2 * 30000;) {
    Bytes burst;
    for (int i = 0; i < 50; ++i, id += 2) burst += frame(kHeaders, kEndHeaders, id, headers) + frame(kReset, 0, id, be32(8));
    if (!client.send(burst)) break;
  }
  EXPECT_EQ(client.until(kGoaway).type, kGoaway);
}

TEST_F(Http2, CutsOffAClientThatProvokesResets) {
  start();
  Client client(server->port());
  // Each stream announces a body shorter than what comes: the server must reset it.
  Bytes headers = request_headers() + literal("content-length", "1");
  for (uint32_t id = 1; id < 2 * 3000; id += 2) {
    if (!client.send(frame(kHeaders, kEndHeaders, id, headers) + frame(kData, 0, id, "too long"))) break;
  }
  EXPECT_EQ(expect_goaway(client, kEnhanceYourCalm), "too many streams in error");
}

TEST_F(Http2, CutsOffAFloodOfEmptyData) {
  start();
  Client client(server->port());
  client.send(frame(kHeaders, kEndHeaders, 1, request_headers()));
  Bytes flood;
  for (int i = 0; i < 5000; ++i) flood += frame(kData, 0, 1);
  client.send(flood);
  expect_goaway(client, kEnhanceYourCalm);
}

TEST_F(Http2, CutsOffAFloodOfSettings) {
  start();
  Client client(server->port());
  Bytes flood;
  for (int i = 0; i < 900; ++i) flood += frame(kSettings, 0, 0);
  client.send(flood);
  expect_goaway(client, kEnhanceYourCalm);
}

TEST_F(Http2, TellsAClientThatPingsTooOftenAndCutsItOff) {
  start();
  Client client(server->port());
  for (int i = 0; i < 5; ++i) client.send(frame(kPing, 0, 0, Bytes(8, 'p')));
  EXPECT_EQ(expect_goaway(client, kEnhanceYourCalm), "too_many_pings");
}

TEST_F(Http2, ForgivesPingsBetweenAnswers) {
  start();
  Client client(server->port());
  for (uint32_t id = 1; id < 40; id += 2) {
    client.send(frame(kPing, 0, 0, Bytes(8, 'p')));
    expect_served(client, id);
  }
}

Bytes message(const Bytes& body, bool compressed = false) {
  return Bytes(1, compressed ? '\1' : '\0') + be32(static_cast<uint32_t>(body.size())) + body;
}

TEST_F(Http2, AnswersInGzipWhomsoeverAsksInGzip) {
  start();
  Client client(server->port());
  client.send(frame(kHeaders, kEndHeaders, 1, request_headers() + literal("grpc-encoding", "gzip")) +
              frame(kData, kEndStream, 1, message(gzip("hello"), true)));
  EXPECT_NE(client.until(kHeaders).payload.size(), 0u);
  Frame answer = client.until(kData);
  ASSERT_GT(answer.payload.size(), 5u);
  EXPECT_EQ(answer.payload[0], 1);
  bool too_large = false;
  EXPECT_EQ(gunzip(BytesView(answer.payload).substr(5), 100, &too_large), "hello");
  // A client that says it cannot read it is spared.
  client.send(frame(kHeaders, kEndHeaders, 3,
                    request_headers() + literal("grpc-encoding", "gzip") + literal("grpc-accept-encoding", "identity")) +
              frame(kData, kEndStream, 3, message(gzip("hello"), true)));
  EXPECT_EQ(client.until(kData).payload, message("hello"));
}

TEST_F(Http2, DoesNotHoldMoreThanSomeMessagesOfCallsThatNeverEnd) {
  settings.receive_bytes_max = 1 << 20;  // four such messages may wait
  start();
  Client client(server->port());
  client.until(kSettings);
  client.send(frame(kSettings, kAck, 0));  // which makes the server's window its own
  uint32_t id = 1;
  for (; id <= 2 * 16; id += 2) {
    client.send(frame(kHeaders, kEndHeaders, id, request_headers()));
    Bytes whole = message(Bytes(400 << 10, 'x'));
    for (size_t at = 0; at < whole.size(); at += 16000) client.send(frame(kData, 0, id, whole.substr(at, 16000)));
  }
  EXPECT_EQ(client.until(kReset).payload, be32(kEnhanceYourCalm));
  // What was let go makes room: the connection serves on.
  for (uint32_t old = 1; old < id; old += 2) client.send(frame(kReset, 0, old, be32(8)));
  expect_served(client, id);
}

TEST_F(Http2, CutsOffAFloodOfContinuations) {
  start();
  Client client(server->port());
  Bytes flood = frame(kHeaders, 0, 1, request_headers());
  for (int i = 0; i < 5000; ++i) flood += frame(kContinuation, 0, 1, literal("x-more", Bytes(100, 'x')));
  client.send(flood);
  EXPECT_EQ(client.until(0xfe).type, 0xff);
}

TEST_F(Http2, CutsOffAFloodOfEmptyContinuations) {
  start();
  Client client(server->port());
  Bytes flood = frame(kHeaders, 0, 1, request_headers());
  for (int i = 0; i < 50000; ++i) flood += frame(kContinuation, 0, 1);
  client.send(flood);
  EXPECT_EQ(client.until(0xfe).type, 0xff);
}

TEST_F(Http2, CutsOffAFloodOfPingsWhoseAnswersAreNotRead) {
  start();
  Client client(server->port());
  Bytes flood;
  for (int i = 0; i < 20000; ++i) flood += frame(kPing, 0, 0, Bytes(8, 'p'));
  client.send(flood);
  EXPECT_EQ(expect_goaway(client, kEnhanceYourCalm), "too_many_pings");
}

TEST_F(Http2, LetsAClientWithoutCallsPingOnlyWhereTheSettingsSaySo) {
  settings.keepalive.permit_without_stream = false;
  settings.keepalive.min_interval = 0ms;
  start();
  Client client(server->port());
  // With a call on the way no ping is too early, without one each is.
  client.send(frame(kHeaders, kEndHeaders, 1, request_headers()));
  for (int i = 0; i < 20; ++i) client.send(frame(kPing, 0, 0, Bytes(8, 'p')));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(client.until(kPing).flags, kAck);
  client.send(frame(kReset, 0, 1, be32(8)));
  for (int i = 0; i < 5; ++i) client.send(frame(kPing, 0, 0, Bytes(8, 'p')));
  EXPECT_EQ(expect_goaway(client, kEnhanceYourCalm), "too_many_pings");
}

TEST_F(Http2, ServesOnAfterMessagesThatAreNone) {
  start();
  Client client(server->port());
  uint32_t id = 1;
  for (const Bytes& bad : {message("x", true), Bytes("\7\0\0\0\0", 5), Bytes("\0\xff\xff\xff\xff", 5), Bytes("\0\0\0\0\1", 5)}) {
    client.send(frame(kHeaders, kEndHeaders, id, request_headers()) + frame(kData, kEndStream, id, bad));
    EXPECT_EQ(client.until(kHeaders).stream, id);
    id += 2;
  }
  expect_served(client, id);
}

TEST_F(Http2, AnnouncesItsEndAndServesWhatTheClientHadSentByThen) {
  start();
  Client client(server->port());
  expect_served(client, 1);
  std::thread stopper([&] { server->stop(20s); });
  Frame notice = client.until(kGoaway);
  EXPECT_EQ(notice.payload.substr(0, 4), be32(0x7fffffff));
  EXPECT_EQ(notice.payload.substr(4, 4), be32(0));
  Frame ping = client.until(kPing);
  expect_served(client, 3);  // until the round trip is over, new calls are fine
  client.send(frame(kPing, kAck, 0, ping.payload));
  Frame last = client.until(kGoaway);
  EXPECT_EQ(last.payload.substr(0, 4), be32(3));
  EXPECT_EQ(client.until(0xfe).type, 0xff);
  stopper.join();
}

}  // namespace
}  // namespace selvage::rpc
