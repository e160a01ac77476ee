#include "base/clock.h"

#include <gtest/gtest.h>

namespace selvage {
namespace {

using namespace std::chrono;

TEST(ToSystemTime, KeepsWhatFits) {
  const sys_seconds time = sys_days(2026y / 11 / 23) + hours(12);
  EXPECT_EQ(to_system_time(time), SystemTime(time));
}

TEST(ToSystemTime, TakesTheNearestTimeForWhatDoesNot) {
  const SystemTime now = sys_days(2026y / 11 / 23);
  EXPECT_GT(to_system_time(sys_days(9999y / 12 / 31)), now);
  EXPECT_LT(to_system_time(sys_days(year(50) / 1 / 1)), now);
  EXPECT_GT(to_system_time(sys_days(9999y / 12 / 31)), SystemTime(sys_days(2262y / 1 / 1)));
}

}  // namespace
}  // namespace selvage
