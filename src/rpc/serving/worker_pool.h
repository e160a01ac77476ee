// Threads for handlers: as many as there is work, up to a bound; those that find nothing to do for a while end.
//
// Waking a thread costs more than a short handler does. So only a few are woken at once, about one a core, and take what is
// in line one after the other; more are added when the line stands still for a millisecond because handlers wait. That they
// only lack a processor, as on a machine that does other things too, is no reason.
#pragma once

#include <functional>
#include <memory>
#include <string>

namespace selvage::rpc {

// Any thread.
class WorkerPool {
 public:
  using Task = std::function<void()>;

  WorkerPool(size_t threads_max, std::string name);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Runs `task` on a thread; in line when all are busy. False after stop().
  bool run(Task task);
  // As run(), but never in line: false when all threads are busy with others.
  bool run_now(Task task);
  // Drops what is in line and waits for what runs. Not from one of its own threads.
  void stop();

 private:
  struct State;
  static void work(std::shared_ptr<State> state);
  static void watch(std::shared_ptr<State> state);
  bool start(Task task, bool in_line);
  std::shared_ptr<State> state_;
};

}  // namespace selvage::rpc
