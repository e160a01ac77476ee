#include "deliver/pull/censorship.h"

#include <gtest/gtest.h>

namespace selvage::deliver {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTimeout(1000);
const SteadyTime kStart{};

SteadyTime at(int ms) { return kStart + milliseconds(ms); }

TEST(CensorshipDetector, NothingIsSuspiciousWhileTheSourceKeepsUp) {
  CensorshipDetector detector(kTimeout, 5);
  EXPECT_FALSE(detector.deadline());
  detector.attested("orderer2", 4, at(0));
  EXPECT_FALSE(detector.deadline());
}

TEST(CensorshipDetector, AnAttestedBlockMustComeInTime) {
  CensorshipDetector detector(kTimeout, 5);
  detector.attested("orderer2", 5, at(10));
  ASSERT_TRUE(detector.deadline());
  EXPECT_EQ(*detector.deadline(), at(1010));
  EXPECT_EQ(detector.missing(), 5u);
  detector.reached(6);
  EXPECT_FALSE(detector.deadline());
}

TEST(CensorshipDetector, NewerAttestationsDoNotPutOffTheDeadline) {
  CensorshipDetector detector(kTimeout, 5);
  detector.attested("orderer2", 5, at(10));
  detector.attested("orderer2", 6, at(500));
  detector.attested("orderer3", 5, at(600));
  EXPECT_EQ(*detector.deadline(), at(1010));
  EXPECT_EQ(detector.missing(), 5u);
}

TEST(CensorshipDetector, ASourceThatStaysBehindIsSuspectedAgainFromItsNextMissingBlock) {
  CensorshipDetector detector(kTimeout, 5);
  detector.attested("orderer2", 5, at(10));
  detector.attested("orderer3", 7, at(20));
  detector.reached(6);
  ASSERT_TRUE(detector.deadline());
  EXPECT_EQ(*detector.deadline(), at(1020));
  EXPECT_EQ(detector.missing(), 7u);
}

TEST(CensorshipDetector, TheEarliestAttestationCounts) {
  CensorshipDetector detector(kTimeout, 5);
  detector.attested("orderer2", 4, at(0));
  detector.attested("orderer3", 9, at(40));
  detector.reached(10);
  detector.attested("orderer2", 12, at(50));
  detector.attested("orderer3", 11, at(60));
  EXPECT_EQ(*detector.deadline(), at(1050));
  EXPECT_EQ(detector.missing(), 12u);
}

}  // namespace
}  // namespace selvage::deliver
