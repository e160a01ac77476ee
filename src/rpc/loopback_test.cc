// Server and channel against each other over loopback, in plaintext; tls_test.cc does the same over mutual TLS.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <latch>
#include <thread>

#include "os/event_loop.h"
#include "rpc/channel.h"
#include "rpc/server.h"

namespace selvage::rpc {
namespace {

using namespace std::chrono_literals;

constexpr auto kLong = 20s;  // bounds a test that has gone wrong, never one that goes well

// Sends back each message at once, on the loop.
class EchoHandler : public StreamHandler {
 public:
  explicit EchoHandler(std::shared_ptr<ServerCall> call) : call_(std::move(call)) {}
  void on_message(Bytes message) override { call_->write(std::move(message)); }
  void on_half_close() override { call_->finish({}); }

 protected:
  std::shared_ptr<ServerCall> call_;
};

class Loopback : public testing::Test {
 protected:
  Loopback() {
    settings.listen_address = "127.0.0.1:0";
    settings.loops = std::make_shared<os::LoopGroup>(2, "test");
    channel_settings.loops = settings.loops;
    channel_settings.backoff.base = 1ms;
  }
  ~Loopback() override {
    channel.reset();
    server.reset();
  }
  Server& make() {
    server = std::make_unique<Server>(settings);
    server->add_unary("/test.Echo/Unary", [](auto call, Bytes request) { call->reply(std::move(request)); });
    server->add_stream("/test.Echo/Both", [](auto call) { return std::make_unique<EchoHandler>(std::move(call)); });
    server->add_blocking_stream("/test.Echo/Blocking", [](BlockingStream& stream) -> Status {
      for (Bytes message; stream.read(&message);) {
        if (!stream.write(message)) break;
      }
      return {};
    });
    return *server;
  }
  void start() {
    auto started = server->start();
    ASSERT_TRUE(started) << started.error().message;
    if (channel_settings.targets.empty()) channel_settings.targets = {server->address()};
    channel = Channel::make(channel_settings);
  }

  ServerSettings settings;
  ChannelSettings channel_settings;
  std::unique_ptr<Server> server;
  std::shared_ptr<Channel> channel;
};

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

// Tells the test of its end.
class TellingHandler final : public EchoHandler {
 public:
  TellingHandler(std::shared_ptr<ServerCall> call, std::promise<Status>* told) : EchoHandler(std::move(call)), told_(told) {}
  void on_cancelled(const Status& why) override { told_->set_value(why); }

 private:
  std::promise<Status>* told_;
};

TEST_F(Loopback, TellsTheHandlerOfAStreamThatTheClientCancelled) {
  std::promise<Status> told;
  make().add_stream("/test.Echo/Told", [&](auto call) { return std::make_unique<TellingHandler>(std::move(call), &told); });
  start();
  auto stream = channel->stream("/test.Echo/Told", {});
  ASSERT_TRUE(stream->write("x"));
  Bytes message;
  ASSERT_TRUE(stream->read(&message));
  stream->cancel();
  EXPECT_EQ(told.get_future().get().code, Code::kCancelled);
  EXPECT_EQ(stream->finish().code, Code::kCancelled);
}

TEST_F(Loopback, TellsTheHandlerOfAStreamThatTheConnectionIsGone) {
  std::promise<Status> told;
  make().add_stream("/test.Echo/Told", [&](auto call) { return std::make_unique<TellingHandler>(std::move(call), &told); });
  start();
  auto stream = channel->stream("/test.Echo/Told", {});
  Bytes message;
  ASSERT_TRUE(stream->write("x") && stream->read(&message));
  channel->close();
  EXPECT_EQ(told.get_future().get().code, Code::kCancelled);
  EXPECT_EQ(stream->finish().code, Code::kCancelled);
}

TEST_F(Loopback, KeepsTheOrderOfAStreamsMessages) {
  make();
  start();
  for (const char* method : {"/test.Echo/Both", "/test.Echo/Blocking"}) {
    auto stream = channel->stream(method, {.timeout = kLong});
    for (int i = 0; i < 1000; ++i) ASSERT_TRUE(stream->write(std::to_string(i)));
    stream->half_close();
    Bytes message;
    for (int i = 0; i < 1000; ++i) {
      ASSERT_TRUE(stream->read(&message));
      ASSERT_EQ(message, std::to_string(i));
    }
    EXPECT_FALSE(stream->read(&message));
    EXPECT_TRUE(stream->finish().ok());
  }
}

TEST_F(Loopback, AStreamMayEndBeforeItsClientHasHalfClosed) {
  make().add_blocking_stream("/test.Echo/Short", [](BlockingStream& stream) -> Status {
    Bytes message;
    stream.read(&message);
    stream.write("only");
    return {Code::kOutOfRange, "enough"};
  });
  start();
  auto stream = channel->stream("/test.Echo/Short", {.timeout = kLong});
  Bytes message;
  ASSERT_TRUE(stream->write("x"));
  ASSERT_TRUE(stream->read(&message));
  EXPECT_FALSE(stream->read(&message));
  EXPECT_EQ(stream->finish().message, "enough");
  EXPECT_TRUE(channel->unary("/test.Echo/Unary", "after", {.timeout = kLong}));
}

TEST_F(Loopback, AWriterOnTheServerWaitsForAClientThatDoesNotRead) {
  settings.write_high_bytes = 100000;
  std::atomic<int> written{0};
  std::promise<void> waiting;
  make().add_blocking_stream("/test.Echo/Flood", [&](BlockingStream& stream) -> Status {
    for (int i = 0; i < 2000; ++i) {
      if (!stream.write(Bytes(10000, 'x'))) return {Code::kCancelled, ""};
      ++written;
    }
    return {};
  });
  start();
  auto stream = channel->stream("/test.Echo/Flood", {.timeout = kLong});
  stream->half_close();
  Bytes message;
  ASSERT_TRUE(stream->read(&message));
  // 20 MB are to come; what fits into windows, queues and buffers on the way is far less.
  int before = -1;
  while (written != before) {
    before = written;
    // Round trips on the same connection give the writer every chance to go on.
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(channel->unary("/test.Echo/Unary", "", {.timeout = kLong}));
  }
  EXPECT_LT(written, 1000);
  int read = 1;
  while (stream->read(&message)) ++read;
  EXPECT_EQ(read, 2000);
  EXPECT_TRUE(stream->finish().ok());
}

TEST_F(Loopback, AWriterOnTheClientWaitsForAHandlerThatDoesNotRead) {
  std::promise<void> release;
  auto gate = release.get_future().share();
  std::atomic<int> got{0};
  make().add_blocking_stream("/test.Echo/Slow", [&](BlockingStream& stream) -> Status {
    gate.wait();
    for (Bytes message; stream.read(&message);) ++got;
    return {};
  });
  start();
  auto stream = channel->stream("/test.Echo/Slow", {.timeout = kLong});
  std::atomic<int> written{0};
  std::thread writer([&] {
    for (int i = 0; i < 2000; ++i) {
      if (!stream->write(Bytes(10000, 'x'))) break;
      ++written;
    }
    stream->half_close();
  });
  int before = -1;
  while (written != before) {
    before = written;
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(channel->unary("/test.Echo/Unary", "", {.timeout = kLong}));
  }
  EXPECT_LT(written, 1000);
  release.set_value();
  writer.join();
  EXPECT_TRUE(stream->finish().ok());
  EXPECT_EQ(got, 2000);
}

// A handler that sends more than any buffer on the way holds, to a client whose window is open all the time.
TEST_F(Loopback, AStreamMayCarryFarMoreThanBuffersHold) {
  settings.write_high_bytes = 64u << 20;
  make().add_blocking_stream("/test.Echo/Much", [&](BlockingStream& stream) -> Status {
    for (int i = 0; i < 40; ++i) {
      if (!stream.write(Bytes(1 << 20, 'x'))) break;
    }
    return {};
  });
  start();
  auto stream = channel->stream("/test.Echo/Much", {.timeout = kLong});
  size_t bytes = 0;
  for (Bytes message; stream->read(&message);) bytes += message.size();
  EXPECT_TRUE(stream->finish().ok());
  EXPECT_EQ(bytes, size_t{40} << 20);
}

TEST_F(Loopback, ServesManyCallsAtOnceOverOneConnection) {
  make();
  start();
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        Bytes request = std::to_string(t * 1000 + i);
        auto reply = channel->unary("/test.Echo/Unary", request, {.timeout = kLong});
        if (reply && *reply == request) ++good;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 400);
  EXPECT_EQ(server->connection_count(), 1u);
}

TEST_F(Loopback, QueuesCallsBeyondTheServersStreamsInsteadOfFailing) {
  settings.streams_max = 3;
  make();
  start();
  std::latch done(50);
  std::atomic<int> good{0};
  for (int i = 0; i < 50; ++i) {
    channel->call_async("/test.Echo/Unary", "x", {.timeout = kLong}, [&](UnaryReply reply) {
      if (reply.status.ok()) ++good;
      done.count_down();
    });
  }
  done.wait();
  EXPECT_EQ(good, 50);
}

TEST_F(Loopback, RefusesCallsBeyondAServicesLimitWithFabricsWords) {
  settings.concurrency_limits = {{"/test.Echo", 1}};
  std::promise<void> entered, release;
  auto gate = release.get_future().share();
  make().add_unary("/test.Echo/Wait", [&](auto call, Bytes) {
    entered.set_value();
    gate.wait();
    call->reply("");
  });
  start();
  std::promise<UnaryReply> first;
  channel->call_async("/test.Echo/Wait", "", {.timeout = kLong}, [&](UnaryReply reply) { first.set_value(std::move(reply)); });
  entered.get_future().get();
  UnaryReply second = channel->call("/test.Echo/Unary", "", {.timeout = kLong});
  EXPECT_EQ(second.status.to_string(),
            "rpc error: code = Unknown desc = too many requests for /test.Echo, exceeding concurrency limit (1)");
  release.set_value();
  EXPECT_TRUE(first.get_future().get().status.ok());
  EXPECT_TRUE(channel->unary("/test.Echo/Unary", "", {.timeout = kLong}));
}

TEST_F(Loopback, AHandlerThatForgetsItsCallEndsIt) {
  make().add_unary("/test.Echo/Forget", [](auto, Bytes) {});
  start();
  EXPECT_EQ(channel->call("/test.Echo/Forget", "", {.timeout = kLong}).status.code, Code::kUnknown);
}

TEST_F(Loopback, FailsFastWithGosWordsWhenNobodyListens) {
  channel_settings.targets = {"127.0.0.1:1"};
  make();
  start();
  UnaryReply reply = channel->call("/test.Echo/Unary", "", {.timeout = kLong});
  EXPECT_EQ(reply.status.to_string(),
            "rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while dialing: dial tcp "
            "127.0.0.1:1: connect: connection refused\"");
  ASSERT_TRUE(channel->last_failure());
  EXPECT_FALSE(channel->last_failure()->permanent);
  auto ready = channel->wait_ready(20ms);
  ASSERT_FALSE(ready);
  EXPECT_EQ(ready.error().code, Code::kUnavailable);
  EXPECT_NE(ready.error().message.find("connection refused"), std::string::npos);
}

TEST_F(Loopback, ACallThatWaitsForReadyNamesTheLastErrorAtItsDeadline) {
  channel_settings.targets = {"127.0.0.1:1"};
  make();
  start();
  UnaryReply reply = channel->call("/test.Echo/Unary", "", {.timeout = 50ms, .wait_for_ready = true});
  EXPECT_EQ(reply.status.code, Code::kDeadlineExceeded);
  EXPECT_NE(reply.status.message.find("connection refused"), std::string::npos) << reply.status.message;
}

TEST_F(Loopback, TriesTheNextTargetWhenOneDoesNotAnswer) {
  make();
  ASSERT_TRUE(server->start());
  channel_settings.targets = {"127.0.0.1:1", server->address()};
  channel = Channel::make(channel_settings);
  EXPECT_TRUE(channel->unary("/test.Echo/Unary", "", {.timeout = kLong}));
}

TEST_F(Loopback, FindsLocalhostByName) {
  make();
  ASSERT_TRUE(server->start());
  channel_settings.targets = {"localhost:" + std::to_string(server->port())};
  channel = Channel::make(channel_settings);
  auto reply = channel->unary("/test.Echo/Unary", "", {.timeout = kLong});
  EXPECT_TRUE(reply) << reply.error().message;
}

TEST_F(Loopback, DialsAgainWhenTheServerHasBeenRestarted) {
  settings.listen_address = "127.0.0.9:0";  // connections come from 127.0.0.1: none of them takes the port meanwhile
  make();
  start();
  ASSERT_TRUE(channel->unary("/test.Echo/Unary", "", {.timeout = kLong}));
  settings.listen_address = server->address();
  server->stop();
  make();
  ASSERT_TRUE(server->start());
  const auto again = [&] { return channel->unary("/test.Echo/Unary", "again", {.timeout = kLong, .wait_for_ready = true}); };
  auto reply = again();
  // It may have gone out over the old connection, before its end was seen.
  if (!reply && reply.error().code == Code::kUnavailable) reply = again();
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(*reply, "again");
}

TEST_F(Loopback, AGracefulStopLetsCallsEnd) {
  std::promise<void> entered, release;
  auto gate = release.get_future().share();
  make().add_unary("/test.Echo/Wait", [&](auto call, Bytes) {
    entered.set_value();
    gate.wait();
    call->reply("served");
  });
  start();
  std::promise<UnaryReply> answer;
  channel->call_async("/test.Echo/Wait", "", {.timeout = kLong}, [&](UnaryReply reply) { answer.set_value(std::move(reply)); });
  entered.get_future().get();
  std::thread stopper([&] { server->stop(kLong); });
  // The listener is closed first, so that a new connection is refused while the old call goes on.
  ChannelSettings other = channel_settings;
  while (Channel::make(other)->wait_ready(50ms)) {
  }
  release.set_value();
  UnaryReply reply = answer.get_future().get();
  EXPECT_TRUE(reply.status.ok()) << reply.status.message;
  EXPECT_EQ(reply.message, "served");
  stopper.join();
  EXPECT_EQ(server->connection_count(), 0u);
}

TEST_F(Loopback, StopCutsStreamsThatDoNotEnd) {
  make();
  start();
  auto stream = channel->stream("/test.Echo/Blocking", {});
  Bytes message;
  ASSERT_TRUE(stream->write("x") && stream->read(&message));
  server->stop(1ms);
  EXPECT_FALSE(stream->read(&message));
  EXPECT_EQ(stream->finish().code, Code::kUnavailable);
}

TEST_F(Loopback, SendsAgainWhatADrainingServerRefusedUntouched) {
  // Calls race with GOAWAY here: each must either be served by the old server or, refused untouched, by its successor.
  make();
  start();
  ASSERT_TRUE(channel->unary("/test.Echo/Unary", "", {.timeout = kLong}));
  auto first = std::move(server);
  settings.listen_address = first->address();
  std::atomic<bool> stop{false};
  std::atomic<int> bad{0}, good{0};
  std::thread caller([&] {
    while (!stop) {
      UnaryReply reply = channel->call("/test.Echo/Unary", "x", {.timeout = kLong, .wait_for_ready = true});
      reply.status.ok() ? ++good : ++bad;
      if (!reply.status.ok()) ADD_FAILURE() << reply.status.message;
    }
  });
  first->stop(kLong);
  make();
  ASSERT_TRUE(server->start());
  int served = good;
  while (good < served + 10 && bad == 0) std::this_thread::yield();
  stop = true;
  caller.join();
  EXPECT_EQ(bad, 0);
}

TEST_F(Loopback, AnHonestClientThatCancelsThousandsOfCallsKeepsItsOthers) {
  make().add_stream("/test.Echo/Hold", [](auto call) { return std::make_unique<EchoHandler>(std::move(call)); });
  start();
  auto kept = channel->stream("/test.Echo/Both", {.timeout = kLong});
  Bytes message;
  ASSERT_TRUE(kept->write("before") && kept->read(&message));
  for (int i = 0; i < 4000; ++i) {
    auto doomed = channel->stream("/test.Echo/Hold", {});
    doomed->write("x");
    doomed->cancel();
  }
  ASSERT_TRUE(kept->write("after"));
  ASSERT_TRUE(kept->read(&message));
  EXPECT_EQ(message, "after");
}

TEST_F(Loopback, AClosedChannelRefusesCallsAndEndsThoseOnTheWay) {
  make();
  start();
  auto stream = channel->stream("/test.Echo/Both", {});
  channel->close();
  EXPECT_EQ(stream->finish().code, Code::kCancelled);
  EXPECT_EQ(channel->call("/test.Echo/Unary", "", {}).status.code, Code::kCancelled);
  EXPECT_EQ(channel->state(), ChannelState::kShutdown);
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

TEST_F(Loopback, AnAddressInUseIsAnErrorInGosWords) {
  make();
  start();
  settings.listen_address = server->address();
  Server second(settings);
  auto started = second.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().message, "listen tcp " + server->address() + ": bind: address already in use");
}

TEST_F(Loopback, AnIdleChannelLetsItsConnectionGoAndTakesCallsAgain) {
  channel_settings.idle_timeout = 1ms;
  make();
  start();
  ASSERT_TRUE(channel->unary("/test.Echo/Unary", "", {.timeout = kLong}));
  while (server->connection_count() > 0) std::this_thread::yield();
  EXPECT_TRUE(channel->unary("/test.Echo/Unary", "", {.timeout = kLong}));
}

TEST_F(Loopback, AClientThatPingsTooOftenIsToldAndComesBackSlower) {
  settings.keepalive.min_interval = 1h;
  channel_settings.keepalive.interval = 1ms;
  make();
  start();
  ASSERT_TRUE(channel->unary("/test.Echo/Unary", "", {.timeout = kLong}));
  while (server->connection_count() > 0) std::this_thread::yield();
  EXPECT_TRUE(channel->unary("/test.Echo/Unary", "", {.timeout = kLong}));
}

}  // namespace
}  // namespace selvage::rpc
