#include "gateway/plan.h"

#include <gtest/gtest.h>

namespace selvage::gateway {
namespace {

class Named final : public Endorser {
 public:
  explicit Named(std::string name) { member_ = {name, name + ":7051", name.substr(0, 4), 1, {}}; }
  const Member& member() const override { return member_; }
  std::function<void()> process(std::shared_ptr<const ::protos::SignedProposal>, std::chrono::milliseconds, Done) override {
    return {};
  }

 private:
  Member member_;
};

EndorserPtr make(const std::string& name) { return std::make_shared<Named>(name); }

::protos::ProposalResponse endorsed(const std::string& by, const std::string& payload = "payload") {
  ::protos::ProposalResponse response;
  response.set_payload(payload);
  response.mutable_endorsement()->set_endorser(by);
  return response;
}

Plan::Layout layout(std::map<std::string, int> required) {
  Plan::Layout out;
  out.required = std::move(required);
  return out;
}

struct TwoOrgs {
  EndorserPtr a0 = make("org1-0"), a1 = make("org1-1"), b0 = make("org2-0"), c0 = make("org3-0");
  Plan plan{{layout({{"A", 1}, {"B", 1}}), layout({{"A", 1}, {"C", 1}})}, {{"A", {a0, a1}}, {"B", {b0}}, {"C", {c0}}}};
};

TEST(Plan, IsCompleteOnceEveryGroupOfALayoutHasEndorsed) {
  TwoOrgs t;
  ASSERT_EQ(t.plan.next_layout(), (std::vector<EndorserPtr>{t.a0, t.b0}));
  EXPECT_TRUE(t.plan.add(*t.a0, endorsed("a0")));
  EXPECT_FALSE(t.plan.complete());
  EXPECT_TRUE(t.plan.add(*t.b0, endorsed("b0")));
  ASSERT_TRUE(t.plan.complete());
  EXPECT_EQ(t.plan.endorsements().size(), 2u);
  EXPECT_EQ(t.plan.response_payload(), "payload");
}

TEST(Plan, OffersAnotherPeerOfTheGroupInPlaceOfOneThatFailed) {
  TwoOrgs t;
  (void)t.plan.next_layout();
  EXPECT_EQ(t.plan.replacement(*t.a0), t.a1);
  EXPECT_EQ(t.plan.replacement(*t.a1), nullptr);
}

TEST(Plan, GoesOnWithALayoutThatDoesWithoutTheGroupThatIsUsedUp) {
  TwoOrgs t;
  (void)t.plan.next_layout();
  EXPECT_TRUE(t.plan.add(*t.a0, endorsed("a0")));
  t.plan.abandon({t.plan.group(*t.b0)});
  ASSERT_FALSE(t.plan.complete());
  // The first organisation's endorsement counts in the next layout too.
  ASSERT_EQ(t.plan.next_layout(), (std::vector<EndorserPtr>{t.c0}));
  EXPECT_TRUE(t.plan.add(*t.c0, endorsed("c0")));
  EXPECT_TRUE(t.plan.complete());
}

TEST(Plan, TakesAnEndorserThatWasAskedBeforeThereWasAPlanOutOfItsGroup) {
  TwoOrgs t;
  EXPECT_TRUE(t.plan.add(*t.a0, endorsed("a0")));
  EXPECT_EQ(t.plan.next_layout(), (std::vector<EndorserPtr>{t.b0}));
}

TEST(Plan, RefusesAnEndorserThatSawSomethingElse) {
  TwoOrgs t;
  (void)t.plan.next_layout();
  EXPECT_TRUE(t.plan.add(*t.a0, endorsed("a0")));
  EXPECT_FALSE(t.plan.add(*t.b0, endorsed("b0", "other")));
  EXPECT_FALSE(t.plan.complete());
  EXPECT_EQ(t.plan.initial_endorser(), "org1-0:7051 (org1)");
}

TEST(Plan, SkipsLayoutsThatNeedMorePeersThanThereAre) {
  const auto a = make("org1-0");
  Plan plan({layout({{"A", 2}}), layout({{"A", 1}})}, {{"A", {a}}});
  EXPECT_EQ(plan.next_layout(), (std::vector<EndorserPtr>{a}));
}

TEST(Plan, CountsAnEndorserOnce) {
  const auto a = make("org1-0"), b = make("org1-1");
  Plan plan({layout({{"A", 2}})}, {{"A", {a, b}}});
  (void)plan.next_layout();
  EXPECT_TRUE(plan.add(*a, endorsed("same")));
  EXPECT_TRUE(plan.add(*b, endorsed("same")));
  EXPECT_EQ(plan.endorsements().size(), 1u);
}

}  // namespace
}  // namespace selvage::gateway
