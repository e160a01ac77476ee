// Protobuf messages from and to bytes, with Fabric's words where they do not parse.
//
// parse() takes any generated message; the text of its error is the one of Go Fabric ("error unmarshalling Payload:
// ...").
#pragma once

#include <google/protobuf/message.h>

#include "base/bytes.h"
#include "base/result.h"

namespace selvage::wire {

// What Go's protobuf says of bytes that are no message.
inline constexpr const char* kBadWireFormat = "proto: cannot parse invalid wire-format data";

// kInvalidArgument "error unmarshalling <message name>: proto: ..." when the bytes are no such message.
[[nodiscard]] Status parse_into(BytesView bytes, google::protobuf::Message& message);

template <class M>
[[nodiscard]] Result<M> parse(BytesView bytes) {
  Result<M> message(M{});
  if (auto done = parse_into(bytes, *message); !done) return fail(std::move(done).error());
  return message;
}

// Fields in order of their numbers, maps in order of their keys: the bytes that Go makes in its deterministic mode, and
// for messages without maps in any mode.
[[nodiscard]] Bytes marshal(const google::protobuf::Message& message);

}  // namespace selvage::wire
