#include "rpc/serving/worker_pool.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <set>
#include <string>
#include <system_error>
#include <thread>

namespace selvage::rpc {
namespace {

constexpr auto kIdle = std::chrono::seconds(20);  // then a thread ends
constexpr auto kTick = std::chrono::milliseconds(1);
constexpr size_t kMoreAtOnce = 8;
constexpr size_t kCalmTicks = 1000;  // after which fewer are woken at once

// Whether the system would let this thread run, did it have a processor: it waits for nothing.
bool is_runnable(pid_t thread) {
  const int fd = ::open(("/proc/self/task/" + std::to_string(thread) + "/stat").c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  char text[128];  // "<id> (<name of at most 15 characters>) R ..."
  const ssize_t size = ::read(fd, text, sizeof text - 1);
  ::close(fd);
  text[std::max<ssize_t>(size, 0)] = 0;
  const char* name_end = std::strrchr(text, ')');
  return name_end != nullptr && name_end[1] == ' ' && name_end[2] == 'R';
}

}  // namespace

struct WorkerPool::State {
  size_t threads_max;
  size_t cores = std::max(2u, std::thread::hardware_concurrency());
  std::string name;
  std::mutex mutex;
  std::condition_variable work;   // for idle threads; each waits for its turn in `wakes`
  std::condition_variable line;   // for the watcher
  std::condition_variable gone;
  std::deque<Task> tasks;
  size_t threads = 0;
  size_t idle = 0;        // waiting, and not yet called
  size_t wakes = 0;       // called, and not yet awake
  size_t eager = cores;   // so many awake at once need no watcher's word
  uint64_t taken = 0;
  std::set<pid_t> awake;  // threads that work
  bool watched = false;
  bool watcher_waits = false;
  bool stopping = false;

  // Would every core have a thread, could the threads run? Then more of them would not make it faster. Lets go of the lock
  // meanwhile.
  bool saturated(std::unique_lock<std::mutex>& lock) const {
    const std::set<pid_t> working = awake;
    size_t runnable = threads - idle - working.size();  // called or made, and not there yet
    lock.unlock();
    runnable += static_cast<size_t>(std::count_if(working.begin(), working.end(), is_runnable));
    lock.lock();
    return runnable >= cores;
  }

  // Calls an idle thread or makes one. False: there is none to be had. Under the mutex.
  bool add_thread(const std::shared_ptr<State>& self) {
    if (idle > 0) {
      --idle;
      ++wakes;
      work.notify_one();
      return true;
    }
    if (threads >= threads_max) return false;
    try {
      std::thread thread(WorkerPool::work, self);
      ::pthread_setname_np(thread.native_handle(), name.c_str());
      thread.detach();
      ++threads;
      return true;
    } catch (const std::system_error&) {
      return false;  // the system has no more threads to give: those that are there must do
    }
  }
};

WorkerPool::WorkerPool(size_t threads_max, std::string name) : state_(std::make_shared<State>()) {
  state_->threads_max = std::max<size_t>(threads_max, 1);
  state_->name = name.substr(0, 15);
}

WorkerPool::~WorkerPool() { stop(); }

bool WorkerPool::run(Task task) { return start(std::move(task), true); }
bool WorkerPool::run_now(Task task) { return start(std::move(task), false); }

bool WorkerPool::start(Task task, bool in_line) {
  State& s = *state_;
  std::unique_lock lock(s.mutex);
  if (s.stopping) return false;
  if (!in_line) {
    if (!s.add_thread(state_)) return false;
    s.tasks.push_front(std::move(task));
    return true;
  }
  s.tasks.push_back(std::move(task));
  if (s.threads - s.idle < s.eager && s.add_thread(state_)) return true;
  if (s.threads == 0) {
    s.tasks.pop_back();
    return false;
  }
  if (s.threads - s.idle >= s.threads_max) return true;  // all are awake: nothing to watch for
  if (!s.watched) {
    try {
      std::thread(watch, state_).detach();
      s.watched = true;
    } catch (const std::system_error&) {
      return s.add_thread(state_), true;
    }
  } else if (s.watcher_waits) {
    s.line.notify_one();
  }
  return true;
}

void WorkerPool::work(std::shared_ptr<State> state) {
  State& s = *state;
  const pid_t self = ::gettid();
  std::unique_lock lock(s.mutex);
  s.awake.insert(self);
  while (!s.stopping) {
    if (s.tasks.empty()) {
      ++s.idle;
      s.awake.erase(self);
      bool called = s.work.wait_for(lock, kIdle, [&] { return s.wakes > 0 || s.stopping; });
      if (!called) {
        --s.idle;
        break;
      }
      s.awake.insert(self);
      if (s.wakes > 0) {
        --s.wakes;
        // Called for nothing: those that were awake have taken it. So many need not be.
        if (s.tasks.empty() && s.eager > s.cores) --s.eager;
      } else {
        --s.idle;
      }
      continue;
    }
    Task task = std::move(s.tasks.front());
    s.tasks.pop_front();
    ++s.taken;
    lock.unlock();
    task();
    task = nullptr;  // what it holds goes before the lock is taken
    lock.lock();
  }
  s.awake.erase(self);
  --s.threads;
  s.gone.notify_all();
}

// Adds threads when tasks are in line, none was taken for a tick, and those that are awake wait for something.
void WorkerPool::watch(std::shared_ptr<State> state) {
  State& s = *state;
  std::unique_lock lock(s.mutex);
  size_t calm = 0;
  while (!s.stopping) {
    if (s.tasks.empty()) {
      s.watcher_waits = true;
      s.line.wait(lock, [&] { return !s.tasks.empty() || s.stopping; });
      s.watcher_waits = false;
    }
    uint64_t before = s.taken;
    s.line.wait_for(lock, kTick, [&] { return s.stopping; });
    if (s.stopping || s.tasks.empty()) continue;
    if (s.taken - before < s.eager / 2 + 1) {
      if (s.saturated(lock) || s.stopping) continue;
      size_t more = std::min(s.tasks.size(), kMoreAtOnce);
      while (more > 0 && s.add_thread(state)) --more;
      s.eager = std::min(s.threads_max, std::max(s.eager, s.threads - s.idle));
      calm = 0;
    } else if (++calm >= kCalmTicks) {
      s.eager = std::max(s.cores, s.eager - s.eager / 8);
      calm = 0;
    }
  }
  s.watched = false;
  s.gone.notify_all();
}

void WorkerPool::stop() {
  std::deque<Task> dropped;
  std::unique_lock lock(state_->mutex);
  state_->stopping = true;
  dropped.swap(state_->tasks);
  state_->work.notify_all();
  state_->line.notify_all();
  lock.unlock();
  dropped.clear();
  lock.lock();
  state_->gone.wait(lock, [&] { return state_->threads == 0 && !state_->watched; });
}

}  // namespace selvage::rpc
