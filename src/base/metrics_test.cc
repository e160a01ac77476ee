#include "base/metrics.h"

#include <gtest/gtest.h>

namespace selvage::metrics {
namespace {

TEST(DisabledMetrics, TakeEverythingAndKeepNothing) {
  const Options options{"grpc", "server", "requests", "help", {"method"}, "", {}};
  disabled().counter(options).with({"Deliver"}).add(1);
  disabled().gauge(options).with({"Deliver"}).set(1);
  disabled().histogram(options).with({"Deliver"}).observe(1);
  EXPECT_EQ(&disabled(), &disabled());
}

}  // namespace
}  // namespace selvage::metrics
