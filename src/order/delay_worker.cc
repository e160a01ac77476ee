#include "order/delay_worker.h"

#include <utility>

namespace selvage::order {

Delay::~Delay() { stop(); }

void Delay::stop() {
  std::multimap<SteadyTime, std::function<void()>> dropped;  // destroyed without the lock
  {
    std::lock_guard lock(mutex_);
    end_ = true;
    dropped.swap(tasks_);
    wake_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void Delay::run_at(SteadyTime time, std::function<void()> task) {
  std::lock_guard lock(mutex_);
  if (end_) return;
  tasks_.emplace(time, std::move(task));
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  wake_.notify_all();
}

void Delay::run() {
  std::unique_lock lock(mutex_);
  while (!end_) {
    if (tasks_.empty()) {
      wake_.wait(lock);
      continue;
    }
    const auto first = tasks_.begin();
    if (std::chrono::steady_clock::now() < first->first) {
      wake_.wait_until(lock, first->first);
      continue;
    }
    auto task = std::move(first->second);
    tasks_.erase(first);
    lock.unlock();
    task();
    lock.lock();
  }
}

}  // namespace selvage::order
