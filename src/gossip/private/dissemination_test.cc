#include "gossip/private/dissemination.h"

#include <gtest/gtest.h>

#include <set>

#include "kit/random.h"

namespace selvage::gossip {
namespace {

std::vector<PeerInfo> peers(const std::vector<std::pair<std::string, std::string>>& names) {
  std::vector<PeerInfo> out;
  for (const auto& [org, name] : names) {
    PeerInfo info;
    info.org = org;
    info.pki_id = info.endpoint = name;
    out.push_back(info);
  }
  return out;
}

TEST(Dissemination, EachOrganisationGetsTheDataBeforeOneGetsItTwice) {
  const auto eligible = peers({{"A", "a0"}, {"A", "a1"}, {"A", "a2"}, {"B", "b0"}, {"C", "c0"}});
  for (uint64_t seed = 1; seed < 20; ++seed) {
    test::SeededRandom random(seed);
    const auto plan = plan_dissemination(eligible, 1, 3, random);
    ASSERT_TRUE(plan);
    std::set<char> orgs;
    for (const auto& to : *plan) orgs.insert(to.pki_id[0]);
    EXPECT_EQ(orgs.size(), 3u);
  }
}

TEST(Dissemination, AsManyMustAcknowledgeAsAreRequired) {
  test::SeededRandom random;
  const auto plan = plan_dissemination(peers({{"A", "a0"}, {"A", "a1"}, {"B", "b0"}}), 2, 5, random);
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->size(), 3u);
  EXPECT_TRUE((*plan)[0].must_acknowledge && (*plan)[1].must_acknowledge && !(*plan)[2].must_acknowledge);
}

TEST(Dissemination, TooFewPeersAreRefusedInFabricsWords) {
  test::SeededRandom random;
  const auto plan = plan_dissemination(peers({{"A", "a0"}}), 2, 5, random);
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().message, "required to disseminate to at least 2 peers, but know of only 1 eligible peers");
}

TEST(Dissemination, AMaximumOfZeroSendsNothing) {
  test::SeededRandom random;
  const auto plan = plan_dissemination(peers({{"A", "a0"}}), 0, 0, random);
  ASSERT_TRUE(plan);
  EXPECT_TRUE(plan->empty());
}

}  // namespace
}  // namespace selvage::gossip
