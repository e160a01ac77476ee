// Raft as a state machine that behaves like etcd's v3.6.0 on the wire, in what Fabric uses of it: PreVote, CheckQuorum,
// leadership transfer, snapshots, membership changes of one node. No thread, clock, disk or socket: one owner calls it
// with ticks, proposals and messages, and does what ready() says (raft/ready.h).
//
// Not here: learners, joint configurations, ReadIndex, forwarding of proposals, asynchronous storage.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "order/raft/log.h"
#include "order/raft/message.h"
#include "order/raft/progress.h"
#include "order/raft/ready.h"

namespace selvage::order::raft {

struct Config {
  NodeId id = kNone;
  int election_ticks = 10;
  int heartbeat_ticks = 1;
  size_t message_bytes_max = 1 << 20;      // entries of one kAppend; a single larger one still goes
  size_t inflight_messages_max = 5;        // kAppends on their way to one follower
  size_t uncommitted_bytes_max = SIZE_MAX;  // more proposals are dropped
  bool pre_vote = true;
  bool check_quorum = true;
  bool step_down_on_removal = false;  // Fabric leaves it off: a removed leader goes on until it is halted
  Remark remark;             // may be empty
  Random* random = nullptr;  // election timeouts; must outlive the core
};

// What the disk had.
struct Restart {
  HardState hard_state;
  Snapshot snapshot;           // empty: none yet
  std::vector<Entry> entries;  // those after the snapshot
  Index applied = 0;           // known to be applied; 0: up to the snapshot
};

class Core {
 public:
  // A log that exists (or an empty one, of a node that joins a running cluster).
  Core(Config config, Restart restart);

  // On an empty log: the founding members, as N membership entries of term 1 that are committed already.
  Status bootstrap(const std::vector<NodeId>& members, const std::vector<Payload>& contexts = {});

  void tick();
  // Start an election now.
  void campaign();
  // Errors: kUnavailable "raft proposal dropped" - there is no leader, or it is another node, or the core is busy.
  Status propose(Payload data);
  // Another change in flight makes this one an empty entry, as in etcd.
  Status propose_change(const Change& change);
  // A message from the network. Errors: kInvalidArgument for local types, kNotFound for answers of strangers.
  Status step(Message message);
  void transfer_leadership(NodeId to);
  void report_unreachable(NodeId id);
  void report_snapshot(NodeId id, bool sent);

  [[nodiscard]] bool has_ready() const;
  // Must be followed by advance() before the next one.
  [[nodiscard]] Ready ready();
  void advance();

  // To be called for each committed entry of kind kChange. A change with node kNone changes nothing.
  Membership apply(const Change& change);

  // The state machine's newest snapshot, for followers that lag behind the log.
  void set_snapshot(Snapshot snapshot) { log_.set_snapshot(std::move(snapshot)); }
  // Forget entries up to `index`.
  void compact(Index index) { log_.compact(index); }

  [[nodiscard]] NodeId id() const { return config_.id; }
  [[nodiscard]] SoftState soft_state() const { return {leader_, role_}; }
  [[nodiscard]] HardState hard_state() const { return {term_, vote_, log_.committed()}; }
  [[nodiscard]] const Log& log() const { return log_; }
  [[nodiscard]] Membership membership() const;
  [[nodiscard]] const std::map<NodeId, Progress>& progress() const { return progress_; }
  // Set when an invariant broke (the log was lost or corrupted): the core does nothing any more.
  [[nodiscard]] std::optional<std::string> broken() const { return broken_ ? broken_ : log_.broken(); }
  // For scenarios.
  void set_election_timeout(int ticks) { randomized_election_ticks_ = ticks; }

 private:
  enum class Campaign { kPreElection, kElection, kTransfer };
  enum class Verdict { kPending, kWon, kLost };

  void step_local(Message message);
  Status step_any(Message message);
  bool settle_term(const Message& message);  // false: the message is done with
  Status step_leader(Message& message);
  void step_candidate(Message& message);
  void step_follower(Message& message);
  void answer_vote(const Message& message);
  Status propose_entries(std::vector<Entry> entries);
  void on_append_answer(const Message& message, Progress& progress);
  void on_snapshot_status(const Message& message, Progress& progress);
  void on_transfer(const Message& message, Progress& progress);
  void on_append(const Message& message);
  void on_heartbeat(const Message& message);
  void on_snapshot(const Message& message);
  bool restore(const Snapshot& snapshot);

  void become_follower(Term term, NodeId leader);
  void become_candidate();
  void become_pre_candidate();
  void become_leader();
  void reset(Term term);
  void start_election(Campaign kind);
  void run_campaign(Campaign kind);
  Verdict count_vote(NodeId from, Type type, bool granted);
  [[nodiscard]] bool change_unapplied() const;
  [[nodiscard]] bool promotable() const;
  [[nodiscard]] bool quorum_active() const;
  [[nodiscard]] Index quorum_match() const;

  void send(Message message);
  void send_append(NodeId to) { (void)send_append(to, true); }
  bool send_append(NodeId to, bool even_if_empty);
  bool send_snapshot(NodeId to, Progress& progress);
  void send_heartbeat(NodeId to, const Bytes& context);
  void broadcast_append();
  bool append(std::vector<Entry> entries);
  bool commit();
  Membership switched();
  void set_members(const std::vector<NodeId>& members);
  [[nodiscard]] std::string describe_members() const;

  template <class... Args>
  void say(log::Level level, fmt::format_string<Args...> format, Args&&... args) const {
    if (config_.remark) config_.remark(level, fmt::format(format, std::forward<Args>(args)...));
  }

  Config config_;
  Log log_;
  Term term_ = 0;
  NodeId vote_ = kNone;
  NodeId leader_ = kNone;
  Role role_ = Role::kFollower;
  std::map<NodeId, Progress> progress_;  // the voters; ours included
  std::map<NodeId, bool> votes_;
  NodeId transferee_ = kNone;
  Index pending_change_ = 0;  // no change may be proposed until this is applied
  size_t uncommitted_bytes_ = 0;
  int election_elapsed_ = 0;
  int heartbeat_elapsed_ = 0;
  int randomized_election_ticks_ = 0;
  std::vector<Message> messages_;
  std::vector<Message> after_append_;  // answers that wait for the disk
  SoftState told_soft_;
  HardState told_hard_;
  std::vector<Message> own_answers_;  // our own votes and acknowledgements, stepped by advance()
  std::optional<EntryId> writing_;
  std::optional<Index> writing_snapshot_;
  std::optional<Index> applying_;
  size_t applying_bytes_ = 0;
  std::optional<std::string> broken_;
};

}  // namespace selvage::order::raft
