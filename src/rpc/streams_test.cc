// Streams and many calls at once, over loopback in plaintext: their order, ends, and who waits for whom.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <latch>
#include <thread>
#include <vector>

#include "kit/loopback.h"
#include "rpc/why_refused.h"
#include "tls/binding.h"

namespace selvage::rpc {
namespace {

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

// As Deliver refuses: a message that says so, a good status, and the reason beside it.
TEST_F(Loopback, AStreamThatWasRefusedTellsWhyBesideAGoodStatus) {
  class Refusing final : public EchoHandler {
   public:
    using EchoHandler::EchoHandler;
    void on_message(Bytes message) override {
      if (message == "open") return;
      call_->add_trailer(tls::kWhyTrailer, percent_encode("TLS-50: no\nhash"));
      call_->write("BAD_REQUEST");
      if (message != "and stay") call_->finish({});
    }
    void on_half_close() override {}
  };
  make().add_stream("/test.Echo/Refusing", [](auto call) { return std::make_unique<Refusing>(std::move(call)); });
  start();
  const auto ask = [&](const char* what, std::chrono::milliseconds within) {
    auto stream = channel->stream("/test.Echo/Refusing", {.timeout = kLong});
    stream->write(what);
    Bytes message;
    EXPECT_TRUE(stream->read(&message));
    return why_refused(*stream, within);
  };
  EXPECT_EQ(ask("and end", kLong), "TLS-50: no\\x0ahash");  // escaped, for a log
  EXPECT_EQ(ask("and stay", 10ms), "") << "a server that leaves the call open holds nobody up";
}

}  // namespace
}  // namespace selvage::rpc
