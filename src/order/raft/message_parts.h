// Small things that the parts of the core share. Private to raft/core*.cc.
#pragma once

#include <string>

#include "base/log.h"
#include "base/result.h"
#include "order/raft/message.h"

namespace selvage::order::raft {

inline constexpr auto kDebug = log::Level::kDebug;
inline constexpr auto kInfo = log::Level::kInfo;
inline constexpr auto kWarn = log::Level::kWarn;
// In a vote request: the leader asked for this election, so its lease does not count.
inline constexpr const char* kTransferContext = "CampaignTransfer";

inline bool is_vote(Type type) { return type == Type::kVote || type == Type::kPreVote; }
inline bool is_vote_answer(Type type) { return type == Type::kVoteAnswer || type == Type::kPreVoteAnswer; }
inline Type answer_to(Type vote) { return vote == Type::kVote ? Type::kVoteAnswer : Type::kPreVoteAnswer; }

inline auto dropped() { return fail(Code::kUnavailable, "raft proposal dropped"); }

inline Message make(Type type, NodeId to) {
  Message message;
  message.type = type;
  message.to = to;
  return message;
}

}  // namespace selvage::order::raft
