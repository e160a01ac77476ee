// One HTTP/2 stream that carries gRPC messages, as both sides of a connection need it: messages in with flow control,
// messages out with a queue. Loop's thread only.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "rpc/http2/message_reader.h"
#include "rpc/status.h"

namespace selvage::rpc {

class Connection;

// Messages on their way out. Counts into `queued`, which other threads read.
class Outbox {
 public:
  void push(Bytes message, bool compressed = false);
  [[nodiscard]] size_t bytes() const { return bytes_; }  // with prefixes
  // Appends `count` bytes to `out` and forgets them; count <= bytes().
  void move_to(Bytes* out, size_t count);
  void clear();

  // Keep what was sent, so that rewind() can put it back in front: a call that a server refused untouched is sent again.
  void keep(bool on);
  [[nodiscard]] bool can_rewind() const { return keep_; }
  void rewind();

 private:
  struct Message {
    Bytes bytes;
    bool compressed;
  };
  static constexpr size_t kKeepBytes = 1u << 20;
  std::deque<Message> messages_;
  size_t offset_ = 0;  // sent of the first one, prefix included
  size_t bytes_ = 0;
  bool keep_ = false;
  std::vector<Message> kept_;
  size_t kept_bytes_ = 0;
};

class Stream : public std::enable_shared_from_this<Stream> {
 public:
  Stream(size_t receive_bytes_max);
  virtual ~Stream() = default;

  // What the connection tells, in the order of the wire.
  virtual void on_header(std::string_view name, std::string_view value) = 0;
  virtual void on_headers_end(bool end_stream) = 0;
  // The stream is gone for HTTP/2, well (0) or reset with this error; or its connection ended (kConnectionLost). Once.
  virtual void on_stream_closed(uint32_t error) = 0;
  static constexpr uint32_t kConnectionLost = 0xffffffff;

  // Incoming bytes; deliver() hands whole messages on unless paused.
  void receive(BytesView bytes);
  void receive_end();
  void pause() { paused_ = true; }
  void resume();
  [[nodiscard]] bool paused() const { return paused_; }
  // Bytes that came and that nobody can work on yet: of a message that is not whole, of a call that waits for its end.
  [[nodiscard]] size_t held_bytes() const { return reader_.partial_bytes() + held_; }
  size_t held_counted = 0;  // of these, what the connection has counted
  [[nodiscard]] bool undelivered() const { return !ready_.empty() || (remote_ended_ && !end_delivered_); }
  void drop_undelivered();

  // The number that other threads see as queued_bytes(): what they wrote, less what HTTP/2 took.
  std::shared_ptr<std::atomic<size_t>> queued = std::make_shared<std::atomic<size_t>>(0);
  // HTTP/2 took `bytes` of the outbox.
  virtual void on_taken(size_t bytes) = 0;

  Connection* connection = nullptr;  // null once the stream is gone
  int32_t id = -1;
  Outbox outbox;
  bool out_ended = false;     // no more messages follow those in the outbox
  bool out_deferred = false;  // HTTP/2 waits for resume_data
  size_t header_bytes = 0;    // of the block that is being received
  bool headers_too_large = false;

 protected:
  virtual void on_message(Bytes message) = 0;
  virtual void on_remote_end() = 0;                  // after the last message
  virtual void on_bad_message(const Status& why) = 0;  // nothing follows
  void set_encoding(std::string encoding) { reader_.set_encoding(std::move(encoding)); }
  size_t held_ = 0;  // kept by the side until the stream's end

 private:
  void deliver();

  MessageReader reader_;
  std::deque<InMessage> ready_;
  size_t unconsumed_ = 0;  // taken from the window and not given back yet
  bool paused_ = false;
  bool delivering_ = false;
  bool remote_ended_ = false;
  bool end_delivered_ = false;
  bool spoilt_ = false;
};

}  // namespace selvage::rpc
