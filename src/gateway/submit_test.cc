#include "gateway/submit.h"

#include <gtest/gtest.h>

#include "channel/bundle.h"
#include "common/common.pb.h"
#include "kit/channels.h"
#include "kit/random.h"

namespace selvage::gateway {
namespace {

struct Scripted final : Orderer {
  Scripted(OrdererEndpoint e, OrdererAnswer a) : where(std::move(e)), answer(std::move(a)) {}
  const OrdererEndpoint& endpoint() const override { return where; }
  std::function<void()> broadcast(std::shared_ptr<const Bytes>, std::chrono::milliseconds, Done done) override {
    ++asked;
    done(answer);
    return {};
  }
  OrdererEndpoint where;
  OrdererAnswer answer;
  int asked = 0;
};

struct Fixed final : Network, Orderers {
  std::vector<Member> members(const std::string&) override { return {}; }
  Result<Descriptor> endorsers(const std::string&, const ::protos::ChaincodeInterest&) override {
    return fail(Code::kNotFound, "none");
  }
  std::shared_ptr<const channel::Bundle> bundle(const std::string& id) override {
    return id == made.bundle()->channel_id() ? made.bundle() : nullptr;
  }
  std::vector<std::shared_ptr<Orderer>> use(const std::string&, const std::vector<OrdererEndpoint>&) override {
    return {orderers.begin(), orderers.end()};
  }
  void add(OrdererAnswer answer) {
    const std::string name = "orderer" + std::to_string(orderers.size()) + ":7050";
    orderers.push_back(std::make_shared<Scripted>(OrdererEndpoint{name, name, name, "OrdererMSP", {}}, std::move(answer)));
  }
  test::Channel made;
  std::vector<std::shared_ptr<Scripted>> orderers;
};

const OrdererAnswer kAccepted{false, "", ::common::SUCCESS, ""};
const OrdererAnswer kDown{true, "rpc error: code = Unavailable desc = gone", 0, ""};
const OrdererAnswer kBadRequest{false, "", ::common::BAD_REQUEST, "not good"};
const OrdererAnswer kBusy{false, "", ::common::SERVICE_UNAVAILABLE, "no leader"};

struct Outcome {
  bool accepted = false;
  CallError error;
};

Outcome run(Fixed& network, const std::function<void(::gateway::SubmitRequest&)>& spoil = {}) {
  ::gateway::SubmitRequest request;
  request.set_channel_id(network.made.bundle()->channel_id());
  request.mutable_prepared_transaction()->set_signature("signature");
  if (spoil) spoil(request);
  Outcome outcome;
  test::SeededRandom random;
  submit({network, network, random, {}, std::chrono::seconds(1)}, request, std::make_shared<Cancellation>(),
         [&](std::variant<::gateway::SubmitResponse, CallError> answer) {
           outcome.accepted = std::holds_alternative<::gateway::SubmitResponse>(answer);
           if (!outcome.accepted) outcome.error = std::get<CallError>(answer);
         });
  return outcome;
}

TEST(Submit, IsDoneWithTheFirstOrdererThatAccepts) {
  Fixed network;
  network.add(kAccepted);
  network.add(kAccepted);
  EXPECT_TRUE(run(network).accepted);
  EXPECT_EQ(network.orderers[0]->asked + network.orderers[1]->asked, 1);
}

TEST(Submit, TriesTheOthersWhenOneIsDownOrBusy) {
  Fixed network;
  network.add(kDown);
  network.add(kBusy);
  network.add(kAccepted);
  EXPECT_TRUE(run(network).accepted);
}

TEST(Submit, DoesNotTryAnotherWhenTheClientIsAtFault) {
  Fixed network;
  network.add(kBadRequest);
  const auto outcome = run(network);
  EXPECT_EQ(outcome.error.code, Code::kAborted);
  EXPECT_EQ(outcome.error.message, "received unsuccessful response from orderer: status=BAD_REQUEST, info=not good");
}

TEST(Submit, NamesEveryOrdererThatCouldNotBeReached) {
  Fixed network;
  network.add(kDown);
  network.add(kDown);
  const auto outcome = run(network);
  EXPECT_EQ(outcome.error.code, Code::kUnavailable);
  EXPECT_EQ(outcome.error.message, "no orderers could successfully process transaction");
  ASSERT_EQ(outcome.error.details.size(), 2u);
  EXPECT_EQ(outcome.error.details[0].msp_id(), "OrdererMSP");
  EXPECT_EQ(outcome.error.details[0].message(), "rpc error: code = Unavailable desc = gone");
}

TEST(Submit, RefusesWhatIsNotSigned) {
  Fixed network;
  network.add(kAccepted);
  const auto outcome = run(network, [](auto& request) { request.mutable_prepared_transaction()->clear_signature(); });
  EXPECT_EQ(outcome.error.code, Code::kInvalidArgument);
  EXPECT_EQ(outcome.error.message, "prepared transaction must be signed");
}

TEST(Submit, KnowsNoChannelThatWasNotJoined) {
  Fixed network;
  const auto outcome = run(network, [](auto& request) { request.set_channel_id("other"); });
  EXPECT_EQ(outcome.error.code, Code::kFailedPrecondition);
}

TEST(BftQuorum, IsMoreThanTheTolerantMajority) {
  EXPECT_EQ(bft_quorum(1), 1u);
  EXPECT_EQ(bft_quorum(4), 3u);
  EXPECT_EQ(bft_quorum(6), 4u);
  EXPECT_EQ(bft_quorum(7), 5u);
  EXPECT_EQ(bft_quorum(10), 7u);
}

}  // namespace
}  // namespace selvage::gateway
