// What a Raft core wants done: its I/O as data.
//
// The caller does, in this order: persist `entries`, `hard_state` and `snapshot` (synced when must_sync), apply the
// snapshot, apply `committed`, call Core::advance(), send `messages`. A leader may send kAppend and kHeartbeat before the
// disk is done; answers and votes only after.
#pragma once

#include <optional>
#include <vector>

#include "order/raft/message.h"

namespace selvage::order::raft {

enum class Role { kFollower, kCandidate, kLeader, kPreCandidate };  // etcd's numbers

struct SoftState {
  NodeId leader = kNone;
  Role role = Role::kFollower;
  bool operator==(const SoftState&) const = default;
};

struct Ready {
  std::optional<SoftState> soft_state;  // if it changed
  std::optional<HardState> hard_state;  // if it changed
  std::vector<Entry> entries;           // to be written; they replace what the disk has from their first index on
  std::optional<Snapshot> snapshot;     // to be written before, and in place of, everything up to its index
  std::vector<Entry> committed;         // to be applied, in order
  std::vector<Message> messages;
  bool must_sync = false;
};

}  // namespace selvage::order::raft
