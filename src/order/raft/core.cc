#include "order/raft/core.h"

#include <algorithm>
#include <utility>

#include "order/raft/codec.h"

namespace selvage::order::raft {
namespace {

constexpr auto kDebug = log::Level::kDebug;
constexpr auto kInfo = log::Level::kInfo;
constexpr auto kWarn = log::Level::kWarn;
constexpr const char* kTransferContext = "CampaignTransfer";  // lets voters ignore the leader's lease

bool is_vote(Type type) { return type == Type::kVote || type == Type::kPreVote; }
bool is_vote_answer(Type type) { return type == Type::kVoteAnswer || type == Type::kPreVoteAnswer; }
Type answer_to(Type vote) { return vote == Type::kVote ? Type::kVoteAnswer : Type::kPreVoteAnswer; }

auto dropped() { return fail(Code::kUnavailable, "raft proposal dropped"); }

Message make(Type type, NodeId to) {
  Message message;
  message.type = type;
  message.to = to;
  return message;
}

}  // namespace

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

// ---- terms and votes, the same for every role

bool Core::settle_term(const Message& m) {
  if (m.term == 0 || m.term == term_) return true;
  if (m.term > term_) {
    const bool in_lease = config_.check_quorum && leader_ != kNone && election_elapsed_ < config_.election_ticks;
    if (is_vote(m.type) && m.context != kTransferContext && in_lease) {
      const EntryId last = log_.last_id();
      say(kInfo,
          "{:x} [logterm: {}, index: {}, vote: {:x}] ignored {} from {:x} [logterm: {}, index: {}] at term {}: lease is "
          "not expired (remaining ticks: {})",
          config_.id, last.term, last.index, vote_, name_of(m.type), m.from, m.log_term, m.index, term_,
          config_.election_ticks - election_elapsed_);
      return false;
    }
    // A pre-vote, or its promise, is about a term that may never come.
    if (m.type == Type::kPreVote || (m.type == Type::kPreVoteAnswer && !m.reject)) return true;
    say(kInfo, "{:x} [term: {}] received a {} message with higher term from {:x} [term: {}]", config_.id, term_,
        name_of(m.type), m.from, m.term);
    const bool from_leader = m.type == Type::kAppend || m.type == Type::kHeartbeat || m.type == Type::kSnapshot;
    become_follower(m.term, from_leader ? m.from : kNone);
    return true;
  }
  // From an older term.
  if ((config_.check_quorum || config_.pre_vote) && (m.type == Type::kHeartbeat || m.type == Type::kAppend)) {
    // A leader that was cut off must learn of the new term from someone, or it would never step down.
    send(make(Type::kAppendAnswer, m.from));
  } else if (m.type == Type::kPreVote) {
    const EntryId last = log_.last_id();
    say(kInfo, "{:x} [logterm: {}, index: {}, vote: {:x}] rejected {} from {:x} [logterm: {}, index: {}] at term {}",
        config_.id, last.term, last.index, vote_, name_of(m.type), m.from, m.log_term, m.index, term_);
    Message answer = make(Type::kPreVoteAnswer, m.from);
    answer.term = term_;
    answer.reject = true;
    send(std::move(answer));
  } else {
    say(kInfo, "{:x} [term: {}] ignored a {} message with lower term from {:x} [term: {}]", config_.id, term_,
        name_of(m.type), m.from, m.term);
  }
  return false;
}

Status Core::step_any(Message message) {
  if (!settle_term(message)) return {};
  if (message.type == Type::kHup) {
    start_election(config_.pre_vote ? Campaign::kPreElection : Campaign::kElection);
    return {};
  }
  if (is_vote(message.type)) {
    answer_vote(message);
    return {};
  }
  switch (role_) {
    case Role::kLeader:
      return step_leader(message);
    case Role::kCandidate:
    case Role::kPreCandidate:
      if (message.type == Type::kPropose) {
        say(kInfo, "{:x} no leader at term {}; dropping proposal", config_.id, term_);
        return dropped();
      }
      step_candidate(message);
      return {};
    case Role::kFollower:
      if (message.type == Type::kPropose) {
        if (leader_ == kNone) {
          say(kInfo, "{:x} no leader at term {}; dropping proposal", config_.id, term_);
        } else {
          say(kInfo, "{:x} not forwarding to leader {:x} at term {}; dropping proposal", config_.id, leader_, term_);
        }
        return dropped();
      }
      step_follower(message);
      return {};
  }
  return {};
}

void Core::answer_vote(const Message& m) {
  const bool free_to_vote = vote_ == m.from || (vote_ == kNone && leader_ == kNone) ||
                            (m.type == Type::kPreVote && m.term > term_);
  const bool grant = free_to_vote && log_.up_to_date({m.log_term, m.index});
  const EntryId last = log_.last_id();
  Message answer = make(answer_to(m.type), m.from);
  if (grant) {
    say(kInfo, "{:x} [logterm: {}, index: {}, vote: {:x}] cast {} for {:x} [logterm: {}, index: {}] at term {}",
        config_.id, last.term, last.index, vote_, name_of(m.type), m.from, m.log_term, m.index, term_);
    answer.term = m.term;  // a pre-vote is answered with the candidate's future term
    send(std::move(answer));
    if (m.type == Type::kVote) {
      election_elapsed_ = 0;
      vote_ = m.from;
    }
    return;
  }
  say(kInfo, "{:x} [logterm: {}, index: {}, vote: {:x}] rejected {} from {:x} [logterm: {}, index: {}] at term {}",
      config_.id, last.term, last.index, vote_, name_of(m.type), m.from, m.log_term, m.index, term_);
  answer.term = term_;
  answer.reject = true;
  send(std::move(answer));
}

// ---- roles

void Core::reset(Term term) {
  if (term_ != term) {
    term_ = term;
    vote_ = kNone;
  }
  leader_ = kNone;
  election_elapsed_ = 0;
  heartbeat_elapsed_ = 0;
  const auto spread = static_cast<uint64_t>(config_.election_ticks);
  randomized_election_ticks_ =
      config_.election_ticks + static_cast<int>(config_.random ? config_.random->below(spread) : config_.id % spread);
  transferee_ = kNone;
  votes_.clear();
  for (auto& [id, progress] : progress_) {
    progress = Progress(log_.last() + 1, config_.inflight_messages_max);
    if (id == config_.id) progress.match = log_.last();
  }
  pending_change_ = 0;
  uncommitted_bytes_ = 0;
}

void Core::become_follower(Term term, NodeId leader) {
  reset(term);
  leader_ = leader;
  role_ = Role::kFollower;
  say(kInfo, "{:x} became follower at term {}", config_.id, term_);
}

void Core::become_candidate() {
  reset(term_ + 1);
  vote_ = config_.id;
  role_ = Role::kCandidate;
  say(kInfo, "{:x} became candidate at term {}", config_.id, term_);
}

void Core::become_pre_candidate() {
  // Neither term nor vote change before a majority has said that it would follow.
  votes_.clear();
  leader_ = kNone;
  role_ = Role::kPreCandidate;
  say(kInfo, "{:x} became pre-candidate at term {}", config_.id, term_);
}

void Core::become_leader() {
  reset(term_);
  leader_ = config_.id;
  role_ = Role::kLeader;
  Progress& own = progress_.at(config_.id);
  own.become_replicate();
  own.recently_active = true;
  // There may be a change in the log that is not committed: wait for all of it rather than look.
  pending_change_ = log_.last();
  append({Entry{}});
  say(kInfo, "{:x} became leader at term {}", config_.id, term_);
}

bool Core::change_unapplied() const {
  const auto entries = log_.slice(log_.applied() + 1, log_.committed() + 1, SIZE_MAX);
  return entries && std::any_of(entries->begin(), entries->end(),
                                [](const Entry& entry) { return entry.kind == Entry::Kind::kChange; });
}

bool Core::promotable() const { return progress_.contains(config_.id) && !log_.snapshot_pending(); }

void Core::start_election(Campaign kind) {
  if (role_ == Role::kLeader) {
    say(kDebug, "{:x} ignoring MsgHup because already leader", config_.id);
  } else if (!promotable()) {
    say(kWarn, "{:x} is unpromotable and can not campaign", config_.id);
  } else if (change_unapplied()) {
    say(kWarn, "{:x} cannot campaign at term {} since there are still pending configuration changes to apply",
        config_.id, term_);
  } else {
    say(kInfo, "{:x} is starting a new election at term {}", config_.id, term_);
    run_campaign(kind);
  }
}

void Core::run_campaign(Campaign kind) {
  const bool trial = kind == Campaign::kPreElection;
  if (trial) {
    become_pre_candidate();
  } else {
    become_candidate();
  }
  const Type type = trial ? Type::kPreVote : Type::kVote;
  const Term term = trial ? term_ + 1 : term_;
  std::vector<NodeId> voters;
  for (const auto& [id, progress] : progress_) voters.push_back(id);
  for (NodeId id : voters) {
    if (id == config_.id) {  // our own vote counts once it is on disk
      Message own = make(answer_to(type), id);
      own.term = term;
      send(std::move(own));
      continue;
    }
    const EntryId last = log_.last_id();
    say(kInfo, "{:x} [logterm: {}, index: {}] sent {} request to {:x} at term {}", config_.id, last.term, last.index,
        name_of(type), id, term_);
    Message request = make(type, id);
    request.term = term;
    request.index = last.index;
    request.log_term = last.term;
    if (kind == Campaign::kTransfer) request.context = kTransferContext;
    send(std::move(request));
  }
}

Core::Verdict Core::count_vote(NodeId from, Type type, bool granted) {
  say(kInfo, "{:x} received {}{} from {:x} at term {}", config_.id, name_of(type), granted ? "" : " rejection", from,
      term_);
  votes_.emplace(from, granted);
  size_t yes = 0, no = 0;
  for (const auto& [id, progress] : progress_) {
    if (auto vote = votes_.find(id); vote != votes_.end()) ++(vote->second ? yes : no);
  }
  say(kInfo, "{:x} has received {} {} votes and {} vote rejections", config_.id, yes, name_of(type), no);
  const size_t majority = progress_.size() / 2 + 1;
  if (yes >= majority) return Verdict::kWon;
  return progress_.size() - no < majority ? Verdict::kLost : Verdict::kPending;
}

void Core::step_candidate(Message& m) {
  switch (m.type) {
    case Type::kAppend:
      become_follower(m.term, m.from);
      return on_append(m);
    case Type::kHeartbeat:
      become_follower(m.term, m.from);
      return on_heartbeat(m);
    case Type::kSnapshot:
      become_follower(m.term, m.from);
      return on_snapshot(m);
    case Type::kTimeoutNow:
      return say(kDebug, "{:x} [term {} state {}] ignored MsgTimeoutNow from {:x}", config_.id, term_,
                 role_ == Role::kCandidate ? "StateCandidate" : "StatePreCandidate", m.from);
    default:
      break;
  }
  if (m.type != (role_ == Role::kPreCandidate ? Type::kPreVoteAnswer : Type::kVoteAnswer)) return;
  switch (count_vote(m.from, m.type, !m.reject)) {
    case Verdict::kWon:
      if (role_ == Role::kPreCandidate) {
        run_campaign(Campaign::kElection);
      } else {
        become_leader();
        broadcast_append();
      }
      break;
    case Verdict::kLost:
      become_follower(term_, kNone);
      break;
    case Verdict::kPending:
      break;
  }
}

void Core::step_follower(Message& m) {
  switch (m.type) {
    case Type::kAppend:
      election_elapsed_ = 0;
      leader_ = m.from;
      return on_append(m);
    case Type::kHeartbeat:
      election_elapsed_ = 0;
      leader_ = m.from;
      return on_heartbeat(m);
    case Type::kSnapshot:
      election_elapsed_ = 0;
      leader_ = m.from;
      return on_snapshot(m);
    case Type::kTransferLeader:
      if (leader_ == kNone) {
        return say(kInfo, "{:x} no leader at term {}; dropping leader transfer msg", config_.id, term_);
      }
      m.to = leader_;
      m.term = 0;
      return send(std::move(m));
    case Type::kTimeoutNow:
      say(kInfo, "{:x} [term {}] received MsgTimeoutNow from {:x} and starts an election to get leadership.",
          config_.id, term_, m.from);
      return start_election(Campaign::kTransfer);
    default:
      return;
  }
}

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
          say(kInfo, "{:x} ignoring conf change {{{} {} {} [] {}}} at config {}: possible unapplied conf change at "
                     "index {} (applied to {})",
              config_.id, what.kind == Change::Kind::kAdd ? "ConfChangeAddNode" : "ConfChangeRemoveNode", what.node, "",
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
    say(kWarn, "{:x} attempted to restore snapshot but it is not in the ConfState; should never happen", config_.id);
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
