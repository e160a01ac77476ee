// gRPC's messages within a stream of bytes: a flag, four bytes of length, the message. Pure.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "rpc/status.h"

namespace selvage::rpc {

inline constexpr size_t kPrefixBytes = 5;

void put_prefix(size_t message_bytes, char* out, bool compressed = false);

// A message off the wire. A compressed one stays so until it is wanted: what waits is never larger than what came.
struct InMessage {
  Bytes bytes;
  bool compressed = false;
};

// One stream's incoming messages. Memory grows with what came, never with what was announced.
class MessageReader {
 public:
  explicit MessageReader(size_t message_bytes_max) : max_(message_bytes_max) {}
  // grpc-encoding of the other side: "identity", "gzip"; anything else fails with Unimplemented at the first compressed
  // message.
  void set_encoding(std::string encoding) { encoding_ = std::move(encoding); }

  // Takes all bytes and appends the messages that are whole now. Not ok (ResourceExhausted, Internal, Unimplemented;
  // grpc-go's words): the stream is spoilt and nothing may be fed any more.
  Status feed(BytesView bytes, std::deque<InMessage>* messages);
  // Makes a compressed message plain; the limit holds for the result. Not ok (ResourceExhausted, Internal): as above.
  [[nodiscard]] Status open(InMessage* message) const;
  // Bytes of a message that is not whole yet.
  [[nodiscard]] size_t partial_bytes() const { return prefix_bytes_ + body_.size(); }

 private:
  Status begin();

  size_t max_;
  std::string encoding_;
  unsigned char prefix_[kPrefixBytes] = {};
  size_t prefix_bytes_ = 0;
  size_t length_ = 0;
  bool compressed_ = false;
  Bytes body_;
};

}  // namespace selvage::rpc
