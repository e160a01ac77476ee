// Child processes: external builders, chaincode that runs as a plain process.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace selvage::os {

using LineReader = std::function<void(std::string_view line)>;

struct ProcessSettings {
  std::vector<std::string> arguments;    // [0] is the program: a path, or a name looked up in PATH
  std::vector<std::string> environment;  // "NAME=value", complete: nothing is inherited
  std::string directory;                 // empty: ours
  LineReader on_stdout;                  // a line at a time without its end, cut at 64 KiB; called on a thread of the
  LineReader on_stderr;                  // Process; empty: /dev/null
  std::function<void()> on_exit;         // once, on that thread, after the last line; must not destroy the Process
  bool ends_its_group = false;           // what the child started and left behind is killed when it ends
};

// "NAME=value" for each listed name that our own environment has; names are exact.
[[nodiscard]] std::vector<std::string> environment_of(const std::vector<std::string>& names);

struct Exit {
  int status = 0;  // exit status when signal is 0
  int signal = 0;
  // "exit status 1" or "signal: killed", as Go words it.
  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] bool ok() const { return status == 0 && signal == 0; }
};

// One running child, in a process group of its own with stdin closed. Safe from any thread.
class Process {
 public:
  // kNotFound: no such program; kPermissionDenied: not executable.
  [[nodiscard]] static Result<std::unique_ptr<Process>> start(ProcessSettings settings);
  // Kills the group and waits.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  [[nodiscard]] int pid() const;
  // Until it ends and its output is read; may be called again.
  [[nodiscard]] Exit wait();
  // nullopt when it has not ended in that time.
  [[nodiscard]] std::optional<Exit> wait_for(std::chrono::milliseconds time);
  // SIGTERM to the group, and SIGKILL if it lives on after `grace`.
  void terminate(std::chrono::milliseconds grace);

 private:
  struct State;
  explicit Process(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

// Starts it and waits; killed at `timeout` (kDeadlineExceeded).
[[nodiscard]] Result<Exit> run(ProcessSettings settings, std::chrono::milliseconds timeout);

}  // namespace selvage::os
