#include "rpc/serving/worker_pool.h"

#include <pthread.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>

namespace selvage::rpc {
namespace {
constexpr auto kIdle = std::chrono::seconds(20);
}

struct WorkerPool::State {
  size_t threads_max;
  std::string name;
  std::mutex mutex;
  std::condition_variable work;
  std::condition_variable gone;
  std::deque<Task> tasks;
  size_t threads = 0;
  size_t idle = 0;
  bool stopping = false;
};

WorkerPool::WorkerPool(size_t threads_max, std::string name) : state_(std::make_shared<State>()) {
  state_->threads_max = threads_max;
  state_->name = name.substr(0, 15);
}

WorkerPool::~WorkerPool() { stop(); }

bool WorkerPool::run(Task task) { return start(std::move(task), true); }
bool WorkerPool::run_now(Task task) { return start(std::move(task), false); }

bool WorkerPool::start(Task task, bool in_line) {
  std::unique_lock lock(state_->mutex);
  if (state_->stopping) return false;
  bool enough = state_->idle > state_->tasks.size();
  bool spawn = !enough && state_->threads < state_->threads_max;
  if (!enough && !spawn && !in_line) return false;
  state_->tasks.push_back(std::move(task));
  if (spawn) {
    try {
      std::thread thread(work, state_);
      ::pthread_setname_np(thread.native_handle(), state_->name.c_str());
      thread.detach();
      ++state_->threads;
      return true;
    } catch (const std::system_error&) {
      // The system has no more threads to give: those that are there must do.
      if (!in_line || state_->threads == 0) {
        state_->tasks.pop_back();
        return false;
      }
    }
  }
  lock.unlock();
  if (enough) state_->work.notify_one();
  return true;
}

void WorkerPool::work(std::shared_ptr<State> state) {
  std::unique_lock lock(state->mutex);
  while (true) {
    if (state->tasks.empty() && !state->stopping) {
      ++state->idle;
      bool woken = state->work.wait_for(lock, kIdle, [&] { return !state->tasks.empty() || state->stopping; });
      --state->idle;
      if (!woken) break;
    }
    if (state->stopping) break;
    Task task = std::move(state->tasks.front());
    state->tasks.pop_front();
    lock.unlock();
    task();
    task = nullptr;  // what it holds goes before the lock is taken
    lock.lock();
  }
  if (--state->threads == 0) state->gone.notify_all();
}

void WorkerPool::stop() {
  std::deque<Task> dropped;
  std::unique_lock lock(state_->mutex);
  state_->stopping = true;
  dropped.swap(state_->tasks);
  state_->work.notify_all();
  lock.unlock();
  dropped.clear();
  lock.lock();
  state_->gone.wait(lock, [&] { return state_->threads == 0; });
}

}  // namespace selvage::rpc
