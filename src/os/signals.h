// Signals of a long-running program, served by its main thread.
//
//   int main() {
//     os::Signals signals;            // first of all, before any thread starts
//     ... start the node ...
//     signals.wait([&] { reload(); });  // until SIGTERM, SIGINT or stop()
//     ... stop the node ...
//   }
//
// SIGUSR1 logs every thread with its stack ("Go routines report", the words that Fabric's scripts look for) and goes on;
// SIGHUP calls the given action; SIGPIPE is ignored, as writes to closed sockets say so by their result.
#pragma once

#include <functional>
#include <string>

#include "base/log.h"

namespace selvage::os {

class Signals {
 public:
  // Blocks the signals in this thread and all it starts later. One at a time in a process.
  explicit Signals(log::Logger logger);
  ~Signals();  // unblocks them
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // The number of the signal that asks the program to end, or 0 after stop(). One thread only.
  int wait(const std::function<void()>& on_hangup = {});
  // Ends wait(), now or when it is called. Any thread.
  void stop();

 private:
  log::Logger logger_;
  int signals_fd_ = -1;
  int stop_fd_ = -1;
};

// Name, state and stack of every thread of this process, a paragraph each. Threads that do not answer within a second
// (blocked in the kernel) are listed without a stack.
[[nodiscard]] std::string describe_threads();

}  // namespace selvage::os
