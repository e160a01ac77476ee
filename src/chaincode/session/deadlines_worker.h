// Things to do when a time has come, unless they are called off before: the timeouts of executions. One thread, asleep while
// nothing is due; adding and removing cost no system call in the common case of equal timeouts.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "base/clock.h"

namespace selvage::chaincode {

// Any thread.
class Deadlines {
 public:
  using Id = std::pair<SteadyTime, uint64_t>;

  Deadlines();
  ~Deadlines();  // calls off what is left; not from one of the tasks
  Deadlines(const Deadlines&) = delete;
  Deadlines& operator=(const Deadlines&) = delete;

  // `task` runs on this object's thread: quick, no blocking.
  [[nodiscard]] Id add(SteadyTime when, std::function<void()> task);
  // A task that is running or has run is not affected.
  void remove(const Id& id);

 private:
  void run();
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<Id, std::function<void()>> tasks_;
  uint64_t last_ = 0;
  SteadyTime wakes_at_ = SteadyTime::max();
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace selvage::chaincode
