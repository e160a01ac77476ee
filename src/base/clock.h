// The clocks that pure code is given. os/ has the real one; tests and the simulation drive their own.
#pragma once

#include <chrono>

namespace selvage {

using SystemTime = std::chrono::sys_time<std::chrono::nanoseconds>;  // UTC
using SteadyTime = std::chrono::steady_clock::time_point;

// Seconds as a SystemTime. Nanoseconds reach from 1677 to 2262 only, and certificates that "never expire" end in 9999: what
// lies outside becomes the nearest time that fits, rather than a wrong one. A comparison of the two types would overflow.
[[nodiscard]] constexpr SystemTime to_system_time(std::chrono::sys_seconds time) {
  constexpr auto kFirst = std::chrono::ceil<std::chrono::seconds>(SystemTime::min());
  constexpr auto kLast = std::chrono::floor<std::chrono::seconds>(SystemTime::max());
  return SystemTime(time < kFirst ? kFirst : time > kLast ? kLast : time);
}

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual SystemTime now() const = 0;
  [[nodiscard]] virtual SteadyTime steady() const = 0;
};

}  // namespace selvage
