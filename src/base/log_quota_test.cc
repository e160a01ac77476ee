#include "base/log_quota.h"

#include <gtest/gtest.h>

namespace selvage::log {
namespace {

using namespace std::chrono_literals;

struct Watched {
  Quota quota;
  SteadyTime now{1h};
  uint64_t left_out = 0;
  int admitted(std::string_view source, int lines) {
    int count = 0;
    for (int i = 0; i < lines; ++i) count += quota.admit(source, now, &left_out) ? 1 : 0;
    return count;
  }
};

TEST(LogQuota, LetsABurstThroughAndThenAFew) {
  Watched w;
  EXPECT_EQ(w.admitted("10.0.0.7:1234", 1000), 20);
  w.now += 5s;
  EXPECT_EQ(w.admitted("10.0.0.7:4321", 10), 1);  // another port is no other source
  EXPECT_EQ(w.left_out, 980u);
  w.now += 1h;
  EXPECT_EQ(w.admitted("10.0.0.7:1234", 1000), 20);
}

TEST(LogQuota, OneSourceDoesNotSilenceAnother) {
  Watched w;
  w.admitted("10.0.0.7:1234", 1000);
  EXPECT_EQ(w.admitted("10.0.0.8:1234", 5), 5);
  EXPECT_EQ(w.left_out, 0u);
}

TEST(LogQuota, ManySourcesAreStillBounded) {
  Watched w;
  int admitted = 0;
  for (int host = 0; host < 100000; ++host) admitted += w.admitted("10.0." + std::to_string(host) + ":1", 1);
  EXPECT_LE(admitted, static_cast<int>(Quota::kSourcesMax + Quota::kBurst));
}

TEST(LogQuota, WordsSayHowManyWereLeftOut) {
  EXPECT_EQ(left_out_words(0), "");
  EXPECT_EQ(left_out_words(3), " (3 more were left out)");
}

}  // namespace
}  // namespace selvage::log
