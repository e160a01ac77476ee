// How a channel finds, loses and finds again its server, and how a server leaves, over loopback in plaintext.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "kit/loopback.h"

namespace selvage::rpc {
namespace {

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

// The calls that end with it must not begin the time after which it would be idle: nobody is there any more when that is over.
TEST_F(Loopback, AChannelClosedInTheMidstOfACallIsNeverIdle) {
  channel_settings.loops = settings.loops = std::make_shared<os::LoopGroup>(1, "test");
  channel_settings.idle_timeout = 20ms;
  make();
  start();
  {
    auto left = channel->stream("/test.Echo/Both", {.timeout = kLong});
    ASSERT_TRUE(left->write("x"));
    Bytes message;
    ASSERT_TRUE(left->read(&message));
    channel->close();
  }
  // The next channel of this loop becomes idle after it would have.
  channel = Channel::make(channel_settings);
  ASSERT_TRUE(channel->unary("/test.Echo/Unary", "", {.timeout = kLong}));
  while (server->connection_count() > 0) std::this_thread::yield();
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
