// Terms, votes and roles.
#include "order/raft/core.h"

#include <algorithm>
#include <utility>

#include "order/raft/message_parts.h"

namespace selvage::order::raft {

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

}  // namespace selvage::order::raft
