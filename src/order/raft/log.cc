#include "order/raft/log.h"

#include <algorithm>
#include <utility>

namespace selvage::order::raft {

void Log::load(const Snapshot& snapshot, std::vector<Entry> entries) {
  base_ = {snapshot.term, snapshot.index};
  stored_snapshot_ = snapshot;
  entries_.assign(std::make_move_iterator(entries.begin()), std::make_move_iterator(entries.end()));
  stable_ = taken_ = last();
  committed_ = applying_ = applied_ = base_.index;
}

std::optional<Term> Log::term(Index index) const {
  if (index == base_.index) return base_.term;
  if (index < base_.index || index > last()) return std::nullopt;
  return entries_[index - base_.index - 1].term;
}

bool Log::matches(EntryId id) const {
  const auto ours = term(id.index);
  return ours && *ours == id.term;
}

bool Log::up_to_date(EntryId theirs) const {
  const EntryId ours = last_id();
  return theirs.term > ours.term || (theirs.term == ours.term && theirs.index >= ours.index);
}

std::optional<std::vector<Entry>> Log::slice(Index from, Index end, size_t bytes_max) const {
  std::vector<Entry> entries;
  if (from > last()) return entries;
  if (from < first()) return std::nullopt;
  size_t bytes = 0;
  for (Index index = from; index < std::min(end, last() + 1); ++index) {
    const Entry& entry = entries_[index - first()];
    const size_t size = entry.encoded_bytes();
    if (!entries.empty() && (size > bytes_max || bytes > bytes_max - size)) break;
    bytes += size;
    entries.push_back(entry);
  }
  return entries;
}

EntryId Log::last_not_after(Index index, Term limit) const {
  for (; index > 0; --index) {
    const auto ours = term(index);
    if (!ours) return {0, index};
    if (*ours <= limit) return {*ours, index};
  }
  return {};
}

bool Log::append_after(EntryId previous, const std::vector<Entry>& entries, Index commit, Index* last_new) {
  if (!matches(previous)) return false;
  *last_new = previous.index + entries.size();
  for (size_t i = 0; i < entries.size(); ++i) {
    const EntryId id{entries[i].term, entries[i].index};
    if (matches(id)) continue;
    if (id.index <= last()) {
      remark_(log::Level::kInfo, fmt::format("found conflict at index {} [existing term: {}, conflicting term: {}]",
                                             id.index, term_or_zero(id.index), id.term));
    }
    if (id.index <= committed_) {
      fail(fmt::format("entry {} conflict with committed entry [committed({})]", id.index, committed_));
      return false;
    }
    truncate_and_append({entries.begin() + static_cast<std::ptrdiff_t>(i), entries.end()});
    break;
  }
  return commit_to(std::min(commit, *last_new));
}

void Log::append(std::vector<Entry> entries) {
  if (!entries.empty()) truncate_and_append(std::move(entries));
}

void Log::truncate_and_append(std::vector<Entry> entries) {
  const Index from = entries.front().index;
  if (from != last() + 1) {
    if (from <= stable_ + 1) {
      remark_(log::Level::kInfo, fmt::format("replace the unstable entries from index {}", from));
    } else {
      remark_(log::Level::kInfo, fmt::format("truncate the unstable entries before index {}", from));
    }
    entries_.resize(from - first());
    stable_ = std::min(stable_, from - 1);
    taken_ = std::min(taken_, from - 1);
  }
  for (Entry& entry : entries) entries_.push_back(std::move(entry));
}

bool Log::commit_to(Index index) {
  if (committed_ >= index) return true;
  if (last() < index) {
    fail(fmt::format("tocommit({}) is out of range [lastIndex({})]. Was the raft log corrupted, truncated, or lost?",
                     index, last()));
    return false;
  }
  committed_ = index;
  return true;
}

bool Log::commit_if(EntryId at) { return at.term != 0 && at.index > committed_ && matches(at) && commit_to(at.index); }

void Log::restore(const Snapshot& snapshot) {
  remark_(log::Level::kInfo, fmt::format("log [{}] starts to restore snapshot [index: {}, term: {}]", describe(),
                                         snapshot.index, snapshot.term));
  entries_.clear();
  base_ = {snapshot.term, snapshot.index};
  stable_ = taken_ = committed_ = snapshot.index;
  pending_snapshot_ = snapshot;
  pending_taken_ = false;
}

void Log::compact(Index index) {
  index = std::min(index, applied_);
  while (base_.index < index) {
    base_ = {entries_.front().term, entries_.front().index};
    entries_.pop_front();
  }
}

std::vector<Entry> Log::unwritten() const {
  return {entries_.begin() + static_cast<std::ptrdiff_t>(taken_ - base_.index), entries_.end()};
}

std::vector<Entry> Log::unapplied() const {
  if (!has_unapplied()) return {};
  return slice(applying_ + 1, committed_ + 1, SIZE_MAX).value_or(std::vector<Entry>{});
}

const Snapshot* Log::unwritten_snapshot() const {
  return pending_snapshot_ && !pending_taken_ ? &*pending_snapshot_ : nullptr;
}

void Log::take() {
  taken_ = last();
  if (pending_snapshot_) pending_taken_ = true;
}

void Log::stable_to(EntryId id) {
  const auto ours = term(id.index);
  if (id.index <= stable_ || id.index > last() || !ours || *ours != id.term) return;  // overwritten since
  stable_ = id.index;
  taken_ = std::max(taken_, stable_);
}

void Log::snapshot_stable(Index index) {
  if (!pending_snapshot_ || pending_snapshot_->index != index) return;
  stored_snapshot_ = std::move(*pending_snapshot_);
  pending_snapshot_.reset();
  pending_taken_ = false;
}

void Log::applied_to(Index index) {
  if (index > committed_ || index < applied_) {
    fail(fmt::format("applied({}) is out of range [prevApplied({}), committed({})]", index, applied_, committed_));
    return;
  }
  applied_ = index;
  applying_ = std::max(applying_, index);
}

void Log::fail(std::string why) {
  if (!broken_) broken_ = std::move(why);
}

std::string Log::describe() const {
  return fmt::format(
      "committed={}, applied={}, applying={}, unstable.offset={}, unstable.offsetInProgress={}, len(unstable.Entries)={}",
      committed_, applied_, applying_, stable_ + 1, taken_ + 1, last() - stable_);
}

}  // namespace selvage::order::raft
