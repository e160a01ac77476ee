// The values that Raft nodes exchange and keep: etcd's raftpb as plain structs. Pure; wire bytes in raft/codec.h.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace selvage::order::raft {

using NodeId = uint64_t;  // 0: none
using Index = uint64_t;   // 1-based place in the log
using Term = uint64_t;

constexpr NodeId kNone = 0;

// Numbers are those of raftpb.MessageType. Local ones never come from the network.
enum class Type : uint32_t {
  kHup = 0,            // local: start an election
  kBeat = 1,           // local: send heartbeats
  kPropose = 2,        // would be forwarded to the leader; Fabric switches forwarding off
  kAppend = 3,
  kAppendAnswer = 4,
  kVote = 5,
  kVoteAnswer = 6,
  kSnapshot = 7,
  kHeartbeat = 8,
  kHeartbeatAnswer = 9,
  kUnreachable = 10,     // local: a message could not be sent
  kSnapshotStatus = 11,  // local: a snapshot was sent, or not
  kCheckQuorum = 12,     // local
  kTransferLeader = 13,
  kTimeoutNow = 14,
  kReadIndex = 15,        // not used by Fabric
  kReadIndexAnswer = 16,  // not used by Fabric
  kPreVote = 17,
  kPreVoteAnswer = 18,
};

// raftpb's name: "MsgApp".
[[nodiscard]] const char* name_of(Type type);

// The bytes of an entry are shared between log, messages and what is applied; null is an empty entry.
using Payload = std::shared_ptr<const Bytes>;

struct Entry {
  enum class Kind : uint32_t { kNormal = 0, kChange = 1 };  // EntryNormal, EntryConfChange
  Kind kind = Kind::kNormal;
  Term term = 0;
  Index index = 0;
  Payload data;

  [[nodiscard]] size_t data_bytes() const { return data ? data->size() : 0; }
  // Size on the wire: what MaxSizePerMsg limits.
  [[nodiscard]] size_t encoded_bytes() const;
};

// Who votes. Learners and joint configurations are not used by Fabric and not understood here.
struct Membership {
  std::vector<NodeId> voters;  // sorted
  bool operator==(const Membership&) const = default;
};

struct Snapshot {
  Membership membership;
  Index index = 0;  // 0: no snapshot
  Term term = 0;
  Payload data;
  [[nodiscard]] bool empty() const { return index == 0; }
};

// What must survive a crash besides the entries.
struct HardState {
  Term term = 0;
  NodeId vote = kNone;
  Index commit = 0;
  bool operator==(const HardState&) const = default;
  [[nodiscard]] bool empty() const { return *this == HardState{}; }
};

// raftpb.ConfChange: one node at a time.
struct Change {
  enum class Kind : uint32_t { kAdd = 0, kRemove = 1 };
  uint64_t id = 0;
  Kind kind = Kind::kAdd;
  NodeId node = kNone;
  Payload context;
};

struct Message {
  Type type = Type::kHup;
  NodeId to = kNone;
  NodeId from = kNone;
  Term term = 0;
  Term log_term = 0;
  Index index = 0;
  std::vector<Entry> entries;
  Index commit = 0;
  std::optional<Snapshot> snapshot;
  bool reject = false;
  Index reject_hint = 0;
  Bytes context;
};

}  // namespace selvage::order::raft
