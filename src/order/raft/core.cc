#include "order/raft/core.h"

#include <algorithm>
#include <utility>

#include "order/raft/codec.h"
#include "order/raft/message_parts.h"

namespace selvage::order::raft {

Core::Core(Config config, Restart restart)
    : config_(std::move(config)), log_([this](log::Level level, std::string text) {
        if (config_.remark) config_.remark(level, std::move(text));
      }) {
  log_.load(restart.snapshot, std::move(restart.entries));
  set_members(restart.snapshot.membership.voters);
  switched();
  const HardState& state = restart.hard_state;
  if (!state.empty()) {
    if (state.commit < log_.committed() || state.commit > log_.last()) {
      broken_ = fmt::format("{:x} state.commit {} is out of range [{}, {}]", config_.id, state.commit, log_.committed(),
                            log_.last());
      return;
    }
    log_.set_committed(state.commit);
    term_ = state.term;
    vote_ = state.vote;
  }
  if (restart.applied > log_.applied()) log_.applied_to(restart.applied);
  become_follower(term_, kNone);
  std::string peers;
  for (const auto& [id, progress] : progress_) peers += fmt::format("{}{:x}", peers.empty() ? "" : ",", id);
  say(kInfo, "newRaft {:x} [peers: [{}], term: {}, commit: {}, applied: {}, lastindex: {}, lastterm: {}]", config_.id,
      peers, term_, log_.committed(), log_.applied(), log_.last(), log_.last_id().term);
  told_soft_ = soft_state();
  told_hard_ = hard_state();
}

Status Core::bootstrap(const std::vector<NodeId>& members, const std::vector<Payload>& contexts) {
  if (log_.last() != 0) return fail(Code::kFailedPrecondition, "can't bootstrap a nonempty Storage");
  told_hard_ = HardState{};
  become_follower(1, kNone);
  std::vector<Entry> entries;
  for (size_t i = 0; i < members.size(); ++i) {
    Change change;
    change.node = members[i];
    if (i < contexts.size()) change.context = contexts[i];
    entries.push_back({Entry::Kind::kChange, 1, i + 1, std::make_shared<const Bytes>(encode(change))});
  }
  log_.append(std::move(entries));
  log_.set_committed(members.size());
  for (NodeId member : members) {
    Change change;
    change.node = member;
    apply(change);
  }
  return {};
}

// ---- inputs

void Core::tick() {
  if (broken()) return;
  ++election_elapsed_;
  if (role_ != Role::kLeader) {
    if (promotable() && election_elapsed_ >= randomized_election_ticks_) {
      election_elapsed_ = 0;
      step_local(make(Type::kHup, kNone));
    }
    return;
  }
  ++heartbeat_elapsed_;
  if (election_elapsed_ >= config_.election_ticks) {
    election_elapsed_ = 0;
    if (config_.check_quorum) step_local(make(Type::kCheckQuorum, kNone));
    if (role_ == Role::kLeader) transferee_ = kNone;  // it had its time
  }
  if (role_ == Role::kLeader && heartbeat_elapsed_ >= config_.heartbeat_ticks) {
    heartbeat_elapsed_ = 0;
    step_local(make(Type::kBeat, kNone));
  }
}

void Core::campaign() { step_local(make(Type::kHup, kNone)); }

Status Core::propose(Payload data) {
  Entry entry;
  entry.data = std::move(data);
  return propose_entries({std::move(entry)});
}

Status Core::propose_change(const Change& change) {
  Entry entry;
  entry.kind = Entry::Kind::kChange;
  entry.data = std::make_shared<const Bytes>(encode(change));
  return propose_entries({std::move(entry)});
}

Status Core::propose_entries(std::vector<Entry> entries) {
  if (broken()) return dropped();
  Message message = make(Type::kPropose, kNone);
  message.from = config_.id;
  message.entries = std::move(entries);
  return step_any(std::move(message));
}

void Core::step_local(Message message) {
  message.from = config_.id;
  if (!broken()) (void)step_any(std::move(message));
}

Status Core::step(Message message) {
  switch (message.type) {
    case Type::kHup:
    case Type::kBeat:
    case Type::kUnreachable:
    case Type::kSnapshotStatus:
    case Type::kCheckQuorum:
    case Type::kPropose:
    case Type::kReadIndex:
    case Type::kReadIndexAnswer:
      return fail(Code::kInvalidArgument, "raft: cannot step raft local message");
    case Type::kAppendAnswer:
    case Type::kVoteAnswer:
    case Type::kHeartbeatAnswer:
    case Type::kPreVoteAnswer:
      if (!progress_.contains(message.from)) {
        return fail(Code::kNotFound, "raft: cannot step as peer not found");
      }
      break;
    default:
      break;
  }
  if (auto why = broken()) return fail(Code::kInternal, *why);
  SELVAGE_CHECK(step_any(std::move(message)));
  if (auto why = broken()) return fail(Code::kInternal, *why);
  return {};
}

void Core::transfer_leadership(NodeId to) {
  Message message = make(Type::kTransferLeader, kNone);
  message.from = to;
  if (!broken()) (void)step_any(std::move(message));
}

void Core::report_unreachable(NodeId id) {
  Message message = make(Type::kUnreachable, kNone);
  message.from = id;
  if (!broken()) (void)step_any(std::move(message));
}

void Core::report_snapshot(NodeId id, bool sent) {
  Message message = make(Type::kSnapshotStatus, kNone);
  message.from = id;
  message.reject = !sent;
  if (!broken()) (void)step_any(std::move(message));
}

// ---- membership

void Core::set_members(const std::vector<NodeId>& members) {
  for (NodeId id : members) {
    // A newcomer counts as active, or the leader might step down before it ever heard of it.
    if (auto [place, is_new] = progress_.try_emplace(id, log_.last(), config_.inflight_messages_max); is_new) {
      place->second.next = std::max<Index>(log_.last(), 1);
      place->second.recently_active = true;
    }
  }
}

Membership Core::membership() const {
  Membership members;
  for (const auto& [id, progress] : progress_) members.voters.push_back(id);
  return members;
}

std::string Core::describe_members() const {
  std::string ids;
  for (const auto& [id, progress] : progress_) ids += fmt::format("{}{}", ids.empty() ? "" : " ", id);
  return fmt::format("voters=({})", ids);
}

Membership Core::switched() {
  say(kInfo, "{:x} switched to configuration {}", config_.id, describe_members());
  if (role_ != Role::kLeader || progress_.empty()) return membership();
  if (!progress_.contains(config_.id)) {
    if (config_.step_down_on_removal) become_follower(term_, kNone);
    return membership();
  }
  if (commit()) {
    broadcast_append();
  } else {
    for (const auto& [id, progress] : progress_) {
      if (id != config_.id) send_append(id, false);
    }
  }
  if (transferee_ != kNone && !progress_.contains(transferee_)) transferee_ = kNone;
  return membership();
}

Membership Core::apply(const Change& change) {
  if (change.node != kNone) {
    if (change.kind == Change::Kind::kAdd) {
      set_members({change.node});
    } else if (progress_.size() > 1 || !progress_.contains(change.node)) {
      progress_.erase(change.node);
    } else {
      broken_ = "removed all voters";
      return membership();
    }
  }
  return switched();
}

// ---- output

bool Core::has_ready() const {
  if (broken()) return false;
  return soft_state() != told_soft_ || (!hard_state().empty() && hard_state() != told_hard_) ||
         log_.unwritten_snapshot() || !messages_.empty() || !after_append_.empty() || log_.has_unwritten() ||
         log_.has_unapplied();
}

Ready Core::ready() {
  Ready ready;
  ready.entries = log_.unwritten();
  ready.committed = log_.unapplied();
  ready.messages = std::move(messages_);
  messages_.clear();
  if (soft_state() != told_soft_) ready.soft_state = told_soft_ = soft_state();
  const HardState now = hard_state();
  ready.must_sync = !ready.entries.empty() || now.vote != told_hard_.vote || now.term != told_hard_.term;
  if (now != told_hard_) ready.hard_state = told_hard_ = now;
  if (const Snapshot* snapshot = log_.unwritten_snapshot()) ready.snapshot = *snapshot;
  own_answers_.clear();
  for (Message& message : after_append_) {
    (message.to == config_.id ? own_answers_ : ready.messages).push_back(std::move(message));
  }
  after_append_.clear();
  if (log_.has_unstable()) writing_ = log_.last_id();
  if (ready.snapshot) writing_snapshot_ = ready.snapshot->index;
  log_.take();
  if (!ready.committed.empty()) {
    applying_ = ready.committed.back().index;
    log_.take_applying(*applying_);
    for (const Entry& entry : ready.committed) applying_bytes_ += entry.data_bytes();
  }
  return ready;
}

void Core::advance() {
  if (broken()) return;
  const auto own = std::exchange(own_answers_, {});
  for (const Message& message : own) (void)step_any(message);
  if (auto written = std::exchange(writing_, std::nullopt)) log_.stable_to(*written);
  if (auto snapshot = std::exchange(writing_snapshot_, std::nullopt)) {
    log_.snapshot_stable(*snapshot);
    log_.applied_to(std::max(*snapshot, log_.applied()));
  }
  if (auto applied = std::exchange(applying_, std::nullopt)) {
    log_.applied_to(std::max(*applied, log_.applied()));
    uncommitted_bytes_ -= std::min(uncommitted_bytes_, std::exchange(applying_bytes_, 0));
  }
}

}  // namespace selvage::order::raft
