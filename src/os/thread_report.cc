#include <cxxabi.h>
#include <dirent.h>
#include <execinfo.h>
#include <semaphore.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <memory>
#include <mutex>
#include <sstream>
#include <vector>

#include "os/signals.h"

namespace selvage::os {
namespace {

constexpr int kFramesMax = 64;

// Filled by the signal handler of the thread that is asked. One thread is asked at a time; an answer that comes late
// finds another id here and leaves.
struct Slot {
  std::atomic<pid_t> thread{0};
  void* frames[kFramesMax];
  int count = 0;
  sem_t filled;
};
Slot& slot() {
  static auto& the = *[] {
    auto* made = new Slot;
    sem_init(&made->filled, 0, 0);
    return made;
  }();
  return the;
}

pid_t this_thread() { return static_cast<pid_t>(::syscall(SYS_gettid)); }

void take_stack(int) {
  const int saved = errno;
  Slot& here = slot();
  pid_t me = this_thread();
  if (here.thread.compare_exchange_strong(me, 0)) {
    here.count = ::backtrace(here.frames, kFramesMax);
    sem_post(&here.filled);
  }
  errno = saved;
}

// "/bin/peer(_ZN7selvage3rpc3runEv+0x1c) [0x55..]" -> "selvage::rpc::run()+0x1c"
std::string readable(const std::string& symbol) {
  const size_t open = symbol.find('(');
  const size_t plus = symbol.find('+', open);
  const size_t close = symbol.find(')', open);
  if (open == std::string::npos || plus == std::string::npos || close == std::string::npos || plus > close) return symbol;
  const std::string name = symbol.substr(open + 1, plus - open - 1);
  if (name.empty()) {
    const std::string file = symbol.substr(0, open);
    return file.substr(file.rfind('/') + 1) + symbol.substr(plus, close - plus);
  }
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> plain(abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status), std::free);
  return (plain ? plain.get() : name) + symbol.substr(plus, close - plus);
}

std::string first_line(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return line;
}

// The state is the word after "(name)" in /proc/<pid>/task/<tid>/stat.
std::string state_of(const std::string& folder) {
  const std::string line = first_line(folder + "/stat");
  const size_t end = line.rfind(')');
  if (end == std::string::npos || end + 2 >= line.size()) return "unknown";
  switch (line[end + 2]) {
    case 'R': return "running";
    case 'S': return "waiting";
    case 'D': return "waiting for a disk";
    case 'T': case 't': return "stopped";
    default: return std::string(1, line[end + 2]);
  }
}

std::vector<pid_t> threads() {
  std::vector<pid_t> ids;
  if (DIR* folder = ::opendir("/proc/self/task")) {
    while (const dirent* entry = ::readdir(folder)) {
      if (const int id = std::atoi(entry->d_name); id > 0) ids.push_back(id);
    }
    ::closedir(folder);
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

bool ask(pid_t thread, int signal) {
  Slot& here = slot();
  here.thread.store(thread);
  if (::syscall(SYS_tgkill, ::getpid(), thread, signal) != 0) {
    here.thread.store(0);
    return false;
  }
  timespec until{};
  ::clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += 1;
  while (::sem_timedwait(&here.filled, &until) != 0) {
    if (errno == EINTR) continue;
    // Taken back before the thread began: it will not write any more. Otherwise it is writing now; wait for it.
    pid_t expected = thread;
    if (here.thread.compare_exchange_strong(expected, 0)) return false;
    until.tv_sec += 1;
  }
  return true;
}

}  // namespace

std::string describe_threads() {
  static std::mutex one_at_a_time;
  const std::lock_guard lock(one_at_a_time);
  const int signal = SIGRTMIN + 4;
  void* warm_up[1];
  ::backtrace(warm_up, 1);  // loads what backtrace needs now, not inside a handler
  slot();
  struct sigaction action {};
  struct sigaction before {};
  action.sa_handler = take_stack;
  action.sa_flags = SA_RESTART;
  ::sigaction(signal, &action, &before);
  std::ostringstream out;
  for (const pid_t thread : threads()) {
    const std::string folder = "/proc/self/task/" + std::to_string(thread);
    out << "thread " << thread << " \"" << first_line(folder + "/comm") << "\" [" << state_of(folder) << "]:\n";
    if (ask(thread, signal)) {
      char** symbols = ::backtrace_symbols(slot().frames, slot().count);
      // The first two frames are the handler and its return.
      for (int i = 2; symbols != nullptr && i < slot().count; ++i) out << "\t" << readable(symbols[i]) << "\n";
      std::free(symbols);
    } else {
      out << "\t(no answer)\n";
    }
    out << "\n";
  }
  // The handler stays: a thread that answers late must not be killed by the default action.
  return out.str();
}

}  // namespace selvage::os
