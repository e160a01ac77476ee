// The clocks that pure code is given. os/ has the real one; tests and the simulation drive their own.
#pragma once

#include <chrono>

namespace selvage {

using SystemTime = std::chrono::sys_time<std::chrono::nanoseconds>;  // UTC
using SteadyTime = std::chrono::steady_clock::time_point;

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual SystemTime now() const = 0;
  [[nodiscard]] virtual SteadyTime steady() const = 0;
};

}  // namespace selvage
