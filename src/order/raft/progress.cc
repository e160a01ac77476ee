#include "order/raft/progress.h"

#include <fmt/format.h>

#include <algorithm>

namespace selvage::order::raft {

void Progress::enter(State new_state) {
  paused_flow = false;
  pending_snapshot = 0;
  state = new_state;
  inflight_.clear();
}

void Progress::become_probe() {
  // After a snapshot, probing starts behind it.
  const Index after_snapshot = state == State::kSnapshot ? pending_snapshot + 1 : 0;
  enter(State::kProbe);
  next = std::max(match + 1, after_snapshot);
  sent_commit_ = std::min(sent_commit_, next - 1);
}

void Progress::become_replicate() {
  enter(State::kReplicate);
  next = match + 1;
}

void Progress::become_snapshot(Index index) {
  enter(State::kSnapshot);
  pending_snapshot = index;
  next = index + 1;
  sent_commit_ = index;
}

void Progress::sent_entries(size_t count) {
  if (state == State::kReplicate) {
    if (count > 0) {
      next += count;
      inflight_.push_back(next - 1);
    }
    paused_flow = inflight_full();
  } else if (state == State::kProbe && count > 0) {
    paused_flow = true;
  }
}

bool Progress::acknowledge(Index index) {
  if (index <= match) return false;
  match = index;
  next = std::max(next, index + 1);
  paused_flow = false;
  return true;
}

bool Progress::step_back(Index rejected, Index hint) {
  if (state == State::kReplicate) {
    if (rejected <= match) return false;
    next = match + 1;
    sent_commit_ = std::min(sent_commit_, next - 1);
    return true;
  }
  if (next - 1 != rejected) return false;  // an answer to something older
  next = std::max(std::min(rejected, hint + 1), match + 1);
  sent_commit_ = std::min(sent_commit_, next - 1);
  paused_flow = false;
  return true;
}

void Progress::free_inflight_to(Index index) {
  while (!inflight_.empty() && inflight_.front() <= index) inflight_.pop_front();
}

std::string Progress::describe() const {
  static constexpr const char* kStates[] = {"StateProbe", "StateReplicate", "StateSnapshot"};
  std::string text = fmt::format("{} match={} next={}", kStates[static_cast<int>(state)], match, next);
  if (paused()) text += " paused";
  if (pending_snapshot > 0) text += fmt::format(" pendingSnap={}", pending_snapshot);
  if (!recently_active) text += " inactive";
  if (!inflight_.empty()) text += fmt::format(" inflight={}{}", inflight_.size(), inflight_full() ? "[full]" : "");
  return text;
}

}  // namespace selvage::order::raft
