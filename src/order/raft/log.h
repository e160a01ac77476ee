// The replicated log as a node holds it in memory: everything after the last compaction, and how far it is on disk,
// committed and applied. Pure; raft/core.h is the only caller.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "order/raft/message.h"

namespace selvage::order::raft {

// Where the core's remarks go; etcd's words.
using Remark = std::function<void(log::Level, std::string)>;

struct EntryId {
  Term term = 0;
  Index index = 0;
};

class Log {
 public:
  explicit Log(Remark remark) : remark_(std::move(remark)) {}

  // At start: a snapshot (may be empty) and the entries that follow it, all of them on disk.
  void load(const Snapshot& snapshot, std::vector<Entry> entries);

  [[nodiscard]] Index first() const { return base_.index + 1; }
  [[nodiscard]] Index last() const { return base_.index + entries_.size(); }
  [[nodiscard]] EntryId last_id() const { return {term_or_zero(last()), last()}; }
  // nullopt: compacted away, or not there yet.
  [[nodiscard]] std::optional<Term> term(Index index) const;
  [[nodiscard]] Term term_or_zero(Index index) const { return term(index).value_or(0); }
  [[nodiscard]] bool matches(EntryId id) const;
  // Is a log that ends with `theirs` at least as complete as this one?
  [[nodiscard]] bool up_to_date(EntryId theirs) const;
  // Entries from `from` on: at least one if there is one, then as many as fit. nullopt: `from` was compacted.
  [[nodiscard]] std::optional<std::vector<Entry>> slice(Index from, Index end, size_t bytes_max) const;
  // The largest place <= `index` whose term is <= `term`, with that term (0 when it is not known).
  [[nodiscard]] EntryId last_not_after(Index index, Term term) const;

  // Follower: takes entries that follow `previous`; false when the log does not contain `previous`. `last_new` is the
  // index of the last of them. Sets broken() when a committed entry would have to go.
  bool append_after(EntryId previous, const std::vector<Entry>& entries, Index commit, Index* last_new);
  // Leader: entries that follow last().
  void append(std::vector<Entry> entries);
  bool commit_to(Index index);
  // Commits `at` if it is of that term. True when the commit index grew.
  bool commit_if(EntryId at);
  // Replaces all by a snapshot that is not on disk yet.
  void restore(const Snapshot& snapshot);
  // Forgets entries up to `index`, which must be applied.
  void compact(Index index);
  // The newest state that a follower can be given.
  void set_snapshot(Snapshot snapshot) { stored_snapshot_ = std::move(snapshot); }
  [[nodiscard]] const Snapshot& snapshot() const { return pending_snapshot_ ? *pending_snapshot_ : stored_snapshot_; }

  // What is to be written and applied next, and the notice that it was taken / done.
  [[nodiscard]] std::vector<Entry> unwritten() const;
  [[nodiscard]] bool has_unwritten() const { return taken_ < last(); }
  [[nodiscard]] std::vector<Entry> unapplied() const;
  [[nodiscard]] bool has_unapplied() const { return !pending_snapshot_ && applying_ < committed_; }
  [[nodiscard]] bool has_unstable() const { return stable_ < last(); }
  [[nodiscard]] const Snapshot* unwritten_snapshot() const;
  [[nodiscard]] bool snapshot_pending() const { return pending_snapshot_.has_value(); }
  void take();  // everything unwritten is being written
  void take_applying(Index index) { applying_ = index; }
  void stable_to(EntryId id);
  void snapshot_stable(Index index);
  void applied_to(Index index);

  [[nodiscard]] Index stable() const { return stable_; }
  [[nodiscard]] Index committed() const { return committed_; }
  [[nodiscard]] Index applied() const { return applied_; }
  [[nodiscard]] Index applying() const { return applying_; }
  void set_committed(Index index) { committed_ = index; }
  [[nodiscard]] const std::optional<std::string>& broken() const { return broken_; }
  // etcd's String() of its raftLog.
  [[nodiscard]] std::string describe() const;

 private:
  void fail(std::string why);
  void truncate_and_append(std::vector<Entry> entries);

  Remark remark_;
  EntryId base_;                // the entry before entries_[0]
  std::deque<Entry> entries_;
  Index stable_ = 0;            // on disk up to here
  Index taken_ = 0;             // handed out for writing up to here
  Index committed_ = 0;
  Index applying_ = 0;          // handed out for applying up to here
  Index applied_ = 0;
  Snapshot stored_snapshot_;
  std::optional<Snapshot> pending_snapshot_;  // received, not yet on disk
  bool pending_taken_ = false;
  std::optional<std::string> broken_;
};

}  // namespace selvage::order::raft
