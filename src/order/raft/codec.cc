#include "order/raft/codec.h"

#include <algorithm>
#include <utility>

namespace selvage::order::raft {
namespace {

constexpr int kVarint = 0;
constexpr int kFixed64 = 1;
constexpr int kLength = 2;
constexpr int kFixed32 = 5;

void put_varint(Bytes& out, uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

void put_number(Bytes& out, int field, uint64_t value) {
  put_varint(out, static_cast<uint64_t>(field) << 3 | kVarint);
  put_varint(out, value);
}

void put_bytes(Bytes& out, int field, BytesView bytes) {
  put_varint(out, static_cast<uint64_t>(field) << 3 | kLength);
  put_varint(out, bytes.size());
  out.append(bytes);
}

size_t varint_bytes(uint64_t value) {
  size_t bytes = 1;
  for (; value >= 0x80; value >>= 7) ++bytes;
  return bytes;
}

// Walks the fields of one message. Stops, and is not ok(), at the first byte that cannot be one.
class Fields {
 public:
  explicit Fields(BytesView bytes) : rest_(bytes) {}
  bool next() {
    if (rest_.empty() || !ok_) return false;
    uint64_t key = 0;
    if (!take_varint(&key) || key >> 3 == 0 || key >> 3 > 0x1fffffff) return ok_ = false;
    field = static_cast<int>(key >> 3);
    kind = static_cast<int>(key & 7);
    switch (kind) {
      case kVarint:
        return take_varint(&number) || (ok_ = false);
      case kLength: {
        uint64_t size = 0;
        if (!take_varint(&size) || size > rest_.size()) return ok_ = false;
        bytes = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return true;
      }
      case kFixed64:
      case kFixed32: {
        const size_t size = kind == kFixed64 ? 8 : 4;
        if (rest_.size() < size) return ok_ = false;
        rest_.remove_prefix(size);
        return true;
      }
      default:
        return ok_ = false;
    }
  }
  bool is(int number_of_field, int kind_of_field) const { return field == number_of_field && kind == kind_of_field; }
  bool ok() const { return ok_; }

  int field = 0;
  int kind = 0;
  uint64_t number = 0;
  BytesView bytes;

 private:
  bool take_varint(uint64_t* value) {
    *value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) return false;
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      *value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }
  BytesView rest_;
  bool ok_ = true;
};

Payload payload(BytesView bytes) { return std::make_shared<const Bytes>(bytes); }

auto malformed(const char* what) { return fail(Code::kInvalidArgument, std::string("malformed ") + what); }

void sort_unique(std::vector<NodeId>& ids) {
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
}

Result<Membership> decode_membership(BytesView bytes) {
  Membership members;
  Fields fields(bytes);
  while (fields.next()) {
    if (fields.is(1, kVarint)) {
      members.voters.push_back(fields.number);
    } else if (fields.is(1, kLength)) {  // packed
      BytesView packed = fields.bytes;
      while (!packed.empty()) {
        size_t used = 0;
        uint64_t id = 0;
        for (; used < packed.size() && used < 10; ++used) {
          id |= static_cast<uint64_t>(packed[used] & 0x7f) << (7 * used);
          if ((packed[used] & 0x80) == 0) break;
        }
        if (used >= packed.size() || used >= 10) return malformed("ConfState");
        packed.remove_prefix(used + 1);
        members.voters.push_back(id);
      }
    } else if ((fields.field == 2 || fields.field == 3 || fields.field == 4) &&
               (fields.kind == kVarint || !fields.bytes.empty())) {
      return fail(Code::kInvalidArgument, "learners and joint configurations are not supported");
    }
  }
  if (!fields.ok()) return malformed("ConfState");
  sort_unique(members.voters);
  return members;
}

}  // namespace

const char* name_of(Type type) {
  static constexpr const char* kNames[] = {
      "MsgHup",        "MsgBeat",          "MsgProp",           "MsgApp",         "MsgAppResp",
      "MsgVote",       "MsgVoteResp",      "MsgSnap",           "MsgHeartbeat",   "MsgHeartbeatResp",
      "MsgUnreachable", "MsgSnapStatus",   "MsgCheckQuorum",    "MsgTransferLeader", "MsgTimeoutNow",
      "MsgReadIndex",  "MsgReadIndexResp", "MsgPreVote",        "MsgPreVoteResp"};
  const auto number = static_cast<size_t>(type);
  return number < std::size(kNames) ? kNames[number] : "unknown";
}

size_t Entry::encoded_bytes() const {
  size_t bytes = 2 + 1 + varint_bytes(term) + 1 + varint_bytes(index);
  if (data) bytes += 1 + varint_bytes(data->size()) + data->size();
  return bytes;
}

Bytes encode(const Entry& entry) {
  Bytes out;
  out.reserve(entry.encoded_bytes());
  put_number(out, 1, static_cast<uint64_t>(entry.kind));
  put_number(out, 2, entry.term);
  put_number(out, 3, entry.index);
  if (entry.data) put_bytes(out, 4, *entry.data);
  return out;
}

Bytes encode(const Snapshot& snapshot) {
  Bytes members;
  for (NodeId id : snapshot.membership.voters) put_number(members, 1, id);
  put_number(members, 5, 0);  // auto_leave
  Bytes metadata;
  put_bytes(metadata, 1, members);
  put_number(metadata, 2, snapshot.index);
  put_number(metadata, 3, snapshot.term);
  Bytes out;
  if (snapshot.data) put_bytes(out, 1, *snapshot.data);
  put_bytes(out, 2, metadata);
  return out;
}

Bytes encode(const HardState& state) {
  Bytes out;
  put_number(out, 1, state.term);
  put_number(out, 2, state.vote);
  put_number(out, 3, state.commit);
  return out;
}

Bytes encode(const Change& change) {
  Bytes out;
  put_number(out, 1, change.id);
  put_number(out, 2, static_cast<uint64_t>(change.kind));
  put_number(out, 3, change.node);
  if (change.context) put_bytes(out, 4, *change.context);
  return out;
}

Bytes encode(const Message& message) {
  Bytes out;
  put_number(out, 1, static_cast<uint64_t>(message.type));
  put_number(out, 2, message.to);
  put_number(out, 3, message.from);
  put_number(out, 4, message.term);
  put_number(out, 5, message.log_term);
  put_number(out, 6, message.index);
  for (const Entry& entry : message.entries) put_bytes(out, 7, encode(entry));
  put_number(out, 8, message.commit);
  if (message.snapshot) put_bytes(out, 9, encode(*message.snapshot));
  put_number(out, 10, message.reject ? 1 : 0);
  put_number(out, 11, message.reject_hint);
  if (!message.context.empty()) put_bytes(out, 12, message.context);
  put_number(out, 13, 0);  // vote: only ever set inside a node
  return out;
}

Result<Entry> decode_entry(BytesView bytes) {
  Entry entry;
  Fields fields(bytes);
  while (fields.next()) {
    if (fields.is(1, kVarint)) {
      if (fields.number > 1) return fail(Code::kInvalidArgument, "unsupported kind of Raft entry");
      entry.kind = static_cast<Entry::Kind>(fields.number);
    } else if (fields.is(2, kVarint)) {
      entry.term = fields.number;
    } else if (fields.is(3, kVarint)) {
      entry.index = fields.number;
    } else if (fields.is(4, kLength)) {
      entry.data = payload(fields.bytes);
    }
  }
  if (!fields.ok()) return malformed("Entry");
  return entry;
}

Result<Snapshot> decode_snapshot(BytesView bytes) {
  Snapshot snapshot;
  Fields fields(bytes);
  while (fields.next()) {
    if (fields.is(1, kLength)) {
      snapshot.data = payload(fields.bytes);
    } else if (fields.is(2, kLength)) {
      Fields metadata(fields.bytes);
      while (metadata.next()) {
        if (metadata.is(1, kLength)) {
          SELVAGE_TRY(snapshot.membership, decode_membership(metadata.bytes));
        } else if (metadata.is(2, kVarint)) {
          snapshot.index = metadata.number;
        } else if (metadata.is(3, kVarint)) {
          snapshot.term = metadata.number;
        }
      }
      if (!metadata.ok()) return malformed("SnapshotMetadata");
    }
  }
  if (!fields.ok()) return malformed("Snapshot");
  return snapshot;
}

Result<HardState> decode_hard_state(BytesView bytes) {
  HardState state;
  Fields fields(bytes);
  while (fields.next()) {
    if (fields.is(1, kVarint)) state.term = fields.number;
    if (fields.is(2, kVarint)) state.vote = fields.number;
    if (fields.is(3, kVarint)) state.commit = fields.number;
  }
  if (!fields.ok()) return malformed("HardState");
  return state;
}

Result<Change> decode_change(BytesView bytes) {
  Change change;
  Fields fields(bytes);
  while (fields.next()) {
    if (fields.is(1, kVarint)) {
      change.id = fields.number;
    } else if (fields.is(2, kVarint)) {
      if (fields.number > 1) return fail(Code::kInvalidArgument, "unsupported kind of membership change");
      change.kind = static_cast<Change::Kind>(fields.number);
    } else if (fields.is(3, kVarint)) {
      change.node = fields.number;
    } else if (fields.is(4, kLength)) {
      change.context = payload(fields.bytes);
    }
  }
  if (!fields.ok()) return malformed("ConfChange");
  return change;
}

Result<Message> decode_message(BytesView bytes) {
  Message message;
  Fields fields(bytes);
  bool typed = false;
  while (fields.next()) {
    if (fields.is(1, kVarint)) {
      message.type = static_cast<Type>(fields.number);
      typed = fields.number <= static_cast<uint64_t>(Type::kPreVoteAnswer);
    } else if (fields.is(2, kVarint)) {
      message.to = fields.number;
    } else if (fields.is(3, kVarint)) {
      message.from = fields.number;
    } else if (fields.is(4, kVarint)) {
      message.term = fields.number;
    } else if (fields.is(5, kVarint)) {
      message.log_term = fields.number;
    } else if (fields.is(6, kVarint)) {
      message.index = fields.number;
    } else if (fields.is(7, kLength)) {
      SELVAGE_TRY(Entry entry, decode_entry(fields.bytes));
      message.entries.push_back(std::move(entry));
    } else if (fields.is(8, kVarint)) {
      message.commit = fields.number;
    } else if (fields.is(9, kLength)) {
      SELVAGE_TRY(message.snapshot, decode_snapshot(fields.bytes));
    } else if (fields.is(10, kVarint)) {
      message.reject = fields.number != 0;
    } else if (fields.is(11, kVarint)) {
      message.reject_hint = fields.number;
    } else if (fields.is(12, kLength)) {
      message.context = Bytes(fields.bytes);
    }
  }
  if (!fields.ok()) return malformed("raft message");
  switch (typed ? message.type : Type::kHup) {
    case Type::kAppend:
    case Type::kAppendAnswer:
    case Type::kVote:
    case Type::kVoteAnswer:
    case Type::kSnapshot:
    case Type::kHeartbeat:
    case Type::kHeartbeatAnswer:
    case Type::kTransferLeader:
    case Type::kTimeoutNow:
    case Type::kPreVote:
    case Type::kPreVoteAnswer:
      break;
    default:
      return fail(Code::kInvalidArgument, "raft: cannot step raft local message");
  }
  if (message.type == Type::kSnapshot && !message.snapshot) return malformed("raft message: no snapshot in it");
  // Entries must follow each other, or the log's arithmetic would not hold.
  for (size_t i = 0; i < message.entries.size(); ++i) {
    if (message.type == Type::kAppend && message.entries[i].index != message.index + 1 + i) {
      return malformed("raft message: its entries do not follow each other");
    }
  }
  return message;
}

}  // namespace selvage::order::raft
