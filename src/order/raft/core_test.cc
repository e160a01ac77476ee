// What etcd's scenarios say with means that are not here (learners, forgetting a leader) and orderers need all the
// same.
#include "order/raft/core.h"

#include <gtest/gtest.h>

namespace selvage::order::raft {
namespace {

Core node(NodeId id, Restart restart) {
  Config config;
  config.id = id;
  return {std::move(config), std::move(restart)};
}

// A voter of three whose log ends at index 10.
Core voter(NodeId id) {
  Restart restart;
  restart.snapshot.membership.voters = {1, 2, 3};
  restart.snapshot.index = 10;
  restart.snapshot.term = 1;
  restart.hard_state = {1, kNone, 10};
  return node(id, std::move(restart));
}

Message request(Type type, NodeId from, NodeId to, Index last) {
  Message message;
  message.type = type;
  message.from = from;
  message.to = to;
  message.term = 2;
  message.log_term = 1;
  message.index = last;
  return message;
}

// The answers that leave the node now, as text: "yes" or "no" each.
std::string answers(Core& core) {
  std::string text;
  while (core.has_ready()) {
    for (const Message& message : core.ready().messages) text += message.reject ? "no" : "yes";
    core.advance();
  }
  return text;
}

// Otherwise a cluster that grew from two to three and lost one could not go on.
TEST(RaftCore, VotesThoughItDoesNotKnowYetThatItIsAVoter) {
  Core newcomer = node(3, {});
  ASSERT_TRUE(newcomer.step(request(Type::kVote, 2, 3, 4)));
  EXPECT_EQ(answers(newcomer), "yes");
  newcomer.campaign();
  EXPECT_EQ(newcomer.soft_state().role, Role::kFollower) << "it stands for no election before it knows";
}

TEST(RaftCore, PromisesItsVoteWhenItKnowsOfNoLeader) {
  Core started = voter(2);
  ASSERT_TRUE(started.step(request(Type::kPreVote, 3, 2, 10)));
  EXPECT_EQ(answers(started), "yes") << "though less than an election timeout has passed";
  ASSERT_TRUE(started.step(request(Type::kPreVote, 1, 2, 9)));
  EXPECT_EQ(answers(started), "no") << "its log is behind";
}

TEST(RaftCore, PromisesNothingWhileItHearsOfItsLeader) {
  Core follower = voter(2);
  Message heartbeat = request(Type::kHeartbeat, 1, 2, 0);
  heartbeat.term = 1;
  ASSERT_TRUE(follower.step(heartbeat));
  EXPECT_EQ(answers(follower), "yes");
  ASSERT_TRUE(follower.step(request(Type::kPreVote, 3, 2, 10)));
  EXPECT_EQ(answers(follower), "") << "within the leader's lease";
  for (int i = 0; i < 10; ++i) follower.tick();
  ASSERT_TRUE(follower.step(request(Type::kPreVote, 3, 2, 10)));
  EXPECT_NE(answers(follower), "") << "the lease is over";
}

}  // namespace
}  // namespace selvage::order::raft
