#include "chaincode/session/deadlines_worker.h"

namespace selvage::chaincode {

Deadlines::Deadlines() : thread_([this] { run(); }) {}

Deadlines::~Deadlines() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_one();
  }
  thread_.join();
}

Deadlines::Id Deadlines::add(SteadyTime when, std::function<void()> task) {
  const std::lock_guard lock(mutex_);
  const Id id(when, ++last_);
  tasks_.emplace(id, std::move(task));
  if (when < wakes_at_) changed_.notify_one();
  return id;
}

void Deadlines::remove(const Id& id) {
  std::function<void()> task;  // what it holds goes after the lock
  const std::lock_guard lock(mutex_);
  const auto found = tasks_.find(id);
  if (found == tasks_.end()) return;
  task = std::move(found->second);
  tasks_.erase(found);
}

void Deadlines::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (tasks_.empty()) {
      wakes_at_ = SteadyTime::max();
      changed_.wait(lock);
      continue;
    }
    const auto first = tasks_.begin();
    if (first->first.first > std::chrono::steady_clock::now()) {
      wakes_at_ = first->first.first;
      changed_.wait_until(lock, wakes_at_);
      continue;
    }
    auto task = std::move(first->second);
    tasks_.erase(first);
    lock.unlock();
    task();
    task = nullptr;
    lock.lock();
  }
}

}  // namespace selvage::chaincode
