#include "os/event_loop.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>

namespace selvage::os {
namespace {

using namespace std::chrono_literals;

// Runs `task` on the loop and waits for what it returns.
template <class Fn>
auto on_loop(EventLoop& loop, Fn fn) {
  std::promise<decltype(fn())> promise;
  loop.post([&] { promise.set_value(fn()); });
  return promise.get_future().get();
}

TEST(EventLoop, RunsPostedTasksInOrderOnItsOwnThread) {
  LoopGroup group(1);
  std::vector<int> seen;
  std::promise<bool> done;
  for (int i = 0; i < 100; ++i) group.at(0).post([&, i] { seen.push_back(i); });
  group.at(0).post([&] { done.set_value(group.at(0).in_loop_thread()); });
  EXPECT_TRUE(done.get_future().get());
  EXPECT_FALSE(group.at(0).in_loop_thread());
  ASSERT_EQ(seen.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(seen[i], i);
}

TEST(EventLoop, FiresTimersInTheOrderOfTheirTimesAndNotThoseCancelled) {
  LoopGroup group(1);
  EventLoop& loop = group.at(0);
  std::vector<int> seen;
  std::promise<void> done;
  loop.post([&] {
    loop.after(3ms, [&] {
      seen.push_back(3);
      done.set_value();
    });
    EventLoop::TimerId second = loop.after(2ms, [&] { seen.push_back(2); });
    loop.after(1ms, [&, second] {
      seen.push_back(1);
      loop.cancel(second);
    });
  });
  done.get_future().get();
  EXPECT_EQ(seen, (std::vector<int>{1, 3}));
}

TEST(EventLoop, ATimerThatSetsItselfAgainWithoutDelayDoesNotStarveThePosts) {
  LoopGroup group(1);
  EventLoop& loop = group.at(0);
  bool stop = false;
  std::function<void()> again = [&] {
    if (!stop) loop.after(0ms, again);
  };
  loop.post([&] { again(); });
  EXPECT_TRUE(on_loop(loop, [&] { return stop = true; }));
}

TEST(EventLoop, DefersToTheEndOfTheTurn) {
  LoopGroup group(1);
  EventLoop& loop = group.at(0);
  std::string order;
  on_loop(loop, [&] {
    loop.defer([&] { order += "c"; });
    order += "a";
    loop.post([&] { order += "d"; });
    order += "b";
    return 0;
  });
  on_loop(loop, [] { return 0; });
  EXPECT_EQ(order, "abcd");
}

TEST(EventLoop, ReportsReadableAndWritableAndTheEndOfTheOtherSide) {
  LoopGroup group(1);
  EventLoop& loop = group.at(0);
  int fds[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
  std::promise<void> wrote, read, ended;
  std::string got;
  loop.post([&] {
    ASSERT_TRUE(loop.watch(fds[0], EventLoop::kWrite, [&](uint32_t events) {
      if (!(events & EventLoop::kRead)) {
        loop.change(fds[0], EventLoop::kRead);
        wrote.set_value();
      } else {
        char buffer[16];
        ssize_t count = ::read(fds[0], buffer, sizeof buffer);
        if (count > 0) {
          got.append(buffer, static_cast<size_t>(count));
          read.set_value();
        } else {
          loop.unwatch(fds[0]);
          ended.set_value();
        }
      }
    }));
  });
  wrote.get_future().get();
  ASSERT_EQ(::write(fds[1], "hello", 5), 5);
  read.get_future().get();
  EXPECT_EQ(got, "hello");
  ::close(fds[1]);
  ended.get_future().get();
  ::close(fds[0]);
}

TEST(EventLoop, CallsNothingForAnFdThatAnEarlierCallbackOfTheTurnDropped) {
  LoopGroup group(1);
  EventLoop& loop = group.at(0);
  int a[2], b[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, a), 0);
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, b), 0);
  int calls = 0;
  on_loop(loop, [&] {
    auto drop_both = [&](uint32_t) {
      ++calls;
      loop.unwatch(a[0]);
      loop.unwatch(b[0]);
    };
    // Both are ready before the loop looks.
    EXPECT_EQ(::write(a[1], "x", 1), 1);
    EXPECT_EQ(::write(b[1], "x", 1), 1);
    EXPECT_TRUE(loop.watch(a[0], EventLoop::kRead, drop_both));
    EXPECT_TRUE(loop.watch(b[0], EventLoop::kRead, drop_both));
    return 0;
  });
  on_loop(loop, [] { return 0; });
  on_loop(loop, [] { return 0; });
  EXPECT_EQ(calls, 1);
  for (int fd : {a[0], a[1], b[0], b[1]}) ::close(fd);
}

TEST(EventLoop, RefusesAnFdThatEpollDoesNotTake) {
  EventLoop loop;
  EXPECT_FALSE(loop.watch(-1, EventLoop::kRead, [](uint32_t) {}));
}

TEST(LoopGroup, SpreadsOverItsLoops) {
  LoopGroup group(2);
  EventLoop* first = &group.next();
  EXPECT_NE(first, &group.next());
  EXPECT_EQ(first, &group.next());
}

TEST(LoopGroup, MayBeLetGoOnOneOfItsOwnThreads) {
  auto group = std::make_shared<LoopGroup>(2);
  std::promise<void> gone;
  EventLoop& loop = group->at(0);
  loop.post([group = std::move(group), &gone]() mutable {
    group.reset();
    gone.set_value();
  });
  gone.get_future().get();
}

}  // namespace
}  // namespace selvage::os
