#include "os/system_clock.h"

namespace selvage::os {
namespace {

class SystemClock : public Clock {
 public:
  SystemTime now() const override {
    return std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now());
  }
  SteadyTime steady() const override { return std::chrono::steady_clock::now(); }
};

}  // namespace

Clock& system_clock() {
  static auto& clock = *new SystemClock;
  return clock;
}

}  // namespace selvage::os
