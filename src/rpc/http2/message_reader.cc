#include "rpc/http2/message_reader.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>

namespace selvage::rpc {

void put_prefix(size_t message_bytes, char* out) {
  out[0] = 0;
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

Status MessageReader::take(Bytes body, std::deque<Bytes>* messages) {
  prefix_bytes_ = 0;
  if (compressed_) {
    bool too_large = false;
    std::optional<Bytes> plain = gunzip(body, max_, &too_large);
    if (too_large) {
      return {Code::kResourceExhausted,
              fmt::format("grpc: received message after decompression larger than max {}", max_)};
    }
    if (!plain) return {Code::kInternal, "grpc: failed to decompress the received message: gzip: invalid data"};
    body = std::move(*plain);
  }
  messages->push_back(std::move(body));
  return {};
}

Status MessageReader::feed(BytesView bytes, std::deque<Bytes>* messages) {
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
      Bytes body(bytes.substr(0, length_));
      bytes.remove_prefix(length_);
      if (Status bad = take(std::move(body), messages); !bad.ok()) return bad;
      continue;
    }
    size_t count = std::min(bytes.size(), length_ - body_.size());
    // Once a good part is there the announced length is believed, which saves the copies of growing step by step.
    if (body_.capacity() < length_ && body_.size() + count >= std::min<size_t>(length_ / 8, 1u << 20)) body_.reserve(length_);
    body_.append(bytes.substr(0, count));
    bytes.remove_prefix(count);
    if (body_.size() < length_) break;
    if (Status bad = take(std::exchange(body_, Bytes()), messages); !bad.ok()) return bad;
  }
  return {};
}

std::optional<Bytes> gunzip(BytesView bytes, size_t bytes_max, bool* too_large) {
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 16) != Z_OK) return std::nullopt;
  Bytes out;
  char buffer[16384];
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  int result = Z_OK;
  while (true) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer);
    stream.avail_out = sizeof buffer;
    result = inflate(&stream, Z_NO_FLUSH);
    out.append(buffer, sizeof buffer - stream.avail_out);
    if (out.size() > bytes_max) {
      *too_large = true;
      break;
    }
    if (result == Z_STREAM_END && stream.avail_in > 0) {
      if (inflateReset(&stream) != Z_OK) break;
      continue;
    }
    if (result != Z_OK || (stream.avail_in == 0 && stream.avail_out > 0)) break;
  }
  inflateEnd(&stream);
  if (*too_large || result != Z_STREAM_END) return std::nullopt;
  return out;
}

}  // namespace selvage::rpc
