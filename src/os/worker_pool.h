// Threads for work that must not run on an event loop: signatures, disk, waiting.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace selvage::os {

// Any thread. Tasks must not throw. The line is not bounded here: who posts on behalf of strangers bounds what it posts.
class WorkerPool {
 public:
  // `name` becomes the threads' name (cut to 15 characters).
  WorkerPool(size_t threads, const std::string& name);
  ~WorkerPool();  // stop()
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Runs what is in line, then joins. Not from one of its own threads. Twice is fine.
  void stop();
  // Never runs the task within the call. Dropped once the pool is being stopped.
  void post(std::function<void()> task);
  [[nodiscard]] size_t size() const { return threads_.size(); }

 private:
  void run();
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;
  size_t idle_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace selvage::os
