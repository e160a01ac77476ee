#include <gtest/gtest.h>

#include "kit/certificates.h"
#include "kit/channels.h"
#include "tools/selvage/rotate/plan.h"

namespace selvage::tools::rotate {
namespace {

// A channel whose orderer organisation's TLS CA is at hand, and a new pair for its one consenter.
struct Good {
  test::Channel channel;
  Bytes old_pem = channel.consenter_tls().certificate_pem();
  NewPair same{old_pem, old_pem};
};

TEST(RotatePlan, NeedsNoUpdateForTheSameKeys) {
  Good good;
  auto plan = plan_channel(*good.channel.bundle(), "127.0.0.1:7050", good.same, test::kGoodNow);
  ASSERT_TRUE(plan.has_value()) << plan.error().message;
  EXPECT_FALSE(plan->update.has_value());
  EXPECT_EQ(plan->place, 1u);
}

TEST(RotatePlan, UpdatesTheConsenterForAnotherKey) {
  Good good;
  auto fresh = good.channel.orderer().tls_ca().server("orderer", {"127.0.0.1"});
  auto plan = plan_channel(*good.channel.bundle(), "127.0.0.1:7050", {fresh.certificate_pem(), fresh.certificate_pem()},
                           test::kGoodNow);
  ASSERT_TRUE(plan.has_value()) << plan.error().message;
  ASSERT_TRUE(plan->update.has_value());
  EXPECT_EQ(plan->update->channel_id(), good.channel.id());
  EXPECT_EQ(plan->update->write_set().groups().at("Orderer").values().at("ConsensusType").version(), 1u);
}

TEST(RotatePlan, RefusesWhatOtherOrderersWouldNotBelieve) {
  Good good;
  auto foreign = test::Authority("tlsca.elsewhere").server("orderer", {"127.0.0.1"});
  auto plan = plan_channel(*good.channel.bundle(), "127.0.0.1:7050",
                           {foreign.certificate_pem(), foreign.certificate_pem()}, test::kGoodNow);
  ASSERT_FALSE(plan.has_value());
  EXPECT_NE(plan.error().message.find("certificate signed by unknown authority"), std::string::npos)
      << plan.error().message;
}

TEST(RotatePlan, NamesTheConsentersThereAre) {
  Good good;
  auto plan = plan_channel(*good.channel.bundle(), "elsewhere:1", good.same, test::kGoodNow);
  ASSERT_FALSE(plan.has_value());
  EXPECT_NE(plan.error().message.find("127.0.0.1:7050"), std::string::npos);
}

TEST(RotatePlan, LeavesAQuorumBehind) {
  EXPECT_TRUE(check_quorum(1, 0).has_value());
  EXPECT_TRUE(check_quorum(3, 2).has_value());
  EXPECT_EQ(check_quorum(3, 1).error().message, "2 out of 3 nodes are alive, configuration will result in quorum loss");
  EXPECT_TRUE(check_quorum(5, 3).has_value());
  EXPECT_FALSE(check_quorum(5, 2).has_value());
}

}  // namespace
}  // namespace selvage::tools::rotate
