#include "deliver/pull/endpoints.h"

#include <gtest/gtest.h>

#include <set>

#include "kit/channels.h"

namespace selvage::deliver {
namespace {

TEST(OrdererEndpoints, AreThoseOfTheConfigurationWithTheRootsOfTheirOrganisation) {
  test::Channel channel;
  const auto endpoints = orderer_endpoints(*channel.bundle(), {});
  ASSERT_EQ(endpoints.size(), 1u);
  EXPECT_EQ(endpoints[0].address, "127.0.0.1:7050");
  ASSERT_EQ(endpoints[0].roots.size(), 1u);
  EXPECT_EQ(endpoints[0].roots[0].certificate.der(), channel.orderer().tls_ca().certificate().der());
  EXPECT_EQ(endpoints[0].roots[0].from.msp_id, "OrdererMSP");
}

TEST(OrdererEndpoints, AnOverrideBringsItsOwnRoots) {
  test::Channel channel;
  const AddressOverride other{"127.0.0.1:7050", "127.0.0.1:9999", {}};
  const auto endpoints = orderer_endpoints(*channel.bundle(), {other});
  ASSERT_EQ(endpoints.size(), 1u);
  EXPECT_EQ(endpoints[0].address, "127.0.0.1:9999");
  EXPECT_TRUE(endpoints[0].roots.empty());
}

TEST(EndpointChoice, TriesAllBeforeItTriesOneAgain) {
  test::SeededRandom random{3};
  EndpointChoice choice(random);
  choice.set({{"a:1", {}}, {"b:1", {}}, {"c:1", {}}});
  for (int round = 0; round < 5; ++round) {
    std::set<std::string> seen;
    for (int i = 0; i < 3; ++i) seen.insert(choice.next()->address);
    EXPECT_EQ(seen.size(), 3u);
  }
}

TEST(EndpointChoice, KnowsWhetherAnythingChanged) {
  test::SeededRandom random{3};
  EndpointChoice choice(random);
  EXPECT_EQ(choice.next(), nullptr);
  EXPECT_TRUE(choice.set({{"a:1", {}}}));
  EXPECT_FALSE(choice.set({{"a:1", {}}}));
  EXPECT_TRUE(choice.set({{"b:1", {}}}));
}

}  // namespace
}  // namespace selvage::deliver
