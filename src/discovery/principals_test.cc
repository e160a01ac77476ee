#include "discovery/principals.h"

#include <gtest/gtest.h>

#include <set>

#include "discovery/auth_cache.h"
#include "policy/signature_policy.h"

namespace selvage::discovery {
namespace {

::common::SignaturePolicyEnvelope policy(const char* text) {
  auto parsed = policy::parse_signature_policy(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? *parsed : ::common::SignaturePolicyEnvelope();
}

// As sets of "mspid/role", so that order does not matter.
std::multiset<std::multiset<std::string>> shown(const PrincipalSets& sets) {
  std::multiset<std::multiset<std::string>> out;
  for (const auto& set : sets) {
    std::multiset<std::string> one;
    for (const auto& principal : set) one.insert(principal.mspid + "/" + std::to_string(principal.role));
    out.insert(std::move(one));
  }
  return out;
}
using Sets = std::multiset<std::multiset<std::string>>;

TEST(SatisfiedBy, AndNeedsAllOfThem) {
  EXPECT_EQ(shown(satisfied_by(policy("AND('A.peer', 'B.peer')"))), (Sets{{"A/3", "B/3"}}));
}

TEST(SatisfiedBy, TwoOutOfThreeAreThreeSets) {
  EXPECT_EQ(shown(satisfied_by(policy("OutOf(2, 'A.peer', 'B.peer', 'C.peer')"))),
            (Sets{{"A/3", "B/3"}, {"A/3", "C/3"}, {"B/3", "C/3"}}));
}

TEST(SatisfiedBy, RulesWithinRulesMultiply) {
  EXPECT_EQ(shown(satisfied_by(policy("AND(OR('A.peer', 'B.peer'), OR('C.peer', 'D.peer'))"))),
            (Sets{{"A/3", "C/3"}, {"A/3", "D/3"}, {"B/3", "C/3"}, {"B/3", "D/3"}}));
}

TEST(SatisfiedBy, NobodySatisfiesAPolicyThatNamesNobody) {
  ::common::SignaturePolicyEnvelope broken = policy("AND('A.peer', 'B.peer')");
  broken.mutable_identities()->RemoveLast();
  EXPECT_TRUE(satisfied_by(broken).empty());
  EXPECT_TRUE(satisfied_by({}).empty());
}

TEST(SatisfiedBy, StopsAtTenThousandSets) {
  ::common::SignaturePolicyEnvelope wide = policy("OutOf(1, 'A.peer')");
  auto& rule = *wide.mutable_rule()->mutable_n_out_of();
  rule.set_n(12);
  for (int i = 0; i < 40; ++i) *rule.add_rules() = rule.rules(0);
  EXPECT_LE(satisfied_by(wide).size(), 10000u);
}

TEST(Merge, TakesTheSetThatSatisfiesBoth) {
  const auto merged = merge(satisfied_by(policy("OR('A.peer', 'B.peer')")), satisfied_by(policy("OR('A.peer', 'C.peer')")));
  EXPECT_EQ(shown(merged), (Sets{{"A/3"}, {"B/3", "C/3"}}));
}

TEST(Merge, APeerIsAMember) {
  const auto merged = merge(satisfied_by(policy("AND('A.peer', 'B.peer')")), satisfied_by(policy("AND('A.member')")));
  EXPECT_EQ(shown(merged), (Sets{{"A/3", "B/3"}}));
}

TEST(Merge, TwoOfOneOrganisationAreNotOne) {
  const auto merged = merge(satisfied_by(policy("AND('A.peer', 'A.peer')")), satisfied_by(policy("AND('A.peer')")));
  EXPECT_EQ(shown(merged), (Sets{{"A/3", "A/3"}}));
}

TEST(AuthCache, AsksOnceUnderOneConfiguration) {
  AuthCache cache({true, 4, 0.5});
  int asked = 0;
  const auto check = [&]() -> Status {
    ++asked;
    return {};
  };
  const policy::SignedData data{"data", "identity", "signature"};
  EXPECT_TRUE(cache.check("ch", 1, data, check));
  EXPECT_TRUE(cache.check("ch", 1, data, check));
  EXPECT_EQ(asked, 1);
  EXPECT_TRUE(cache.check("ch", 2, data, check));
  EXPECT_EQ(asked, 2);
  const policy::SignedData other{"data", "identity", "other signature"};
  EXPECT_TRUE(cache.check("ch", 2, other, check));
  EXPECT_EQ(asked, 3);
}

TEST(AuthCache, NeverHoldsMoreThanItMay) {
  AuthCache cache({true, 4, 0.5});
  for (int i = 0; i < 100; ++i) {
    const std::string signature = std::to_string(i);
    EXPECT_TRUE(cache.check("ch", 1, {"data", "identity", signature}, [] { return Status(); }));
    EXPECT_LE(cache.size(), 4u);
  }
}

TEST(AuthCache, RemembersRefusalsToo) {
  AuthCache cache({true, 4, 0.5});
  const policy::SignedData data{"data", "identity", "signature"};
  EXPECT_FALSE(cache.check("ch", 1, data, []() -> Status { return fail(Code::kPermissionDenied, "no"); }));
  EXPECT_FALSE(cache.check("ch", 1, data, [] { return Status(); }));
}

}  // namespace
}  // namespace selvage::discovery
