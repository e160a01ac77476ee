#include "os/event_loop.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <unordered_map>

namespace selvage::os {
namespace {

thread_local const EventLoop* current_loop = nullptr;

struct Watch {
  uint32_t generation;
  EventLoop::FdTask task;
};

struct Due {
  SteadyTime when;
  EventLoop::TimerId id;
  // A heap with the earliest on top; equal times fire in the order of their making.
  bool operator<(const Due& other) const { return when != other.when ? when > other.when : id > other.id; }
};

uint32_t to_epoll(uint32_t events) {
  return (events & EventLoop::kRead ? EPOLLIN | EPOLLRDHUP : 0u) | (events & EventLoop::kWrite ? EPOLLOUT : 0u);
}

uint32_t from_epoll(uint32_t events) {
  return (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP) ? EventLoop::kRead : 0u) |
         (events & (EPOLLOUT | EPOLLHUP | EPOLLERR) ? EventLoop::kWrite : 0u) | (events & EPOLLERR ? EventLoop::kError : 0u);
}

}  // namespace

struct EventLoop::State {
  int epoll = -1;
  int wake = -1;

  std::mutex mutex;  // guards the next four
  std::vector<Task> posted;
  bool sleeping = false;
  bool stopping = false;

  std::vector<Task> deferred;
  std::unordered_map<int, std::shared_ptr<Watch>> watches;
  uint32_t generation = 0;
  std::vector<Due> heap;
  std::unordered_map<TimerId, Task> timers;
  TimerId last_timer = 0;

  void ring() const {
    uint64_t one = 1;
    // The counter cannot overflow in earnest, so the only failure is an interrupt.
    while (::write(wake, &one, sizeof one) < 0 && errno == EINTR) {
    }
  }
  void run_fds(int count, const epoll_event* events);
  void run_timers(SteadyTime now);
  void run_deferred();
  int wait_ms(SteadyTime now);
};

EventLoop::EventLoop() : state_(std::make_unique<State>()), now_(std::chrono::steady_clock::now()) {
  state_->epoll = ::epoll_create1(EPOLL_CLOEXEC);
  state_->wake = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (state_->epoll < 0 || state_->wake < 0) std::abort();  // out of descriptors while starting: nothing can be served
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = static_cast<uint32_t>(state_->wake);
  ::epoll_ctl(state_->epoll, EPOLL_CTL_ADD, state_->wake, &event);
}

EventLoop::~EventLoop() {
  ::close(state_->wake);
  ::close(state_->epoll);
}

void EventLoop::State::run_fds(int count, const epoll_event* events) {
  for (int i = 0; i < count; ++i) {
    int fd = static_cast<int>(events[i].data.u64 & 0xffffffffu);
    if (fd == wake) {
      uint64_t drained;
      while (::read(wake, &drained, sizeof drained) < 0 && errno == EINTR) {
      }
      continue;
    }
    // A callback before this one may have dropped the fd, or its number may be somebody else's by now.
    auto found = watches.find(fd);
    if (found == watches.end() || found->second->generation != static_cast<uint32_t>(events[i].data.u64 >> 32)) continue;
    std::shared_ptr<Watch> hold = found->second;
    hold->task(from_epoll(events[i].events));
  }
}

void EventLoop::State::run_timers(SteadyTime now) {
  // Timers that these callbacks add wait for the next turn, so that a zero delay cannot starve the loop.
  TimerId newest = last_timer;
  std::vector<Due> later;
  while (!heap.empty() && heap.front().when <= now) {
    Due due = heap.front();
    std::pop_heap(heap.begin(), heap.end());
    heap.pop_back();
    auto found = timers.find(due.id);
    if (found == timers.end()) continue;
    if (due.id > newest) {
      later.push_back(due);
      continue;
    }
    Task task = std::move(found->second);
    timers.erase(found);
    task();
  }
  for (const Due& due : later) {
    heap.push_back(due);
    std::push_heap(heap.begin(), heap.end());
  }
}

void EventLoop::State::run_deferred() {
  // What deferred tasks defer still belongs to this turn, within reason.
  for (int round = 0; round < 8 && !deferred.empty(); ++round) {
    std::vector<Task> tasks;
    tasks.swap(deferred);
    for (Task& task : tasks) task();
  }
}

int EventLoop::State::wait_ms(SteadyTime now) {
  if (!deferred.empty()) return 0;
  while (!heap.empty() && !timers.contains(heap.front().id)) {  // cancelled ones would only wake us
    std::pop_heap(heap.begin(), heap.end());
    heap.pop_back();
  }
  if (heap.empty()) return -1;
  if (heap.front().when <= now) return 0;
  auto wait = std::chrono::ceil<std::chrono::milliseconds>(heap.front().when - now).count();
  return static_cast<int>(std::min<int64_t>(wait, 3600 * 1000));
}

void EventLoop::run() {
  current_loop = this;
  State& s = *state_;
  std::vector<Task> tasks;
  epoll_event events[128];
  for (bool stopping = false; !stopping;) {
    int timeout = s.wait_ms(std::chrono::steady_clock::now());
    {
      std::lock_guard lock(s.mutex);
      if (!s.posted.empty() || s.stopping) timeout = 0;
      s.sleeping = timeout != 0;
    }
    int count = ::epoll_wait(s.epoll, events, 128, timeout);
    now_ = std::chrono::steady_clock::now();
    s.run_fds(std::max(count, 0), events);
    s.run_timers(now_);
    {
      std::lock_guard lock(s.mutex);
      s.sleeping = false;
      stopping = s.stopping;
      tasks.swap(s.posted);
    }
    for (Task& task : tasks) task();
    tasks.clear();
    s.run_deferred();
  }
  {
    std::lock_guard lock(s.mutex);
    s.stopping = false;
  }
  current_loop = nullptr;
}

void EventLoop::stop() {
  std::lock_guard lock(state_->mutex);
  state_->stopping = true;
  state_->ring();
}

void EventLoop::post(Task task) {
  bool ring;
  {
    std::lock_guard lock(state_->mutex);
    state_->posted.push_back(std::move(task));
    ring = std::exchange(state_->sleeping, false);
  }
  if (ring) state_->ring();
}

bool EventLoop::in_loop_thread() const { return current_loop == this; }

void EventLoop::defer(Task task) { state_->deferred.push_back(std::move(task)); }

EventLoop::TimerId EventLoop::at(SteadyTime when, Task task) {
  State& s = *state_;
  // Cancelled timers leave their place in the heap behind; clear them out before they outnumber the live ones.
  if (s.heap.size() > 1024 && s.heap.size() > 2 * s.timers.size()) {
    std::erase_if(s.heap, [&](const Due& due) { return !s.timers.contains(due.id); });
    std::make_heap(s.heap.begin(), s.heap.end());
  }
  TimerId id = ++s.last_timer;
  s.timers.emplace(id, std::move(task));
  s.heap.push_back({when, id});
  std::push_heap(s.heap.begin(), s.heap.end());
  return id;
}

EventLoop::TimerId EventLoop::after(std::chrono::nanoseconds delay, Task task) {
  // From the true time: a long turn must not make a timer early.
  return at(std::chrono::steady_clock::now() + delay, std::move(task));
}

void EventLoop::cancel(TimerId id) { state_->timers.erase(id); }

selvage::Status EventLoop::watch(int fd, uint32_t events, FdTask task) {
  State& s = *state_;
  uint32_t generation = ++s.generation;
  epoll_event event{};
  event.events = to_epoll(events);
  event.data.u64 = static_cast<uint64_t>(generation) << 32 | static_cast<uint32_t>(fd);
  if (::epoll_ctl(s.epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
    return fail(Code::kResourceExhausted, std::string("epoll: ") + ::strerror(errno));
  }
  s.watches[fd] = std::make_shared<Watch>(Watch{generation, std::move(task)});
  return {};
}

void EventLoop::change(int fd, uint32_t events) {
  auto found = state_->watches.find(fd);
  if (found == state_->watches.end()) return;
  epoll_event event{};
  event.events = to_epoll(events);
  event.data.u64 = static_cast<uint64_t>(found->second->generation) << 32 | static_cast<uint32_t>(fd);
  ::epoll_ctl(state_->epoll, EPOLL_CTL_MOD, fd, &event);
}

void EventLoop::unwatch(int fd) {
  if (state_->watches.erase(fd) != 0) ::epoll_ctl(state_->epoll, EPOLL_CTL_DEL, fd, nullptr);
}

LoopGroup::LoopGroup(size_t threads, const std::string& name) : next_(std::make_shared<std::atomic<size_t>>(0)) {
  for (size_t i = 0; i < std::max<size_t>(threads, 1); ++i) {
    loops_.push_back(std::make_shared<EventLoop>());
    threads_.emplace_back([loop = loops_.back()] { loop->run(); });
    ::pthread_setname_np(threads_.back().native_handle(), name.substr(0, 15).c_str());
  }
}

LoopGroup::~LoopGroup() {
  for (auto& loop : loops_) loop->stop();
  for (auto& thread : threads_) {
    if (thread.get_id() == std::this_thread::get_id()) {
      thread.detach();  // it holds its loop
    } else {
      thread.join();
    }
  }
}

EventLoop& LoopGroup::next() {
  return *loops_[std::static_pointer_cast<std::atomic<size_t>>(next_)->fetch_add(1) % loops_.size()];
}

std::shared_ptr<LoopGroup> LoopGroup::process() {
  // Never destroyed: connections of objects with static lifetime may outlast every other order of destruction.
  static auto* group = new std::shared_ptr<LoopGroup>(
      std::make_shared<LoopGroup>(std::clamp<size_t>(std::thread::hardware_concurrency(), 2, 8)));
  return *group;
}

}  // namespace selvage::os
