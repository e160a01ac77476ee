#include "os/signals.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

namespace selvage::os {
namespace {

sigset_t served() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1, SIGHUP}) sigaddset(&set, signal);
  return set;
}

// Go's names of the signals.
const char* name_of(int signal) {
  switch (signal) {
    case SIGTERM: return "terminated";
    case SIGINT: return "interrupt";
    case SIGUSR1: return "user defined signal 1";
    case SIGHUP: return "hangup";
    default: return ::strsignal(signal);
  }
}

}  // namespace

Signals::Signals(log::Logger logger) : logger_(std::move(logger)) {
  const sigset_t set = served();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  signals_fd_ = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  stop_fd_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

Signals::~Signals() {
  ::close(signals_fd_);
  ::close(stop_fd_);
  const sigset_t set = served();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

int Signals::wait(const std::function<void()>& on_hangup) {
  while (true) {
    pollfd waiting[] = {{signals_fd_, POLLIN, 0}, {stop_fd_, POLLIN, 0}};
    if (::poll(waiting, 2, -1) < 0) continue;  // EINTR
    if (waiting[1].revents != 0) return 0;
    signalfd_siginfo got{};
    if (::read(signals_fd_, &got, sizeof got) != static_cast<ssize_t>(sizeof got)) continue;
    const int signal = static_cast<int>(got.ssi_signo);
    LOG_INFO(logger_, "Received signal: {} ({})", signal, name_of(signal));
    if (signal == SIGTERM || signal == SIGINT) return signal;
    if (signal == SIGUSR1) LOG_INFO(logger_, "Go routines report:\n{}", describe_threads());
    if (signal == SIGHUP && on_hangup) on_hangup();
  }
}

void Signals::stop() {
  const uint64_t one = 1;
  while (::write(stop_fd_, &one, sizeof one) < 0 && errno == EINTR) {
  }
}

}  // namespace selvage::os
