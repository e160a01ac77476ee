// What a unary handler that answers later hears of a client that does not wait for it.
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "os/event_loop.h"
#include "rpc/channel.h"
#include "rpc/server.h"

namespace selvage::rpc {
namespace {

using namespace std::chrono_literals;

constexpr auto kLong = 20s;  // bounds a test that has gone wrong, never one that goes well

class Cancelled : public testing::Test {
 protected:
  Cancelled() {
    auto loops = std::make_shared<os::LoopGroup>(2, "test");
    server = std::make_unique<Server>(ServerSettings{.listen_address = "127.0.0.1:0", .loops = loops});
    server->add_unary("/test.Later/Never", [this](std::shared_ptr<ServerCall> call, Bytes) {
      call->on_cancelled([this] { told.set_value(); });
      came.set_value(std::move(call));
    });
    EXPECT_TRUE(server->start());
    channel = Channel::make({.targets = {server->address()}, .loops = loops});
  }
  ~Cancelled() override {
    channel.reset();
    server.reset();
  }
  std::shared_ptr<ClientCall> begin(CallOptions options = {}) {
    return channel->call_async("/test.Later/Never", "", options, [this](UnaryReply reply) { ended.set_value(reply.status); });
  }
  std::shared_ptr<ServerCall> the_call() { return came.get_future().get(); }
  bool is_told() { return told.get_future().wait_for(kLong) == std::future_status::ready; }

  std::promise<std::shared_ptr<ServerCall>> came;
  std::promise<void> told;
  std::promise<Status> ended;
  std::unique_ptr<Server> server;
  std::shared_ptr<Channel> channel;
};

TEST_F(Cancelled, IsToldWhenTheClientCancels) {
  auto out = begin({.timeout = kLong});
  auto call = the_call();
  EXPECT_FALSE(call->cancelled());
  out->cancel();
  ASSERT_TRUE(is_told());
  EXPECT_TRUE(call->cancelled());
}

TEST_F(Cancelled, IsToldWhenTheDeadlinePasses) {
  ASSERT_TRUE(channel->wait_ready(kLong));  // a call that does not reach the server is not what this is about
  begin({.timeout = 200ms});
  EXPECT_TRUE(is_told());
  EXPECT_EQ(ended.get_future().get().code, Code::kDeadlineExceeded);
}

TEST_F(Cancelled, IsToldWhenTheConnectionIsGone) {
  begin();
  auto call = the_call();
  channel->close();
  EXPECT_TRUE(is_told());
}

TEST_F(Cancelled, IsToldAtOnceWhenItAsksTooLate) {
  std::promise<void> second;
  Server other({.listen_address = "127.0.0.1:0"});
  other.add_unary("/test.Later/Late", [&](std::shared_ptr<ServerCall> call, Bytes) {
    while (!call->cancelled()) std::this_thread::yield();
    bool within = false;
    call->on_cancelled([&] { within = true; });
    if (within) second.set_value();
  });
  ASSERT_TRUE(other.start());
  auto to_other = Channel::make({.targets = {other.address()}});
  EXPECT_EQ(to_other->call("/test.Later/Late", "", {.timeout = 50ms}).status.code, Code::kDeadlineExceeded);
  EXPECT_EQ(second.get_future().wait_for(kLong), std::future_status::ready);
  other.stop();
}

TEST_F(Cancelled, IsNotToldWhenTheCallWasAnsweredAndLetsGoOfTheNotice) {
  begin({.timeout = kLong});
  auto call = the_call();
  std::promise<void> gone;
  std::shared_ptr<void> held(nullptr, [&](void*) { gone.set_value(); });
  call->on_cancelled([this, held] { told.set_value(); });
  held.reset();
  call->reply("done");
  EXPECT_TRUE(ended.get_future().get().ok());
  ASSERT_EQ(gone.get_future().wait_for(kLong), std::future_status::ready);
  channel->close();
  EXPECT_EQ(told.get_future().wait_for(0s), std::future_status::timeout);
}

}  // namespace
}  // namespace selvage::rpc
