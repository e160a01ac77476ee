// One call there and back, its messages, metadata, status and limits, over loopback in plaintext; tls_test.cc does the same over
// mutual TLS.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "kit/loopback.h"

namespace selvage::rpc {
namespace {

TEST_F(Loopback, CarriesAUnaryCallThereAndBack) {
  make();
  start();
  auto reply = channel->unary("/test.Echo/Unary", "hello", {.timeout = kLong});
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(*reply, "hello");
  EXPECT_EQ(channel->state(), ChannelState::kReady);
}

TEST_F(Loopback, CarriesEmptyAndLargeMessages) {
  make();
  start();
  for (size_t size : {size_t{0}, size_t{1}, size_t{16384}, size_t{65536}, size_t{8u << 20}}) {
    auto reply = channel->unary("/test.Echo/Unary", Bytes(size, 'x'), {.timeout = kLong});
    ASSERT_TRUE(reply) << size << ": " << reply.error().message;
    EXPECT_EQ(reply->size(), size);
  }
}

TEST_F(Loopback, CarriesGzipBothWays) {
  make();
  start();
  for (size_t size : {size_t{0}, size_t{1}, size_t{1000}, size_t{8u << 20}}) {
    auto reply = channel->unary("/test.Echo/Unary", Bytes(size, 'x'), {.timeout = kLong, .gzip = true});
    ASSERT_TRUE(reply) << size << ": " << reply.error().message;
    EXPECT_EQ(*reply, Bytes(size, 'x'));
  }
  for (const char* method : {"/test.Echo/Both", "/test.Echo/Blocking"}) {
    auto stream = channel->stream(method, {.timeout = kLong, .gzip = true});
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(stream->write(Bytes(static_cast<size_t>(i), 'y')));
    stream->half_close();
    Bytes message;
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(stream->read(&message) && message == Bytes(static_cast<size_t>(i), 'y')) << i;
    EXPECT_TRUE(stream->finish().ok());
  }
}

TEST_F(Loopback, HoldsAnswersToTheServersLimitInGosWords) {
  settings.send_bytes_max = 1000;
  make();
  start();
  EXPECT_TRUE(channel->unary("/test.Echo/Unary", Bytes(1000, 'x'), {.timeout = kLong}));
  UnaryReply reply = channel->call("/test.Echo/Unary", Bytes(1001, 'x'), {.timeout = kLong});
  EXPECT_EQ(reply.status.to_string(),
            "rpc error: code = ResourceExhausted desc = grpc: trying to send message larger than max (1001 vs. 1000)");
  for (const char* method : {"/test.Echo/Both", "/test.Echo/Blocking"}) {
    auto stream = channel->stream(method, {.timeout = kLong});
    stream->write(Bytes(1001, 'x'));
    EXPECT_EQ(stream->finish().to_string(),
              "rpc error: code = ResourceExhausted desc = trying to send message larger than max (1001 vs. 1000)");
  }
}

TEST_F(Loopback, HoldsMessagesToTheLimitsAfterDecompression) {
  settings.receive_bytes_max = 1 << 20;
  make();
  start();
  UnaryReply reply = channel->call("/test.Echo/Unary", Bytes((1 << 20) + 1, 'x'), {.timeout = kLong, .gzip = true});
  EXPECT_EQ(reply.status.code, Code::kResourceExhausted);
  EXPECT_EQ(reply.status.message, "grpc: received message after decompression larger than max 1048576");
  auto stream = channel->stream("/test.Echo/Both", {.timeout = kLong, .gzip = true});
  stream->write(Bytes((1 << 20) + 1, 'x'));
  EXPECT_EQ(stream->finish().code, Code::kResourceExhausted);
  EXPECT_TRUE(channel->unary("/test.Echo/Unary", Bytes(1 << 20, 'x'), {.timeout = kLong, .gzip = true}));
}

TEST_F(Loopback, CarriesMetadataBothWaysAndBinaryUnharmed) {
  const Bytes raw("\x00\xff\n,=", 5);
  make().add_unary("/test.Echo/Meta", [&](auto call, Bytes) {
    call->add_header("x-header-bin", Bytes(*call->metadata().first("x-asked-bin")));
    call->add_trailer("x-trailer", Bytes(*call->metadata().first("x-asked")));
    call->add_trailer("grpc-status", "7");  // not for applications
    call->reply("");
  });
  start();
  UnaryReply reply = channel->call("/test.Echo/Meta", "", {.timeout = kLong, .metadata = {{"x-asked-bin", raw}, {"x-asked", "a b"}}});
  ASSERT_TRUE(reply.status.ok()) << reply.status.message;
  EXPECT_EQ(reply.headers.first("x-header-bin"), raw);
  EXPECT_EQ(reply.trailers.first("x-trailer"), "a b");
}

TEST_F(Loopback, CarriesAStatusWithItsDetails) {
  make().add_unary("/test.Echo/Fail", [&](auto call, Bytes) {
    call->finish({Code::kAborted, "50% \xc3\xa4rger\n", {{"type.googleapis.com/x.Y", Bytes("\x01\x00", 2)}}});
  });
  start();
  UnaryReply reply = channel->call("/test.Echo/Fail", "", {.timeout = kLong});
  EXPECT_EQ(reply.status.code, Code::kAborted);
  EXPECT_EQ(reply.status.message, "50% \xc3\xa4rger\n");
  ASSERT_EQ(reply.status.details.size(), 1u);
  EXPECT_EQ(reply.status.details[0].value, Bytes("\x01\x00", 2));
}

TEST_F(Loopback, NamesWhatItDoesNotServe) {
  make();
  start();
  UnaryReply method = channel->call("/test.Echo/Nope", "", {.timeout = kLong});
  EXPECT_EQ(method.status.to_string(), "rpc error: code = Unimplemented desc = unknown method Nope for service test.Echo");
  UnaryReply service = channel->call("/test.Nope/Unary", "", {.timeout = kLong});
  EXPECT_EQ(service.status.to_string(), "rpc error: code = Unimplemented desc = unknown service test.Nope");
}

TEST_F(Loopback, HoldsMessagesToTheServersLimit) {
  settings.receive_bytes_max = 1000;
  make();
  start();
  EXPECT_TRUE(channel->unary("/test.Echo/Unary", Bytes(1000, 'x'), {.timeout = kLong}));
  UnaryReply reply = channel->call("/test.Echo/Unary", Bytes(1001, 'x'), {.timeout = kLong});
  EXPECT_EQ(reply.status.code, Code::kResourceExhausted);
  EXPECT_EQ(reply.status.message, "grpc: received message larger than max (1001 vs. 1000)");
  UnaryReply large = channel->call("/test.Echo/Unary", Bytes(2 << 20, 'x'), {.timeout = kLong});
  EXPECT_EQ(large.status.code, Code::kResourceExhausted) << large.status.message;
}

TEST_F(Loopback, HoldsMessagesToTheClientsLimits) {
  channel_settings.receive_bytes_max = 1000;
  channel_settings.send_bytes_max = 2000;
  make();
  start();
  EXPECT_EQ(channel->call("/test.Echo/Unary", Bytes(1001, 'x'), {.timeout = kLong}).status.code, Code::kResourceExhausted);
  UnaryReply unsent = channel->call("/test.Echo/Unary", Bytes(2001, 'x'), {.timeout = kLong});
  EXPECT_EQ(unsent.status.message, "trying to send message larger than max (2001 vs. 2000)");
}

TEST_F(Loopback, EndsACallAtItsDeadlineOnBothSides) {
  std::promise<std::shared_ptr<ServerCall>> seen;
  std::atomic<bool> came{false};
  make().add_unary("/test.Echo/Never", [&](auto call, Bytes) {
    if (!came.exchange(true)) seen.set_value(call);
  });
  start();
  // On a busy machine a deadline may pass before the call is under way: then the next one is later.
  for (auto timeout = 30ms; !came; timeout *= 2) {
    UnaryReply reply = channel->call("/test.Echo/Never", "", {.timeout = timeout});
    ASSERT_EQ(reply.status.code, Code::kDeadlineExceeded);
    ASSERT_LT(timeout, kLong);
  }
  auto call = seen.get_future().get();
  ASSERT_TRUE(call->deadline());
  while (!call->cancelled()) std::this_thread::yield();
  call->reply("too late");
}

TEST_F(Loopback, KnowsThePeersAddressAndThatPlaintextHasNoKeyingMaterial) {
  std::promise<std::pair<Peer, Result<Bytes>>> seen;
  make().add_unary("/test.Echo/Peer", [&](auto call, Bytes) {
    seen.set_value({call->peer(), call->export_keying_material("label", "context", 32)});
    call->reply("");
  });
  start();
  ASSERT_TRUE(channel->unary("/test.Echo/Peer", "", {.timeout = kLong}));
  auto [peer, key] = seen.get_future().get();
  EXPECT_TRUE(peer.address.starts_with("127.0.0.1:")) << peer.address;
  EXPECT_FALSE(peer.tls);
  EXPECT_EQ(key.error().code, Code::kFailedPrecondition);
  EXPECT_EQ(channel->peer()->address, server->address());
}

}  // namespace
}  // namespace selvage::rpc
