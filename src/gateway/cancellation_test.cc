// A client that goes away in the middle of Evaluate, Endorse or Submit.
#include "gateway/cancellation.h"

#include <gtest/gtest.h>

#include <utility>

#include "gateway/endorse.h"
#include "gateway/submit.h"
#include "kit/channels.h"
#include "kit/random.h"
#include "peer/chaincode.pb.h"
#include "peer/proposal.pb.h"

namespace selvage::gateway {
namespace {

// Is asked, and says nothing until it is stopped or told to.
struct Silent final : Endorser, Orderer {
  explicit Silent(const std::string& name, const std::string& mspid)
      : who{name, name + ":7051", mspid, 1, {"cc"}}, where{name, name, name, mspid, {}} {}
  const Member& member() const override { return who; }
  std::function<void()> process(std::shared_ptr<const ::protos::SignedProposal>, std::chrono::milliseconds, Endorser::Done done) override {
    ++asked;
    answer = std::move(done);
    return [this] {
      ++stopped;
      EndorserAnswer ended;
      ended.failed = true;
      ended.code = Code::kCancelled;
      ended.error = "rpc error: code = Canceled desc = context canceled";
      answer(ended);
    };
  }
  const OrdererEndpoint& endpoint() const override { return where; }
  std::function<void()> broadcast(std::shared_ptr<const Bytes>, std::chrono::milliseconds, Orderer::Done done) override {
    ++asked;
    return [this, done = std::move(done)] {
      ++stopped;
      done({true, "rpc error: code = Canceled desc = context canceled", 0, ""});
    };
  }
  Member who;
  OrdererEndpoint where;
  Endorser::Done answer;
  int asked = 0, stopped = 0, dropped = 0;
};

struct Fixed final : Network, Endorsers, Orderers {
  std::vector<Member> members(const std::string&) override { return {ours->who, theirs->who}; }
  Result<Descriptor> endorsers(const std::string&, const ::protos::ChaincodeInterest&) override {
    return Descriptor{{{{"A", 1}, {"B", 1}}}, {{"A", {ours->who}}, {"B", {theirs->who}}}};
  }
  std::shared_ptr<const channel::Bundle> bundle(const std::string&) override { return made.bundle(); }
  EndorserPtr local() override { return ours; }
  EndorserPtr find(const std::string&, const Member& member) override { return member.pki_id == "a" ? ours : theirs; }
  void drop(const Endorser&) override { ++dropped; }
  std::vector<std::shared_ptr<Orderer>> use(const std::string&, const std::vector<OrdererEndpoint>&) override {
    return {ours, theirs};
  }
  int asked() const { return ours->asked + theirs->asked; }
  int stopped() const { return ours->stopped + theirs->stopped; }

  test::Channel made;
  std::shared_ptr<Silent> ours = std::make_shared<Silent>("a", "Org1MSP"), theirs = std::make_shared<Silent>("b", "Org2MSP");
  int dropped = 0;
};

class Gone : public testing::Test {
 protected:
  ::protos::SignedProposal proposal() {
    ::protos::ChaincodeInvocationSpec spec;
    spec.mutable_chaincode_spec()->mutable_chaincode_id()->set_name("cc");
    ::protos::ChaincodeProposalPayload payload;
    payload.set_input(spec.SerializeAsString());
    ::common::ChannelHeader channel_header;
    channel_header.set_channel_id("mychannel");
    ::common::Header header;
    header.set_channel_header(channel_header.SerializeAsString());
    ::protos::Proposal proposal;
    proposal.set_header(header.SerializeAsString());
    proposal.set_payload(payload.SerializeAsString());
    ::protos::SignedProposal out;
    out.set_proposal_bytes(proposal.SerializeAsString());
    return out;
  }
  template <class Response>
  Answered<Response> outcome() {
    return [this](std::variant<Response, CallError> answer) {
      ++answers;
      const auto* error = std::get_if<CallError>(&answer);
      text = error != nullptr ? error->message : "a response";
    };
  }
  void start_endorse() {
    ::gateway::EndorseRequest request;
    *request.mutable_proposed_transaction() = proposal();
    endorse(calls, std::move(request), client, outcome<::gateway::EndorseResponse>());
  }
  void start_submit() {
    ::gateway::SubmitRequest request;
    request.set_channel_id("mychannel");
    request.mutable_prepared_transaction()->set_signature("signature");
    submit({network, network, random, {}, std::chrono::seconds(1)}, request, client, outcome<::gateway::SubmitResponse>());
  }

  // What was asked keeps whom it asks, who keeps what is to be told.
  void TearDown() override { network.ours->answer = network.theirs->answer = nullptr; }

  Fixed network;
  test::SeededRandom random;
  Planner planner{{network, network, random, [](const std::string&) { return false; }}};
  CallParts calls{planner, std::chrono::seconds(1)};
  std::shared_ptr<Cancellation> client = std::make_shared<Cancellation>();
  int answers = 0;
  std::string text;
};

TEST_F(Gone, EvaluateStopsThePeerAndAsksNoOther) {
  ::gateway::EvaluateRequest request;
  *request.mutable_proposed_transaction() = proposal();
  evaluate(calls, std::move(request), client, outcome<::gateway::EvaluateResponse>());
  EXPECT_EQ(network.asked(), 1);
  client->cancel();
  EXPECT_EQ(network.asked(), 1);
  EXPECT_EQ(network.stopped(), 1);
  EXPECT_EQ(answers, 1);
  EXPECT_EQ(text, "evaluate timeout expired");
  EXPECT_EQ(network.dropped, 0) << "the peer is not to blame";
}

TEST_F(Gone, EndorseStopsTheFirstEndorser) {
  start_endorse();
  EXPECT_EQ(network.asked(), 1);
  client->cancel();
  EXPECT_EQ(network.asked(), 1);
  EXPECT_EQ(network.stopped(), 1);
  EXPECT_EQ(answers, 1);
  EXPECT_EQ(text, "endorsement timeout expired while collecting first endorsement");
}

TEST_F(Gone, EndorseStopsTheOthersOfTheLayout) {
  start_endorse();
  EndorserAnswer good;
  good.response.mutable_response()->set_status(200);
  good.response.set_payload("payload");
  good.response.mutable_endorsement()->set_endorser("a");
  auto answer = std::exchange(network.ours->answer, [](EndorserAnswer) {});  // a stop has no effect any more
  answer(good);
  ASSERT_EQ(network.theirs->asked, 1);
  client->cancel();
  EXPECT_EQ(network.theirs->stopped, 1);
  EXPECT_EQ(answers, 1);
  EXPECT_EQ(text, "endorsement timeout expired while collecting endorsements");
  EXPECT_EQ(network.dropped, 0);
}

TEST_F(Gone, EndorseAsksNobodyAfterAnAnswerThatCameTooLate) {
  start_endorse();
  auto answer = std::exchange(network.ours->answer, [](EndorserAnswer) {});  // the stop comes too late
  client->cancel();
  EndorserAnswer good;
  good.response.mutable_response()->set_status(200);
  answer(good);
  EXPECT_EQ(network.theirs->asked, 0);
  EXPECT_EQ(answers, 1);
}

TEST_F(Gone, SubmitStopsTheOrdererAndTriesNoOther) {
  start_submit();
  client->cancel();
  EXPECT_EQ(network.asked(), 1);
  EXPECT_EQ(network.stopped(), 1);
  EXPECT_EQ(answers, 1);
  EXPECT_EQ(text, "submit timeout expired while broadcasting to ordering service");
}

TEST_F(Gone, NobodyIsAskedForAClientThatWasGoneBefore) {
  client->cancel();
  start_submit();
  start_endorse();
  EXPECT_EQ(network.asked(), 0);
  EXPECT_EQ(answers, 2);
}

TEST(Cancellation, RunsWhatIsAddedTooLateAtOnce) {
  Cancellation client;
  int stops = 0;
  client.add([&] { ++stops; });
  client.add({});
  client.cancel();
  client.cancel();
  EXPECT_EQ(stops, 1);
  client.add([&] { ++stops; });
  EXPECT_EQ(stops, 2);
}

}  // namespace
}  // namespace selvage::gateway
