// Threads for transactions: made when needed, up to a limit, and kept.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <list>
#include <mutex>
#include <thread>

namespace selvage::shim {

// Safe from any thread.
class TransactionThreads {
 public:
  explicit TransactionThreads(size_t threads_max) : threads_max_(threads_max) {}
  ~TransactionThreads() { stop(); }
  // On some thread, now or when one is free. Dropped after stop().
  void run(std::function<void()> task);
  // Waits for what runs; what waits in line is run too.
  void stop();

 private:
  void work();

  const size_t threads_max_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;
  std::list<std::thread> threads_;
  size_t idle_ = 0;
  bool stopping_ = false;
};

}  // namespace selvage::shim
