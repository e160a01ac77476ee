#include "os/process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>

namespace selvage::os {
namespace {

constexpr size_t kLineMax = 64u << 10;

// Cuts a byte stream into lines for a reader.
class Lines {
 public:
  explicit Lines(LineReader reader) : reader_(std::move(reader)) {}
  void take(std::string_view bytes) {
    for (char c : bytes) {
      if (c == '\n') {
        end_line();
      } else if (line_.size() < kLineMax) {
        line_ += c;
      }
    }
  }
  void end() {
    if (!line_.empty()) end_line();
  }

 private:
  void end_line() {
    if (reader_) reader_(line_);
    line_.clear();
  }
  LineReader reader_;
  std::string line_;
};

std::string reason_of(int error) {
  switch (error) {
    case ENOENT: return "no such file or directory";
    case EACCES: return "permission denied";
    case ENOEXEC: return "exec format error";
    default: return std::strerror(error);
  }
}

// posix_spawn gives no search path of its own for a program with a chosen environment.
std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const char* path = std::getenv("PATH");
  std::string_view rest = path != nullptr ? path : "/usr/bin:/bin";
  while (true) {
    const size_t colon = rest.find(':');
    const std::string candidate = std::string(rest.substr(0, colon)) + "/" + name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    if (colon == std::string_view::npos) return name;
    rest.remove_prefix(colon + 1);
  }
}

}  // namespace

struct Process::State {
  std::mutex mutex;
  std::condition_variable ended;
  std::optional<Exit> exit;
  pid_t pid = -1;
  bool ends_its_group = false;
  bool reaped = false;  // from then on the pid may be someone else's
  std::thread reader;

  // Whether the child has ended; its number stays taken until `reaped` is set, both under the mutex.
  static bool reap(State& state, bool wait, int* status) {
    siginfo_t facts{};
    if (::waitid(P_PID, static_cast<id_t>(state.pid), &facts, WEXITED | WNOWAIT | (wait ? 0 : WNOHANG)) != 0) return errno != EINTR;
    if (facts.si_pid == 0) return false;
    const std::lock_guard lock(state.mutex);
    state.reaped = true;
    if (state.ends_its_group) ::kill(-state.pid, SIGKILL);  // while the number is still the child's
    return ::waitpid(state.pid, status, 0) == state.pid;
  }
};

std::string Exit::to_string() const {
  if (signal == 0) return "exit status " + std::to_string(status);
  switch (signal) {
    case SIGKILL: return "signal: killed";
    case SIGTERM: return "signal: terminated";
    case SIGINT: return "signal: interrupt";
    case SIGSEGV: return "signal: segmentation fault";
    case SIGABRT: return "signal: aborted";
    default: return std::string("signal: ") + ::strsignal(signal);
  }
}

std::vector<std::string> environment_of(const std::vector<std::string>& names) {
  std::vector<std::string> out;
  for (const std::string& name : names) {
    if (const char* value = std::getenv(name.c_str())) out.push_back(name + "=" + value);
  }
  return out;
}

Process::Process(std::shared_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<Process>> Process::start(ProcessSettings settings) {
  if (settings.arguments.empty()) return fail(Code::kInvalidArgument, "no program named");
  std::array<int, 2> out{-1, -1};
  std::array<int, 2> err{-1, -1};
  if (::pipe2(out.data(), O_CLOEXEC) != 0) return fail(Code::kResourceExhausted, "pipe", std::strerror(errno));
  if (::pipe2(err.data(), O_CLOEXEC) != 0) {
    const int error = errno;
    ::close(out[0]);
    ::close(out[1]);
    return fail(Code::kResourceExhausted, "pipe", std::strerror(error));
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  posix_spawn_file_actions_adddup2(&actions, err[1], 2);
  if (!settings.directory.empty()) posix_spawn_file_actions_addchdir_np(&actions, settings.directory.c_str());
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  // A child starts with nothing blocked or ignored, whatever this program does with signals.
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  std::vector<char*> argv;
  for (auto& argument : settings.arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  std::vector<char*> envp;
  for (auto& variable : settings.environment) envp.push_back(variable.data());
  envp.push_back(nullptr);
  const std::string program = find_program(settings.arguments[0]);
  auto state = std::make_shared<State>();
  state->ends_its_group = settings.ends_its_group;
  const int error = ::posix_spawn(&state->pid, program.c_str(), &actions, &attributes, argv.data(), envp.data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  ::close(out[1]);
  ::close(err[1]);
  if (error != 0) {
    ::close(out[0]);
    ::close(err[0]);
    const Code code = error == ENOENT ? Code::kNotFound : error == EACCES ? Code::kPermissionDenied : Code::kInternal;
    return fail(code, "fork/exec " + program + ": " + reason_of(error), "errno " + std::to_string(error));
  }
  // Reads until the program itself ends; what grandchildren that live on still write is not waited for.
  state->reader = std::thread([state, out_fd = out[0], err_fd = err[0], on_stdout = std::move(settings.on_stdout),
                               on_stderr = std::move(settings.on_stderr),
                               on_exit = std::move(settings.on_exit)]() mutable {
    std::array<Lines, 2> lines{Lines(std::move(on_stdout)), Lines(std::move(on_stderr))};
    std::array<pollfd, 2> open{pollfd{out_fd, POLLIN, 0}, pollfd{err_fd, POLLIN, 0}};
    std::array<char, 16384> buffer;
    int status = 0;
    bool gone = false;
    while (true) {
      const int ready = ::poll(open.data(), open.size(), gone ? 0 : 200);
      for (size_t i = 0; ready > 0 && i < open.size(); ++i) {
        if (open[i].fd < 0 || open[i].revents == 0) continue;
        const ssize_t count = ::read(open[i].fd, buffer.data(), buffer.size());
        if (count > 0) lines[i].take({buffer.data(), static_cast<size_t>(count)});
        if (count == 0 || (count < 0 && errno != EINTR)) {
          ::close(open[i].fd);
          open[i].fd = -1;
        }
      }
      if (gone && ready <= 0) break;
      const bool both_closed = open[0].fd < 0 && open[1].fd < 0;
      if (!gone) gone = State::reap(*state, both_closed, &status);
      if (gone && both_closed) break;
    }
    for (pollfd& one : open) {
      if (one.fd >= 0) ::close(one.fd);
    }
    for (Lines& one : lines) one.end();
    {
      const std::lock_guard lock(state->mutex);
      state->exit = WIFSIGNALED(status) ? Exit{0, WTERMSIG(status)} : Exit{WEXITSTATUS(status), 0};
      state->ended.notify_all();
    }
    if (on_exit) on_exit();
  });
  return std::unique_ptr<Process>(new Process(std::move(state)));
}

Process::~Process() {
  terminate(std::chrono::milliseconds(0));
  state_->reader.join();
}

int Process::pid() const { return state_->pid; }

Exit Process::wait() {
  std::unique_lock lock(state_->mutex);
  state_->ended.wait(lock, [&] { return state_->exit.has_value(); });
  return *state_->exit;
}

std::optional<Exit> Process::wait_for(std::chrono::milliseconds time) {
  std::unique_lock lock(state_->mutex);
  state_->ended.wait_for(lock, time, [&] { return state_->exit.has_value(); });
  return state_->exit;
}

void Process::terminate(std::chrono::milliseconds grace) {
  if (grace.count() > 0) {
    {
      const std::lock_guard lock(state_->mutex);
      if (state_->reaped) return;
      ::kill(-state_->pid, SIGTERM);
    }
    if (wait_for(grace)) return;
  }
  const std::lock_guard lock(state_->mutex);
  if (!state_->reaped) ::kill(-state_->pid, SIGKILL);
}

Result<Exit> run(ProcessSettings settings, std::chrono::milliseconds timeout) {
  const std::string program = settings.arguments.empty() ? "" : settings.arguments[0];
  SELVAGE_TRY(auto process, Process::start(std::move(settings)));
  const auto exit = process->wait_for(timeout);
  if (!exit) return fail(Code::kDeadlineExceeded, program + ": did not end in time and was killed");
  return *exit;
}

}  // namespace selvage::os
