// How a log is taken over from a leader.
#include "order/raft/core.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "order/raft/message_parts.h"

namespace selvage::order::raft {

// ---- follower

void Core::on_append(const Message& m) {
  if (m.index < log_.committed()) {
    Message answer = make(Type::kAppendAnswer, m.from);
    answer.index = log_.committed();
    return send(std::move(answer));
  }
  Index last_new = 0;
  if (log_.append_after({m.log_term, m.index}, m.entries, m.commit, &last_new)) {
    Message answer = make(Type::kAppendAnswer, m.from);
    answer.index = last_new;
    return send(std::move(answer));
  }
  if (broken()) return;
  say(kDebug, "{:x} [logterm: {}, index: {}] rejected MsgApp [logterm: {}, index: {}] from {:x}", config_.id,
      log_.term_or_zero(m.index), m.index, m.log_term, m.index, m.from);
  const EntryId hint = log_.last_not_after(std::min(m.index, log_.last()), m.log_term);
  Message answer = make(Type::kAppendAnswer, m.from);
  answer.index = m.index;
  answer.reject = true;
  answer.reject_hint = hint.index;
  answer.log_term = hint.term;
  send(std::move(answer));
}

void Core::on_heartbeat(const Message& m) {
  log_.commit_to(m.commit);
  if (broken()) return;
  Message answer = make(Type::kHeartbeatAnswer, m.from);
  answer.context = m.context;
  send(std::move(answer));
}

void Core::on_snapshot(const Message& m) {
  const Snapshot snapshot = m.snapshot.value_or(Snapshot{});
  Message answer = make(Type::kAppendAnswer, m.from);
  if (restore(snapshot)) {
    say(kInfo, "{:x} [commit: {}] restored snapshot [index: {}, term: {}]", config_.id, log_.committed(),
        snapshot.index, snapshot.term);
    answer.index = log_.last();
  } else {
    say(kInfo, "{:x} [commit: {}] ignored snapshot [index: {}, term: {}]", config_.id, log_.committed(),
        snapshot.index, snapshot.term);
    answer.index = log_.committed();
  }
  send(std::move(answer));
}

bool Core::restore(const Snapshot& snapshot) {
  if (snapshot.index <= log_.committed() || role_ != Role::kFollower) return false;
  const auto& voters = snapshot.membership.voters;
  if (std::find(voters.begin(), voters.end(), config_.id) == voters.end()) {
    say(kWarn, "{:x} attempted to restore snapshot but it is not in the ConfState {{[{}] [] [] [] false}}; should never happen",
        config_.id, fmt::join(voters, " "));
    return false;
  }
  const EntryId id{snapshot.term, snapshot.index};
  const EntryId last = log_.last_id();
  if (log_.matches(id)) {
    say(kInfo, "{:x} [commit: {}, lastindex: {}, lastterm: {}] fast-forwarded commit to snapshot [index: {}, term: {}]",
        config_.id, log_.committed(), last.index, last.term, id.index, id.term);
    log_.commit_to(id.index);
    return false;
  }
  log_.restore(snapshot);
  progress_.clear();
  set_members(voters);
  switched();
  const EntryId now = log_.last_id();
  say(kInfo, "{:x} [commit: {}, lastindex: {}, lastterm: {}] restored snapshot [index: {}, term: {}]", config_.id,
      log_.committed(), now.index, now.term, id.index, id.term);
  return true;
}

}  // namespace selvage::order::raft
