#include "rpc/http2/message_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "rpc/http2/gzip.h"

namespace selvage::rpc {

void put_prefix(size_t message_bytes, char* out, bool compressed) {
  out[0] = compressed ? 1 : 0;
  for (int i = 0; i < 4; ++i) out[1 + i] = static_cast<char>(message_bytes >> (24 - 8 * i));
}

Status MessageReader::begin() {
  compressed_ = (prefix_[0] & 1) != 0;
  if (prefix_[0] > 1) return {Code::kInternal, fmt::format("grpc: received unexpected payload format {}", prefix_[0])};
  length_ = 0;
  for (int i = 1; i < 5; ++i) length_ = length_ << 8 | prefix_[i];
  if (length_ > max_) {
    return {Code::kResourceExhausted, fmt::format("grpc: received message larger than max ({} vs. {})", length_, max_)};
  }
  if (compressed_ && (encoding_.empty() || encoding_ == "identity")) {
    return {Code::kInternal, "grpc: compressed flag set with identity or empty encoding"};
  }
  if (compressed_ && encoding_ != "gzip") {
    return {Code::kUnimplemented,
            fmt::format("grpc: Decompressor is not installed for grpc-encoding \"{}\"", escape(encoding_, 64))};
  }
  return {};
}

Status MessageReader::open(InMessage* message) const {
  if (!std::exchange(message->compressed, false)) return {};
  bool too_large = false;
  std::optional<Bytes> plain = gunzip(message->bytes, max_, &too_large);
  if (too_large) {
    return {Code::kResourceExhausted, fmt::format("grpc: received message after decompression larger than max {}", max_)};
  }
  if (!plain) return {Code::kInternal, "grpc: failed to decompress the message: gzip: invalid data"};
  message->bytes = std::move(*plain);
  return {};
}

Status MessageReader::feed(BytesView bytes, std::deque<InMessage>* messages) {
  while (!bytes.empty()) {
    if (prefix_bytes_ < kPrefixBytes) {
      size_t count = std::min(bytes.size(), kPrefixBytes - prefix_bytes_);
      std::copy_n(bytes.data(), count, prefix_ + prefix_bytes_);
      prefix_bytes_ += count;
      bytes.remove_prefix(count);
      if (prefix_bytes_ < kPrefixBytes) break;
      if (Status bad = begin(); !bad.ok()) return bad;
    }
    if (body_.empty() && bytes.size() >= length_) {  // whole at once: a single copy
      messages->push_back({Bytes(bytes.substr(0, length_)), compressed_});
      bytes.remove_prefix(length_);
      prefix_bytes_ = 0;
      continue;
    }
    size_t count = std::min(bytes.size(), length_ - body_.size());
    // Once a good part is there the announced length is believed, which saves the copies of growing step by step.
    if (body_.capacity() < length_ && body_.size() + count >= std::min<size_t>(length_ / 8, 1u << 20)) body_.reserve(length_);
    body_.append(bytes.substr(0, count));
    bytes.remove_prefix(count);
    if (body_.size() < length_) break;
    messages->push_back({std::exchange(body_, Bytes()), compressed_});
    prefix_bytes_ = 0;
  }
  return {};
}

}  // namespace selvage::rpc
