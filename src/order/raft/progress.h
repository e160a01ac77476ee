// How far one follower is, as its leader believes, and how much may be on its way to it. Pure.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <utility>

#include "order/raft/message.h"

namespace selvage::order::raft {

class Progress {
 public:
  enum class State { kProbe, kReplicate, kSnapshot };

  Progress(Index next_index, size_t inflight_max) : next(next_index), inflight_max_(inflight_max) {}

  Index match = 0;  // known to be equal to ours up to here
  Index next = 1;   // what we send next
  State state = State::kProbe;
  Index pending_snapshot = 0;
  bool recently_active = false;
  bool paused_flow = false;

  void become_probe();
  void become_replicate();
  void become_snapshot(Index index);
  void sent_entries(size_t count);
  void sent_commit(Index commit) { sent_commit_ = commit; }
  // Would telling it of this commit index be news?
  [[nodiscard]] bool can_raise_commit(Index commit) const { return commit > sent_commit_ && sent_commit_ < next - 1; }
  // It has everything up to `index`; false when that is old news.
  bool acknowledge(Index index);
  // It refused entries after `rejected`; false when that answer is stale.
  bool step_back(Index rejected, Index hint);
  [[nodiscard]] bool paused() const { return state == State::kSnapshot || paused_flow; }
  [[nodiscard]] bool inflight_full() const { return inflight_.size() >= inflight_max_; }
  void free_inflight_to(Index index);
  [[nodiscard]] size_t inflight() const { return inflight_.size(); }
  // etcd's words: "StateReplicate match=11 next=12 inactive".
  [[nodiscard]] std::string describe() const;

 private:
  void enter(State new_state);

  size_t inflight_max_;
  std::deque<Index> inflight_;  // last index of each message on its way
  Index sent_commit_ = 0;
};

}  // namespace selvage::order::raft
