#include "os/signals.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <future>
#include <thread>

#include "os/system_clock.h"
#include "os/system_random.h"

namespace selvage::os {
namespace {

struct Collect : log::Sink {
  void write(const log::Record& record) override { text += std::string(record.message) + "\n"; }
  std::string text;
};

class SignalsTest : public ::testing::Test {
 protected:
  void SetUp() override { log::set_sink(sink_); }
  void TearDown() override { log::set_sink(nullptr); }
  std::shared_ptr<Collect> sink_ = std::make_shared<Collect>();
};

TEST_F(SignalsTest, TermEndsTheWaitAndIsLogged) {
  Signals signals{log::Logger("test")};
  ::kill(::getpid(), SIGTERM);
  EXPECT_EQ(signals.wait(), SIGTERM);
  EXPECT_EQ(sink_->text, "Received signal: 15 (terminated)\n");
}

TEST_F(SignalsTest, HangupCallsTheActionAndUsr1ReportsTheThreads) {
  Signals signals{log::Logger("test")};
  int hangups = 0;
  ::kill(::getpid(), SIGUSR1);
  ::kill(::getpid(), SIGHUP);
  // The kernel hands pending signals out lowest number first: hangup (1), user signal 1 (10), then the end.
  ::kill(::getpid(), SIGTERM);
  EXPECT_EQ(signals.wait([&] { ++hangups; }), SIGTERM);
  EXPECT_EQ(hangups, 1);
  EXPECT_NE(sink_->text.find("Received signal: 10 (user defined signal 1)\nGo routines report:\nthread "), std::string::npos)
      << sink_->text;
}

TEST_F(SignalsTest, StopEndsTheWaitWithoutASignal) {
  Signals signals{log::Logger("test")};
  signals.stop();
  EXPECT_EQ(signals.wait(), 0);
  EXPECT_EQ(sink_->text, "");
}

TEST_F(SignalsTest, ThreadReportNamesEveryThreadWithItsStack) {
  std::promise<void> started;
  std::promise<void> end;
  std::thread other([&] {
    ::prctl(PR_SET_NAME, "other_one");
    started.set_value();
    end.get_future().wait();
  });
  started.get_future().wait();
  const std::string report = describe_threads();
  end.set_value();
  other.join();
  EXPECT_NE(report.find("\"other_one\" ["), std::string::npos) << report;
  EXPECT_NE(report.find("\n\t"), std::string::npos) << report;
#ifndef __SANITIZE_THREAD__  // ThreadSanitizer holds signals back while a thread waits
  EXPECT_EQ(report.find("no answer"), std::string::npos) << report;
#endif
}

TEST(SystemRandom, StaysBelowItsBoundAndIsNotConstant) {
  for (uint64_t bound : {uint64_t{1}, uint64_t{2}, uint64_t{3}, uint64_t{1000}, UINT64_MAX}) {
    for (int i = 0; i < 50; ++i) EXPECT_LT(system_random().below(bound), bound);
  }
  EXPECT_EQ(system_random().bytes(33).size(), 33u);
  EXPECT_NE(system_random().bytes(16), system_random().bytes(16));
}

TEST(SystemClock, GoesForward) {
  const auto wall = system_clock().now();
  const auto steady = system_clock().steady();
  EXPECT_GE(system_clock().steady(), steady);
  EXPECT_GT(wall.time_since_epoch(), std::chrono::hours(24 * 365 * 50));
}

}  // namespace
}  // namespace selvage::os
