// When chaincode processes are dialled, with a connector that the test plays.
#include "chaincode/launcher.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "peer/chaincode.pb.h"
#include "peer/chaincode_shim.pb.h"

namespace selvage::chaincode {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Nowhere final : public ShimTransport {
 public:
  bool send(Bytes) override { return true; }
  void close() override {}
};

// Processes that register at once, unless they are down.
struct Processes {
  std::mutex mutex;
  std::condition_variable changed;
  int dials = 0;
  bool up = true;
  bool silent = false;  // take the connection and never register
  std::vector<std::shared_ptr<ShimSession>> sessions;

  bool wait_for_dials(int count) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, seconds(20), [&] { return dials >= count; });
  }
};

class FakeConnector final : public Connector {
 public:
  explicit FakeConnector(std::shared_ptr<Processes> processes) : processes_(std::move(processes)) {}
  Status connect(const std::string& package_id, const std::shared_ptr<ShimSession>& session) override {
    bool up, silent;
    {
      std::lock_guard lock(processes_->mutex);
      up = processes_->up;
      silent = processes_->silent;
      if (up) processes_->sessions.push_back(session);
    }
    if (up) session->attach(std::make_unique<Nowhere>());
    if (up && !silent) {
      protos::ChaincodeID id;
      id.set_name(package_id);
      protos::ChaincodeMessage message;
      message.set_type(protos::ChaincodeMessage::REGISTER);
      message.set_payload(id.SerializeAsString());
      EXPECT_TRUE(session->on_message(message.SerializeAsString()));
    }
    std::lock_guard lock(processes_->mutex);
    ++processes_->dials;
    processes_->changed.notify_all();
    if (!up) return fail(Code::kUnavailable, "connection refused");
    return {};
  }

 private:
  std::shared_ptr<Processes> processes_;
};

class LauncherTest : public testing::Test {
 protected:
  LauncherTest() {
    settings_.startup_timeout = seconds(20);
    settings_.retry_first = settings_.retry_most = milliseconds(1);
  }
  Launcher& launcher() {
    if (!launcher_)
      launcher_ = std::make_unique<Launcher>(settings_, std::make_unique<FakeConnector>(processes_), metrics::disabled(),
                                             [](std::function<void()> task) { task(); });
    return *launcher_;
  }
  LaunchSettings settings_;
  std::shared_ptr<Processes> processes_ = std::make_shared<Processes>();
  std::unique_ptr<Launcher> launcher_;
};

TEST_F(LauncherTest, AReadySessionIsUsedAgain) {
  auto first = launcher().launch("a:1");
  ASSERT_TRUE(first) << to_string(first.error());
  EXPECT_EQ(*launcher().launch("a:1"), *first);
  EXPECT_NE(*launcher().launch("b:1"), *first);
  EXPECT_EQ(processes_->dials, 2);
}

TEST_F(LauncherTest, AProcessThatIsNotThereIsAnErrorWithItsName) {
  processes_->up = false;
  auto refused = launcher().launch("a:1");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "could not launch chaincode a:1: connection refused");
  processes_->up = true;
  EXPECT_TRUE(launcher().launch("a:1"));
}

TEST_F(LauncherTest, AProcessThatNeverRegistersIsGivenUp) {
  settings_.startup_timeout = milliseconds(5);
  processes_->silent = true;
  auto late = launcher().launch("a:1");
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().message,
            "could not launch chaincode a:1: timeout expired while starting chaincode a:1 for transaction");
}

TEST_F(LauncherTest, ADeadSessionIsReplacedAtTheNextCall) {
  auto first = launcher().launch("a:1");
  ASSERT_TRUE(first);
  (*first)->on_closed("died");
  auto second = launcher().launch("a:1");
  ASSERT_TRUE(second);
  EXPECT_NE(*first, *second);
}

TEST_F(LauncherTest, ManyWhoAskAtOnceShareOneDial) {
  (void)launcher();
  std::vector<std::future<bool>> all;
  for (int i = 0; i < 8; ++i)
    all.push_back(std::async(std::launch::async, [this] { return launcher_->launch("a:1").has_value(); }));
  for (auto& one : all) EXPECT_TRUE(one.get());
  EXPECT_EQ(processes_->dials, 1);
}

TEST_F(LauncherTest, AKeptProcessIsDialledUntilItAnswersAndAgainWhenItDied) {
  processes_->up = false;
  launcher().keep_running("a:1");
  launcher().keep_running("a:1");
  ASSERT_TRUE(processes_->wait_for_dials(3));
  int before;
  {
    std::lock_guard lock(processes_->mutex);
    processes_->up = true;
    before = processes_->dials;
  }
  ASSERT_TRUE(processes_->wait_for_dials(before + 1));
  auto session = launcher().launch("a:1");
  ASSERT_TRUE(session);
  {
    std::lock_guard lock(processes_->mutex);
    before = processes_->dials;
  }
  (*session)->on_closed("died");
  ASSERT_TRUE(processes_->wait_for_dials(before + 1));
  auto again = launcher().launch("a:1");
  ASSERT_TRUE(again);
  EXPECT_NE(*again, *session);
}

TEST_F(LauncherTest, AReleasedProcessIsLetGoAndTakenUpAgainWhenAsked) {
  launcher().keep_running("a:1");
  ASSERT_TRUE(processes_->wait_for_dials(1));
  auto session = launcher().launch("a:1");
  ASSERT_TRUE(session);
  launcher().release("a:1");
  launcher().release("never:1");
  EXPECT_TRUE((*session)->closed());
  EXPECT_EQ(processes_->dials, 1);
  launcher().keep_running("a:1");
  EXPECT_TRUE(processes_->wait_for_dials(2));
}

TEST_F(LauncherTest, StopDoesNotWaitForAProcessThatNeverRegisters) {
  settings_.startup_timeout = std::chrono::hours(1);
  processes_->silent = true;
  launcher().keep_running("a:1");
  ASSERT_TRUE(processes_->wait_for_dials(1));
  launcher().stop();
}

TEST_F(LauncherTest, NothingIsLaunchedAfterStop) {
  launcher().keep_running("a:1");
  ASSERT_TRUE(processes_->wait_for_dials(1));
  launcher().stop();
  EXPECT_FALSE(launcher().launch("a:1"));
  for (auto& session : processes_->sessions) EXPECT_TRUE(session->closed());
}

}  // namespace
}  // namespace selvage::chaincode
