// An HTTP/2 connection with nghttp2, as servers and clients share it: frames, windows, keepalive, GOAWAY, the end.
//
// Lives on one loop and is touched by its thread only. Output of one turn leaves together at the turn's end.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "os/event_loop.h"
#include "rpc/http2/stream.h"
#include "rpc/http2/transport.h"

struct nghttp2_session;

namespace selvage::rpc {

struct Header {
  std::string_view name;
  std::string_view value;
};

class Connection : public std::enable_shared_from_this<Connection>, public Transport::Owner {
 public:
  struct Options {
    bool server = false;
    uint32_t streams_max = 1000;
    size_t metadata_bytes_max = 64u << 10;
    size_t partial_bytes_max = 400u << 20;  // of all streams together, see Stream::held_bytes()
    std::chrono::milliseconds keepalive_interval{0};  // 0: no pings
    std::chrono::milliseconds keepalive_timeout{20000};
    bool keepalive_without_streams = true;
  };

  // For streams, on the loop.
  void consume(Stream& stream, size_t bytes);  // gives window back
  void resume_output(Stream& stream);          // its outbox has more, or out_ended was set
  void reset(Stream& stream, uint32_t error);
  [[nodiscard]] bool local_open(const Stream& stream) const;  // we have not ended it yet
  void flush_later();
  // Server. `end`: no body at all; otherwise body_done() is asked for the trailers at its end.
  bool submit_response(Stream& stream, const std::vector<Header>& headers, bool end);
  bool submit_trailers(Stream& stream, const std::vector<Header>& headers);

  [[nodiscard]] os::EventLoop& loop() { return loop_; }
  [[nodiscard]] size_t stream_count() const { return streams_.size(); }
  // Closes with this turn's output; on_end() follows. `patient`: waits until a slow other side has taken most of it.
  void close_orderly(const std::string& why, bool patient = false);
  // GOAWAY with this error and text, then the same.
  void close_with_error(uint32_t error, const std::string& text);
  [[nodiscard]] bool ended() const { return ended_; }

  ~Connection() override;

 protected:
  Connection(os::EventLoop& loop, Options options);

  // Of the two sides. begin_stream: a new stream's first header came (server); null: refuse it.
  virtual std::shared_ptr<Stream> begin_stream(int32_t id) { return nullptr; }
  virtual void on_frame(uint8_t type, uint8_t flags, int32_t stream_id, size_t payload_bytes) {}
  virtual void on_settings() {}
  virtual void on_ping(const uint8_t* payload) {}
  virtual void on_ping_ack(const uint8_t* payload) {}
  virtual void on_goaway(int32_t last_stream_id, uint32_t error, BytesView text) {}
  virtual void on_reset_sent(uint32_t error) {}
  virtual void on_payload_sent() {}  // HEADERS or DATA
  virtual void on_stream_gone() {}
  // The connection is over: all streams got on_stream_closed(kConnectionLost) before. Once.
  virtual void on_end(const std::string& why) = 0;

  // Starts HTTP/2 on the open transport: preface, SETTINGS.
  void start_http2();
  // Client: adds `stream` under its id and hands its headers to HTTP/2 with its outbox as body.
  bool submit_request(const std::shared_ptr<Stream>& stream, const std::vector<Header>& headers);
  void submit_ping(uint64_t payload);
  void submit_goaway(int32_t last_stream_id, uint32_t error, std::string_view text);
  void submit_shutdown_notice();
  [[nodiscard]] int32_t last_remote_stream() const;

  void on_bytes(BytesView plaintext) override;
  void on_room() override;
  void on_closed(const std::string& why) override;

  // Server: what is to follow the last byte of the outbox (its trailers). Called when that byte is taken.
  virtual void body_done(Stream& stream) {}

  os::EventLoop& loop_;
  Options options_;
  std::shared_ptr<Transport> transport_;
  nghttp2_session* session_ = nullptr;
  std::unordered_map<int32_t, std::shared_ptr<Stream>> streams_;
  SteadyTime last_read_{};

 private:
  friend struct Http2Callbacks;
  void flush();
  void count_held(Stream& stream, size_t now);
  [[nodiscard]] bool full();  // the transport takes no more for now; remembered for flush()
  void end(const std::string& why);
  void keepalive_tick();
  void arm_keepalive(std::chrono::nanoseconds delay);

  bool flush_planned_ = false;
  bool blocked_ = false;     // the last flush left something behind
  size_t held_total_ = 0;
  bool closing_ = false;     // ends with the next flush
  bool patient_ = false;     // or when most of the output has left
  bool ended_ = false;
  std::string closing_why_;
  os::EventLoop::TimerId keepalive_timer_ = 0;
  bool ping_outstanding_ = false;
};

}  // namespace selvage::rpc
