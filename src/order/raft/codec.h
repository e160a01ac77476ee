// raftpb's wire bytes, exactly as Go's gogo-generated code writes them: zero values are written too, absent bytes are not.
// Pure. What is decoded comes from the network: sizes are checked, unknown fields skipped.
#pragma once

#include "base/result.h"
#include "order/raft/message.h"

namespace selvage::order::raft {

[[nodiscard]] Bytes encode(const Message& message);
[[nodiscard]] Bytes encode(const Entry& entry);
[[nodiscard]] Bytes encode(const Snapshot& snapshot);
[[nodiscard]] Bytes encode(const HardState& state);
[[nodiscard]] Bytes encode(const Change& change);

// Errors: kInvalidArgument for bytes that are not such a message, and for message types that are local to a node or not
// used between Fabric's orderers.
[[nodiscard]] Result<Message> decode_message(BytesView bytes);
[[nodiscard]] Result<Entry> decode_entry(BytesView bytes);
[[nodiscard]] Result<Snapshot> decode_snapshot(BytesView bytes);
[[nodiscard]] Result<HardState> decode_hard_state(BytesView bytes);
[[nodiscard]] Result<Change> decode_change(BytesView bytes);

}  // namespace selvage::order::raft
