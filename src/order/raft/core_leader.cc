// What a leader does, and what is sent.
#include "order/raft/core.h"

#include <algorithm>
#include <utility>

#include "order/raft/codec.h"
#include "order/raft/message_parts.h"

namespace selvage::order::raft {

// ---- leader

bool Core::quorum_active() const {
  size_t active = 0;
  for (const auto& [id, progress] : progress_) active += progress.recently_active ? 1 : 0;
  return active >= progress_.size() / 2 + 1;
}

Index Core::quorum_match() const {
  std::vector<Index> matches;
  for (const auto& [id, progress] : progress_) matches.push_back(progress.match);
  if (matches.empty()) return 0;
  std::sort(matches.begin(), matches.end(), std::greater<>());
  return matches[matches.size() / 2];
}

bool Core::commit() { return log_.commit_if({term_, quorum_match()}); }

bool Core::append(std::vector<Entry> entries) {
  size_t bytes = 0;
  for (size_t i = 0; i < entries.size(); ++i) {
    entries[i].term = term_;
    entries[i].index = log_.last() + 1 + i;
    bytes += entries[i].data_bytes();
  }
  // One proposal goes even when it alone is too large; otherwise it could never go.
  if (uncommitted_bytes_ > 0 && bytes > 0 && bytes > config_.uncommitted_bytes_max - uncommitted_bytes_) {
    say(kWarn, "{:x} appending new entries to log would exceed uncommitted entry size limit; dropping proposal",
        config_.id);
    return false;
  }
  uncommitted_bytes_ += bytes;
  log_.append(std::move(entries));
  Message own = make(Type::kAppendAnswer, config_.id);  // counts once it is on disk
  own.index = log_.last();
  send(std::move(own));
  return true;
}

Status Core::step_leader(Message& m) {
  switch (m.type) {
    case Type::kBeat:
      for (const auto& [id, progress] : progress_) {
        if (id != config_.id) send_heartbeat(id, {});
      }
      return {};
    case Type::kCheckQuorum: {
      if (!quorum_active()) {
        say(kWarn, "{:x} stepped down to follower since quorum is not active", config_.id);
        become_follower(term_, kNone);
      }
      for (auto& [id, progress] : progress_) {
        if (id != config_.id) progress.recently_active = false;
      }
      return {};
    }
    case Type::kPropose: {
      if (!progress_.contains(config_.id)) return dropped();  // removed from the cluster
      if (transferee_ != kNone) {
        say(kDebug, "{:x} [term {}] transfer leadership to {:x} is in progress; dropping proposal", config_.id, term_,
            transferee_);
        return dropped();
      }
      for (size_t i = 0; i < m.entries.size(); ++i) {
        if (m.entries[i].kind != Entry::Kind::kChange) continue;
        if (pending_change_ > log_.applied()) {
          const auto change = decode_change(m.entries[i].data ? BytesView(*m.entries[i].data) : BytesView());
          const Change what = change ? *change : Change{};
          say(kInfo, "{:x} ignoring conf change {{{} {} [] {}}} at config {}: possible unapplied conf change at "
                     "index {} (applied to {})",
              config_.id, what.kind == Change::Kind::kAdd ? "ConfChangeAddNode" : "ConfChangeRemoveNode", what.node,
              what.id, describe_members(), pending_change_, log_.applied());
          m.entries[i] = Entry{};
        } else {
          pending_change_ = log_.last() + i + 1;
        }
      }
      if (!append(std::move(m.entries))) return dropped();
      broadcast_append();
      return {};
    }
    default:
      break;
  }
  const auto found = progress_.find(m.from);
  if (found == progress_.end()) {
    say(kDebug, "{:x} no progress available for {:x}", config_.id, m.from);
    return {};
  }
  Progress& progress = found->second;
  switch (m.type) {
    case Type::kAppendAnswer:
      on_append_answer(m, progress);
      break;
    case Type::kHeartbeatAnswer:
      progress.recently_active = true;
      progress.paused_flow = false;
      // What was lost on the way is found out here: nothing else would be sent while a probe is paused.
      if (progress.match < log_.last() || progress.state == Progress::State::kProbe) send_append(m.from);
      break;
    case Type::kSnapshotStatus:
      on_snapshot_status(m, progress);
      break;
    case Type::kUnreachable:
      if (progress.state == Progress::State::kReplicate) progress.become_probe();
      say(kDebug, "{:x} failed to send message to {:x} because it is unreachable [{}]", config_.id, m.from,
          progress.describe());
      break;
    case Type::kTransferLeader:
      on_transfer(m, progress);
      break;
    default:
      break;
  }
  return {};
}

void Core::on_append_answer(const Message& m, Progress& progress) {
  progress.recently_active = true;
  if (m.reject) {
    say(kDebug, "{:x} received MsgAppResp(rejected, hint: (index {}, term {})) from {:x} for index {}", config_.id,
        m.reject_hint, m.log_term, m.from, m.index);
    // Skip whole terms that the follower cannot have.
    const Index probe = m.log_term > 0 ? log_.last_not_after(m.reject_hint, m.log_term).index : m.reject_hint;
    if (progress.step_back(m.index, probe)) {
      say(kDebug, "{:x} decreased progress of {:x} to [{}]", config_.id, m.from, progress.describe());
      if (progress.state == Progress::State::kReplicate) progress.become_probe();
      send_append(m.from);
    }
    return;
  }
  const bool news = progress.acknowledge(m.index);
  if (!news && !(progress.match == m.index && progress.state == Progress::State::kProbe)) return;
  if (progress.state == Progress::State::kProbe) {
    progress.become_replicate();
  } else if (progress.state == Progress::State::kSnapshot && progress.match + 1 >= log_.first()) {
    // What it has reaches our log again, with or without the snapshot that we sent.
    say(kDebug, "{:x} recovered from needing snapshot, resumed sending replication messages to {:x} [{}]", config_.id,
        m.from, progress.describe());
    progress.become_probe();
    progress.become_replicate();
  } else if (progress.state == Progress::State::kReplicate) {
    progress.free_inflight_to(m.index);
  }
  if (commit()) {
    broadcast_append();
  } else if (m.from != config_.id && progress.can_raise_commit(log_.committed())) {
    send_append(m.from);
  }
  if (m.from != config_.id) {
    while (send_append(m.from, false)) {
    }
  }
  if (m.from == transferee_ && progress.match == log_.last()) {
    say(kInfo, "{:x} sent MsgTimeoutNow to {:x} after received MsgAppResp", config_.id, m.from);
    send(make(Type::kTimeoutNow, m.from));
  }
}

void Core::on_snapshot_status(const Message& m, Progress& progress) {
  if (progress.state != Progress::State::kSnapshot) return;
  if (m.reject) progress.pending_snapshot = 0;
  progress.become_probe();
  say(kDebug, "{:x} snapshot {}, resumed sending replication messages to {:x} [{}]", config_.id,
      m.reject ? "failed" : "succeeded", m.from, progress.describe());
  // Wait for its acknowledgement, or for a heartbeat, before trying again.
  progress.paused_flow = true;
}

void Core::on_transfer(const Message& m, Progress& progress) {
  if (transferee_ != kNone) {
    if (transferee_ == m.from) {
      return say(kInfo, "{:x} [term {}] transfer leadership to {:x} is in progress, ignores request to same node {:x}",
                 config_.id, term_, m.from, m.from);
    }
    say(kInfo, "{:x} [term {}] abort previous transferring leadership to {:x}", config_.id, term_, transferee_);
    transferee_ = kNone;
  }
  if (m.from == config_.id) {
    return say(kDebug, "{:x} is already leader. Ignored transferring leadership to self", config_.id);
  }
  say(kInfo, "{:x} [term {}] starts to transfer leadership to {:x}", config_.id, term_, m.from);
  election_elapsed_ = 0;  // it must be over within one election timeout
  transferee_ = m.from;
  if (progress.match == log_.last()) {
    send(make(Type::kTimeoutNow, m.from));
    say(kInfo, "{:x} sends MsgTimeoutNow to {:x} immediately as {:x} already has up-to-date log", config_.id, m.from,
        m.from);
  } else {
    send_append(m.from);
  }
}

// ---- sending

void Core::send(Message message) {
  if (message.from == kNone) message.from = config_.id;
  if (!is_vote(message.type) && !is_vote_answer(message.type)) message.term = term_;
  const bool after_disk = message.type == Type::kAppendAnswer || is_vote_answer(message.type);
  (after_disk ? after_append_ : messages_).push_back(std::move(message));
}

bool Core::send_append(NodeId to, bool even_if_empty) {
  Progress& progress = progress_.at(to);
  if (progress.paused()) return false;
  const Index previous = progress.next - 1;
  const auto previous_term = log_.term(previous);
  if (!previous_term) return send_snapshot(to, progress);
  std::vector<Entry> entries;
  // With all slots taken, an empty message still carries the commit index.
  if (progress.state != Progress::State::kReplicate || !progress.inflight_full()) {
    auto slice = log_.slice(progress.next, log_.last() + 1, config_.message_bytes_max);
    if (!slice) return send_snapshot(to, progress);
    entries = std::move(*slice);
  }
  if (entries.empty() && !even_if_empty) return false;
  const size_t count = entries.size();
  Message message = make(Type::kAppend, to);
  message.index = previous;
  message.log_term = *previous_term;
  message.entries = std::move(entries);
  message.commit = log_.committed();
  send(std::move(message));
  progress.sent_entries(count);
  progress.sent_commit(log_.committed());
  return true;
}

bool Core::send_snapshot(NodeId to, Progress& progress) {
  if (!progress.recently_active) {
    say(kDebug, "ignore sending snapshot to {:x} since it is not recently active", to);
    return false;
  }
  const Snapshot& snapshot = log_.snapshot();
  if (snapshot.empty()) {
    say(kDebug, "{:x} failed to send snapshot to {:x} because snapshot is temporarily unavailable", config_.id, to);
    return false;
  }
  say(kDebug, "{:x} [firstindex: {}, commit: {}] sent snapshot[index: {}, term: {}] to {:x} [{}]", config_.id,
      log_.first(), log_.committed(), snapshot.index, snapshot.term, to, progress.describe());
  progress.become_snapshot(snapshot.index);
  say(kDebug, "{:x} paused sending replication messages to {:x} [{}]", config_.id, to, progress.describe());
  Message message = make(Type::kSnapshot, to);
  message.snapshot = snapshot;
  send(std::move(message));
  return true;
}

void Core::send_heartbeat(NodeId to, const Bytes& context) {
  Progress& progress = progress_.at(to);
  Message message = make(Type::kHeartbeat, to);
  message.commit = std::min(progress.match, log_.committed());  // never beyond what it has
  message.context = context;
  progress.sent_commit(message.commit);
  send(std::move(message));
}

void Core::broadcast_append() {
  for (const auto& [id, progress] : progress_) {
    if (id != config_.id) send_append(id);
  }
}

}  // namespace selvage::order::raft
