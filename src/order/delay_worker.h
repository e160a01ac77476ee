// Runs work later, on a thread of its own: what throttling put off.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "base/clock.h"

namespace selvage::order {

class Delay {
 public:
  ~Delay();  // stop()
  // What waits is dropped, and what comes later. Not from a task.
  void stop();
  // Any thread. `task` must be quick.
  void run_at(SteadyTime time, std::function<void()> task);

 private:
  void run();
  std::mutex mutex_;
  std::condition_variable wake_;
  std::multimap<SteadyTime, std::function<void()>> tasks_;
  bool end_ = false;
  std::thread thread_;  // from the first task on
};

}  // namespace selvage::order
