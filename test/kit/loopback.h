// Server and channel of one process against each other over loopback, in plaintext: the fixture of rpc's loopback_test.cc,
// streams_test.cc and connections_test.cc.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <utility>

#include "os/event_loop.h"
#include "rpc/channel.h"
#include "rpc/server.h"

namespace selvage::rpc {

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

}  // namespace selvage::rpc
