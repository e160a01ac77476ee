// Event loops: one thread, one epoll each. What a loop owns is touched by its thread alone and needs no lock; everyone
// else posts to it. src/rpc and src/http put their connections on these.
//
// Tasks and callbacks must not block and must not throw. Work that signs, verifies or waits belongs on a worker thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace selvage::os {

class EventLoop {
 public:
  using Task = std::function<void()>;
  using TimerId = uint64_t;  // 0 is never given out
  using FdTask = std::function<void(uint32_t events)>;
  static constexpr uint32_t kRead = 1;   // also set when the other side closed
  static constexpr uint32_t kWrite = 2;  // also set when a connect ended, well or not
  static constexpr uint32_t kError = 4;  // reported always, never asked for

  EventLoop();
  // Not while run() is on the way. Tasks that were not run are dropped.
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Runs until stop(). The calling thread is the loop's thread.
  void run();
  // Any thread. run() returns after the turn that is on the way; tasks posted before stop() are still run.
  void stop();

  // Any thread; tasks run in the order of posting, on the loop. Never runs the task within the call.
  void post(Task task);
  [[nodiscard]] bool in_loop_thread() const;

  // The rest: on the loop's thread only (or before run()).

  // Once, at the end of the turn that is on the way: for output that many callbacks of one turn fill together.
  void defer(Task task);
  // The time at which this turn began; cheap.
  [[nodiscard]] SteadyTime now() const { return now_; }
  // Once, not before the given time. A callback may cancel any timer, itself included (no effect).
  TimerId at(SteadyTime when, Task task);
  TimerId after(std::chrono::nanoseconds delay, Task task);
  void cancel(TimerId id);  // 0 and fired timers are fine

  // Level-triggered. The loop does not own `fd`; unwatch() it before closing it. Within a callback of its own or of
  // another fd, unwatch() is safe and no callback for that fd follows.
  selvage::Status watch(int fd, uint32_t events, FdTask task);
  void change(int fd, uint32_t events);
  void unwatch(int fd);

 private:
  struct State;
  std::unique_ptr<State> state_;
  SteadyTime now_;
};

// Loops with a thread each. Destroying it stops and joins them; when the last reference is let go on one of its own
// threads, that thread ends after its turn.
class LoopGroup {
 public:
  // `name` becomes the threads' name (cut to 15 characters).
  explicit LoopGroup(size_t threads, const std::string& name = "loop");
  ~LoopGroup();
  LoopGroup(const LoopGroup&) = delete;
  LoopGroup& operator=(const LoopGroup&) = delete;

  [[nodiscard]] size_t size() const { return loops_.size(); }
  [[nodiscard]] EventLoop& at(size_t index) { return *loops_[index]; }
  // Round robin; any thread.
  [[nodiscard]] EventLoop& next();

  // The group that servers and channels use when their settings name none: made at first use, one thread a core and at
  // least two, at most eight. Lives until the process ends.
  [[nodiscard]] static std::shared_ptr<LoopGroup> process();

 private:
  std::vector<std::shared_ptr<EventLoop>> loops_;
  std::vector<std::thread> threads_;
  std::shared_ptr<void> next_;
};

}  // namespace selvage::os
