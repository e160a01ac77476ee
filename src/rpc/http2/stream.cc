#include "rpc/http2/stream.h"

#include <algorithm>

#include "rpc/http2/connection.h"

namespace selvage::rpc {

void Outbox::push(Bytes message, bool compressed) {
  bytes_ += kPrefixBytes + message.size();
  messages_.push_back({std::move(message), compressed});
}

void Outbox::move_to(Bytes* out, size_t count) {
  bytes_ -= count;
  while (count > 0) {
    const Bytes& front = messages_.front().bytes;
    if (offset_ < kPrefixBytes) {
      char prefix[kPrefixBytes];
      put_prefix(front.size(), prefix, messages_.front().compressed);
      size_t part = std::min(count, kPrefixBytes - offset_);
      out->append(prefix + offset_, part);
      offset_ += part;
      count -= part;
    }
    size_t part = std::min(count, kPrefixBytes + front.size() - offset_);
    if (offset_ >= kPrefixBytes) {
      out->append(front, offset_ - kPrefixBytes, part);
      offset_ += part;
      count -= part;
    }
    if (offset_ < kPrefixBytes + front.size()) continue;
    if (keep_) {
      kept_bytes_ += front.size();
      kept_.push_back(std::move(messages_.front()));
      if (kept_bytes_ > kKeepBytes) keep(false);
    }
    messages_.pop_front();
    offset_ = 0;
  }
}

void Outbox::clear() {
  messages_.clear();
  offset_ = bytes_ = 0;
  keep(false);
}

void Outbox::keep(bool on) {
  keep_ = on;
  if (on) return;
  kept_.clear();
  kept_bytes_ = 0;
}

void Outbox::rewind() {
  for (auto message = kept_.rbegin(); message != kept_.rend(); ++message) messages_.push_front(std::move(*message));
  kept_.clear();
  kept_bytes_ = offset_ = bytes_ = 0;
  for (const Message& message : messages_) bytes_ += kPrefixBytes + message.bytes.size();
}

Stream::Stream(size_t receive_bytes_max) : reader_(receive_bytes_max) {}

void Stream::receive(BytesView bytes) {
  unconsumed_ += bytes.size();
  if (spoilt_) {
    // Nobody will read it; let it drain so that the other side can end.
    if (connection) connection->consume(*this, std::exchange(unconsumed_, 0));
    return;
  }
  Status status = reader_.feed(bytes, &ready_);
  if (!status.ok()) spoilt_ = true;
  deliver();
  if (!status.ok()) on_bad_message(status);
}

void Stream::receive_end() {
  remote_ended_ = true;
  deliver();
}

void Stream::resume() {
  if (!paused_) return;
  paused_ = false;
  deliver();
}

void Stream::drop_undelivered() {
  ready_.clear();
  remote_ended_ = end_delivered_ = true;
  spoilt_ = true;
}

void Stream::deliver() {
  if (delivering_) return;
  auto self = shared_from_this();
  delivering_ = true;
  while (!paused_ && !ready_.empty()) {
    InMessage message = std::move(ready_.front());
    ready_.pop_front();
    if (Status bad = reader_.open(&message); !bad.ok()) {
      spoilt_ = true;
      ready_.clear();
      on_bad_message(bad);
      break;
    }
    on_message(std::move(message.bytes));
  }
  if (!paused_ && ready_.empty()) {
    if (connection && unconsumed_ > 0) connection->consume(*this, std::exchange(unconsumed_, 0));
    if (remote_ended_ && !end_delivered_) {
      end_delivered_ = true;
      on_remote_end();
    }
  }
  delivering_ = false;
}

}  // namespace selvage::rpc
