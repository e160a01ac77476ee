#include "order/throttle.h"

#include <gtest/gtest.h>

namespace selvage::order {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const SteadyTime kStart{seconds(1000)};

TEST(Throttle, PutsOffWhatIsMoreThanASecondsShare) {
  Throttle throttle({.rate = 3, .inactivity = seconds(5)});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(throttle.admit("a", kStart), kStart);
  // The one that waits for its share, and the three of this share.
  for (int i = 0; i < 4; ++i) EXPECT_EQ(throttle.admit("a", kStart + milliseconds(10)), kStart + seconds(1));
  EXPECT_EQ(throttle.admit("a", kStart + milliseconds(20)), kStart + seconds(2));
}

TEST(Throttle, KeepsOneShareThatNobodyWaitedFor) {
  Throttle throttle({.rate = 3, .inactivity = seconds(5)});
  EXPECT_EQ(throttle.admit("a", kStart), kStart);
  const SteadyTime later = kStart + milliseconds(3500);
  // Two are left of the first share, one ends it, three more are of the one that was kept.
  for (int i = 0; i < 6; ++i) EXPECT_EQ(throttle.admit("a", later), later) << i;
  EXPECT_EQ(throttle.admit("a", later), kStart + seconds(4)) << "at the next full second, not a second from now";
}

TEST(Throttle, LetsOneASecondThroughWhenTheRateIsBelowTheNumberOfClients) {
  Throttle throttle({.rate = 1, .inactivity = seconds(5)});
  (void)throttle.admit("b", kStart);
  EXPECT_EQ(throttle.admit("a", kStart), kStart + seconds(1));
  EXPECT_EQ(throttle.admit("a", kStart), kStart + seconds(2));
}

TEST(Throttle, DividesTheRateByThoseWhoSend) {
  Throttle throttle({.rate = 4, .inactivity = seconds(5)});
  EXPECT_EQ(throttle.admit("a", kStart), kStart);
  EXPECT_EQ(throttle.admit("b", kStart), kStart);
  EXPECT_EQ(throttle.admit("a", kStart), kStart);
  EXPECT_EQ(throttle.admit("a", kStart), kStart + seconds(1)) << "two a second are its share now";
  EXPECT_EQ(throttle.admit("b", kStart), kStart) << "another's haste is not its fault";
}

TEST(Throttle, ForgetsWhoIsSilent) {
  Throttle throttle({.rate = 2, .inactivity = seconds(5)});
  (void)throttle.admit("a", kStart);
  (void)throttle.admit("b", kStart);
  EXPECT_EQ(throttle.clients(), 2u);
  const SteadyTime later = kStart + seconds(7);
  EXPECT_EQ(throttle.admit("b", later), later);
  EXPECT_EQ(throttle.clients(), 1u);
  EXPECT_EQ(throttle.admit("b", later), later) << "the whole rate is b's again";
}

TEST(Throttle, LetsAllThroughWithoutARate) {
  Throttle throttle({.rate = 0, .inactivity = seconds(5)});
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(throttle.admit("a", kStart), kStart);
  EXPECT_EQ(throttle.clients(), 0u);
}

}  // namespace
}  // namespace selvage::order
