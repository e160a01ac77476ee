#include "event/commit_notifier.h"

#include <gtest/gtest.h>

#include "event/chaincode_events.h"

namespace selvage::event {
namespace {

struct Heard {
  int times = 0;
  std::optional<TransactionStatus> last;
  CommitNotifier::Told told() {
    return [this](const std::optional<TransactionStatus>& status) {
      ++times;
      last = status;
    };
  }
};

TEST(CommitNotifier, TellsWhoWaitsForATransactionOfTheBlock) {
  CommitNotifier notifier;
  Heard one, other;
  const auto a = notifier.watch("ch", "tx1", one.told());
  const auto b = notifier.watch("ch", "tx2", other.told());
  notifier.committed("ch", 7, {{"tx0", uint8_t{0}}, {"tx1", uint8_t{10}}});
  ASSERT_TRUE(one.last);
  EXPECT_EQ(one.last->block, 7u);
  EXPECT_EQ(one.last->code, 10);
  EXPECT_EQ(other.times, 0);
  EXPECT_EQ(notifier.waiting(), 1u);
}

TEST(CommitNotifier, KeepsChannelsApart) {
  CommitNotifier notifier;
  Heard heard;
  const auto watch = notifier.watch("ch1", "tx", heard.told());
  notifier.committed("ch2", 1, {{"tx", uint8_t{0}}});
  EXPECT_EQ(heard.times, 0);
}

TEST(CommitNotifier, LeavesNothingBehindWhenAWatchIsDropped) {
  CommitNotifier notifier;
  Heard heard;
  auto watch = notifier.watch("ch", "tx", heard.told());
  watch.reset();
  EXPECT_EQ(notifier.waiting(), 0u);
  notifier.committed("ch", 1, {{"tx", uint8_t{0}}});
  EXPECT_EQ(heard.times, 0);
}

TEST(CommitNotifier, TellsEverybodyOfItsEndOnce) {
  CommitNotifier notifier;
  Heard early, late;
  const auto a = notifier.watch("ch", "tx", early.told());
  notifier.stop();
  notifier.stop();
  const auto b = notifier.watch("ch", "tx", late.told());
  EXPECT_EQ(early.times, 1);
  EXPECT_FALSE(early.last);
  EXPECT_EQ(late.times, 1);
}

::protos::ChaincodeEvent event(const std::string& txid, const std::string& chaincode) {
  ::protos::ChaincodeEvent out;
  out.set_tx_id(txid);
  out.set_chaincode_id(chaincode);
  return out;
}

TEST(EventMatcher, ChoosesTheEventsOfOneChaincode) {
  EventMatcher matcher("cc", "");
  EXPECT_EQ(matcher.choose({event("1", "cc"), event("2", "other"), event("3", "cc")}).size(), 2u);
}

TEST(EventMatcher, StartsBehindTheTransactionItWasGiven) {
  EventMatcher matcher("cc", "2");
  const auto first = matcher.choose({event("1", "cc"), event("2", "other"), event("3", "cc")});
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].tx_id(), "3");
  EXPECT_EQ(matcher.choose({event("4", "cc")}).size(), 1u);
}

TEST(StartBlock, IsTheNextOneUnlessABlockIsNamed) {
  ::gateway::ChaincodeEventsRequest request;
  EXPECT_EQ(*start_block(request, 9), 9u);
  request.mutable_start_position()->mutable_next_commit();
  EXPECT_EQ(*start_block(request, 9), 9u);
  request.mutable_start_position()->mutable_specified()->set_number(3);
  EXPECT_EQ(*start_block(request, 9), 3u);
  request.mutable_start_position()->mutable_oldest();
  const auto refused = start_block(request, 9);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "invalid start position type: *orderer.SeekPosition_Oldest");
}

TEST(CommitRequest, NamesWhatIsMissing) {
  ::gateway::CommitStatusRequest request;
  request.set_identity("identity");
  request.set_channel_id("ch");
  request.set_transaction_id("tx");
  const auto read = [&] {
    ::gateway::SignedCommitStatusRequest outer;
    outer.set_request(request.SerializeAsString());
    return read_commit_request(outer.SerializeAsString());
  };
  EXPECT_TRUE(read());
  request.clear_transaction_id();
  EXPECT_EQ(read().error().message, "transaction ID should not be empty");
  request.clear_channel_id();
  EXPECT_EQ(read().error().message, "no channel ID provided");
  EXPECT_EQ(read_commit_request("").error().message, "a commit status request is required");
  EXPECT_FALSE(read_commit_request("\xff\xff"));
}

}  // namespace
}  // namespace selvage::event
