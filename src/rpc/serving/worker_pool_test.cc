#include "rpc/serving/worker_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <latch>

namespace selvage::rpc {
namespace {

TEST(WorkerPool, RunsAsManyAtOnceAsItMay) {
  WorkerPool pool(3, "pool");
  std::latch all(3);
  std::promise<void> done;
  std::atomic<int> left{3};
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(pool.run([&] {
      all.arrive_and_wait();  // passes only if three run at once
      if (--left == 0) done.set_value();
    }));
  }
  done.get_future().get();
}

TEST(WorkerPool, AddsThreadsWhenThoseThatAreAwakeAllWait) {
  WorkerPool pool(64, "pool");
  std::latch all(64);  // many more than cores
  std::promise<void> done;
  std::atomic<int> left{64};
  for (int i = 0; i < 64; ++i) {
    ASSERT_TRUE(pool.run([&] {
      all.arrive_and_wait();
      if (--left == 0) done.set_value();
    }));
  }
  done.get_future().get();
}

TEST(WorkerPool, RunsEveryTaskOfManyShortOnes) {
  WorkerPool pool(8, "pool");
  constexpr int kTasks = 20000;
  std::promise<void> done;
  std::atomic<int> left{kTasks};
  for (int i = 0; i < kTasks; ++i) {
    ASSERT_TRUE(pool.run([&] {
      if (--left == 0) done.set_value();
    }));
  }
  done.get_future().get();
}

TEST(WorkerPool, PutsInLineWhatIsMoreAndRefusesWhatMustNotWait) {
  WorkerPool pool(1, "pool");
  std::promise<void> release, second;
  auto gate = release.get_future().share();
  ASSERT_TRUE(pool.run([gate] { gate.wait(); }));
  EXPECT_FALSE(pool.run_now([] {}));
  ASSERT_TRUE(pool.run([&] { second.set_value(); }));
  release.set_value();
  second.get_future().get();
}

TEST(WorkerPool, StopWaitsForWhatRunsAndDropsWhatIsInLine) {
  WorkerPool pool(1, "pool");
  std::promise<void> started, release;
  std::atomic<bool> finished{false}, ran_late{false};
  auto gate = release.get_future().share();
  pool.run([&, gate] {
    started.set_value();
    gate.wait();
    finished = true;
  });
  pool.run([&] { ran_late = true; });
  started.get_future().get();
  std::thread stopper([&] { pool.stop(); });
  while (pool.run([] {})) {  // until stop() has begun
  }
  release.set_value();
  stopper.join();
  EXPECT_TRUE(finished);
  EXPECT_FALSE(ran_late);
}

}  // namespace
}  // namespace selvage::rpc
