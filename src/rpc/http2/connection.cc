#include "rpc/http2/connection.h"

#include <fmt/format.h>
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace selvage::rpc {
namespace {

// A stream's window bounds what its application has not taken; the connection's is given back as bytes arrive, so that one
// paused stream never stops its neighbours.
constexpr int32_t kStreamWindow = 512 << 10;
constexpr int32_t kConnectionWindow = 8 << 20;

std::vector<nghttp2_nv> to_nv(const std::vector<Header>& headers) {
  std::vector<nghttp2_nv> out;
  out.reserve(headers.size());
  for (const Header& header : headers) {
    out.push_back({reinterpret_cast<uint8_t*>(const_cast<char*>(header.name.data())),
                   reinterpret_cast<uint8_t*>(const_cast<char*>(header.value.data())), header.name.size(),
                   header.value.size(), NGHTTP2_NV_FLAG_NONE});
  }
  return out;
}

}  // namespace

// nghttp2 calls these with the Connection as user data; never two at once.
struct Http2Callbacks {
  static Connection& self(void* user) { return *static_cast<Connection*>(user); }

  static Stream* find(Connection& c, int32_t id) {
    auto found = c.streams_.find(id);
    return found == c.streams_.end() ? nullptr : found->second.get();
  }

  static ssize_t send(nghttp2_session*, const uint8_t* data, size_t length, int, void* user) {
    Connection& c = self(user);
    if (c.full()) return NGHTTP2_ERR_WOULDBLOCK;
    c.transport_->out().append(reinterpret_cast<const char*>(data), length);
    return static_cast<ssize_t>(length);
  }

  static ssize_t read_body(nghttp2_session*, int32_t, uint8_t*, size_t length, uint32_t* flags, nghttp2_data_source* source,
                           void* user) {
    Stream& stream = *static_cast<Stream*>(source->ptr);
    size_t count = std::min(length, stream.outbox.bytes());
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (count == stream.outbox.bytes() && stream.out_ended) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
      if (self(user).options_.server) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        self(user).body_done(stream);
      }
    } else if (count == 0) {
      stream.out_deferred = true;
      return NGHTTP2_ERR_DEFERRED;
    }
    return static_cast<ssize_t>(count);
  }

  static int send_body(nghttp2_session*, nghttp2_frame* frame, const uint8_t* head, size_t length,
                       nghttp2_data_source* source, void* user) {
    Connection& c = self(user);
    if (c.full()) return NGHTTP2_ERR_WOULDBLOCK;
    Stream& stream = *static_cast<Stream*>(source->ptr);
    Bytes& out = c.transport_->out();
    out.append(reinterpret_cast<const char*>(head), 9);
    if (frame->data.padlen > 0) out.push_back(static_cast<char>(frame->data.padlen - 1));
    stream.outbox.move_to(&out, length);
    if (frame->data.padlen > 1) out.append(frame->data.padlen - 1, '\0');
    if (length > 0) stream.on_taken(length);
    return 0;
  }

  static int begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    Connection& c = self(user);
    if (frame->hd.type != NGHTTP2_HEADERS) return 0;
    if (Stream* stream = find(c, frame->hd.stream_id)) {
      stream->header_bytes = 0;
      return 0;
    }
    if (!c.options_.server || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    std::shared_ptr<Stream> stream = c.begin_stream(frame->hd.stream_id);
    if (!stream) {
      nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_REFUSED_STREAM);
      return 0;
    }
    stream->id = frame->hd.stream_id;
    stream->connection = &c;
    c.streams_.emplace(stream->id, std::move(stream));
    return 0;
  }

  static int header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
                    const uint8_t* value, size_t value_size, uint8_t, void* user) {
    Connection& c = self(user);
    Stream* stream = find(c, frame->hd.stream_id);
    if (!stream) return 0;
    stream->header_bytes += name_size + value_size + 32;  // RFC 9113's way of counting
    if (stream->header_bytes > c.options_.metadata_bytes_max) {
      stream->headers_too_large = true;  // decoding goes on, for the compressor's sake, but nothing is kept
      return 0;
    }
    stream->on_header({reinterpret_cast<const char*>(name), name_size}, {reinterpret_cast<const char*>(value), value_size});
    return 0;
  }

  static int frame_received(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    Connection& c = self(user);
    auto hold = c.streams_.find(frame->hd.stream_id);
    std::shared_ptr<Stream> stream = hold == c.streams_.end() ? nullptr : hold->second;
    c.on_frame(frame->hd.type, frame->hd.flags, frame->hd.stream_id, frame->hd.length);
    bool end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    bool ack = (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0;
    switch (frame->hd.type) {
      case NGHTTP2_HEADERS:
        if (!stream) break;
        if (stream->headers_too_large) {
          c.reset(*stream, NGHTTP2_FRAME_SIZE_ERROR);
          break;
        }
        stream->on_headers_end(end);
        if (end) stream->receive_end();
        break;
      case NGHTTP2_DATA:
        if (!stream || !end) break;
        stream->receive_end();
        c.count_held(*stream, stream->held_bytes());
        break;
      case NGHTTP2_SETTINGS:
        if (!ack) c.on_settings();
        break;
      case NGHTTP2_PING:
        ack ? c.on_ping_ack(frame->ping.opaque_data) : c.on_ping(frame->ping.opaque_data);
        break;
      case NGHTTP2_GOAWAY:
        c.on_goaway(frame->goaway.last_stream_id, frame->goaway.error_code,
                    {reinterpret_cast<const char*>(frame->goaway.opaque_data), frame->goaway.opaque_data_len});
        break;
      default:
        break;
    }
    return 0;
  }

  static int data(nghttp2_session* session, uint8_t, int32_t id, const uint8_t* bytes, size_t size, void* user) {
    Connection& c = self(user);
    nghttp2_session_consume_connection(session, size);
    auto found = c.streams_.find(id);
    if (found == c.streams_.end()) return 0;
    std::shared_ptr<Stream> stream = found->second;
    stream->receive({reinterpret_cast<const char*>(bytes), size});
    if (!stream->connection) return 0;
    c.count_held(*stream, stream->held_bytes());
    if (c.held_total_ > c.options_.partial_bytes_max) c.reset(*stream, NGHTTP2_ENHANCE_YOUR_CALM);
    return 0;
  }

  static int stream_closed(nghttp2_session*, int32_t id, uint32_t error, void* user) {
    Connection& c = self(user);
    auto found = c.streams_.find(id);
    if (found == c.streams_.end()) return 0;
    std::shared_ptr<Stream> stream = std::move(found->second);
    c.streams_.erase(found);
    c.count_held(*stream, 0);
    stream->connection = nullptr;
    stream->on_stream_closed(error);
    c.on_stream_gone();
    return 0;
  }

  static int frame_sent(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    Connection& c = self(user);
    uint8_t type = frame->hd.type;
    if (type == NGHTTP2_RST_STREAM) c.on_reset_sent(frame->rst_stream.error_code);
    if (type != NGHTTP2_HEADERS && type != NGHTTP2_DATA) return 0;
    c.on_payload_sent();
    // The answer is complete: what the client still sends is of no use.
    if (c.options_.server && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) &&
        nghttp2_session_get_stream_remote_close(session, frame->hd.stream_id) == 0) {
      nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_NO_ERROR);
    }
    return 0;
  }

  static int frame_not_sent(nghttp2_session* session, const nghttp2_frame* frame, int, void* user) {
    // A request that could not start (the server said goodbye): HTTP/2 knows no such stream, so nobody else tells.
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
      stream_closed(session, frame->hd.stream_id, NGHTTP2_REFUSED_STREAM, user);
    }
    return 0;
  }

  static nghttp2_session_callbacks* make() {
    nghttp2_session_callbacks* all = nullptr;
    nghttp2_session_callbacks_new(&all);
    nghttp2_session_callbacks_set_send_callback(all, send);
    nghttp2_session_callbacks_set_send_data_callback(all, send_body);
    nghttp2_session_callbacks_set_on_begin_headers_callback(all, begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(all, header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(all, frame_received);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(all, data);
    nghttp2_session_callbacks_set_on_stream_close_callback(all, stream_closed);
    nghttp2_session_callbacks_set_on_frame_send_callback(all, frame_sent);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(all, frame_not_sent);
    return all;
  }
};

Connection::Connection(os::EventLoop& loop, Options options) : loop_(loop), options_(options), last_read_(loop.now()) {}

Connection::~Connection() {
  loop_.cancel(keepalive_timer_);
  if (transport_ && !ended_) transport_->close();  // it lives on, and must not call us
  nghttp2_session_del(session_);
}

void Connection::start_http2() {
  static nghttp2_session_callbacks* const callbacks = Http2Callbacks::make();
  nghttp2_option* option = nullptr;
  nghttp2_option_new(&option);
  nghttp2_option_set_no_auto_window_update(option, 1);
  // nghttp2's own limit (1000 at once, 33 a second) would cut off an honest client that cancels a few thousand calls.
  nghttp2_option_set_stream_reset_rate_limit(option, 10000, 200);
  if (options_.server) {
    nghttp2_session_server_new2(&session_, callbacks, this, option);
  } else {
    nghttp2_session_client_new2(&session_, callbacks, this, option);
  }
  nghttp2_option_del(option);
  std::vector<nghttp2_settings_entry> settings{
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, static_cast<uint32_t>(kStreamWindow)},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<uint32_t>(options_.metadata_bytes_max)}};
  if (options_.server) {
    settings.push_back({NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, options_.streams_max});
  } else {
    settings.push_back({NGHTTP2_SETTINGS_ENABLE_PUSH, 0});
  }
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kConnectionWindow);
  if (options_.keepalive_interval.count() > 0) arm_keepalive(options_.keepalive_interval);
  flush_later();
}

void Connection::on_bytes(BytesView plaintext) {
  if (ended_ || closing_) return;
  last_read_ = loop_.now();
  if (std::exchange(ping_outstanding_, false)) {
    loop_.cancel(keepalive_timer_);
    arm_keepalive(options_.keepalive_interval);
  }
  auto self = shared_from_this();
  ssize_t taken = nghttp2_session_mem_recv(session_, reinterpret_cast<const uint8_t*>(plaintext.data()), plaintext.size());
  if (taken < 0) {
    // A flood, or not HTTP/2 at all. GOAWAY, if nghttp2 made one, leaves with the flush.
    closing_ = true;
    closing_why_ = fmt::format("http2: {}", nghttp2_strerror(static_cast<int>(taken)));
  }
  flush_later();
}

void Connection::on_room() { flush_later(); }

void Connection::on_closed(const std::string& why) { end(why); }

void Connection::flush_later() {
  if (flush_planned_ || ended_) return;
  flush_planned_ = true;
  loop_.defer([weak = weak_from_this()] {
    if (auto self = weak.lock()) {
      self->flush_planned_ = false;
      self->flush();
    }
  });
}

void Connection::flush() {
  if (ended_ || !session_) return;
  blocked_ = false;
  int result = nghttp2_session_send(session_);
  transport_->flush();
  if (ended_) return;
  // The socket took it all: go on, but let others have their turn.
  if (blocked_ && transport_->has_room()) loop_.post([weak = weak_from_this()] {
    if (auto self = weak.lock()) self->flush_later();
  });
  if (result != 0) return end(fmt::format("http2: {}", nghttp2_strerror(result)));
  if (closing_ && (!patient_ || transport_->has_room())) return end(closing_why_);
  if (nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0) end(closing_why_);
}

void Connection::count_held(Stream& stream, size_t now) {
  held_total_ = held_total_ - stream.held_counted + now;
  stream.held_counted = now;
}

bool Connection::full() {
  blocked_ = !transport_->has_room();
  return blocked_;
}

void Connection::end(const std::string& why) {
  if (std::exchange(ended_, true)) return;
  auto self = shared_from_this();
  loop_.cancel(keepalive_timer_);
  transport_->close();
  auto streams = std::exchange(streams_, {});
  for (auto& [id, stream] : streams) {
    stream->connection = nullptr;
    stream->on_stream_closed(Stream::kConnectionLost);
  }
  on_end(why);
}

void Connection::close_orderly(const std::string& why, bool patient) {
  if (ended_) return;
  if (!session_) return end(why);
  closing_ = true;
  patient_ = patient;
  closing_why_ = why;
  flush_later();
}

void Connection::close_with_error(uint32_t error, const std::string& text) {
  if (ended_ || closing_) return;
  if (session_) submit_goaway(nghttp2_session_get_last_proc_stream_id(session_), error, text);
  close_orderly(text);
}

void Connection::consume(Stream& stream, size_t bytes) {
  if (ended_) return;
  nghttp2_session_consume_stream(session_, stream.id, bytes);
  flush_later();
}

void Connection::resume_output(Stream& stream) {
  if (ended_) return;
  if (std::exchange(stream.out_deferred, false)) nghttp2_session_resume_data(session_, stream.id);
  flush_later();
}

void Connection::reset(Stream& stream, uint32_t error) {
  if (ended_) return;
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id, error);
  flush_later();
}

bool Connection::local_open(const Stream& stream) const {
  return !ended_ && nghttp2_session_get_stream_local_close(session_, stream.id) == 0;
}

bool Connection::submit_request(const std::shared_ptr<Stream>& stream, const std::vector<Header>& headers) {
  std::vector<nghttp2_nv> nv = to_nv(headers);
  nghttp2_data_provider body{{.ptr = stream.get()}, Http2Callbacks::read_body};
  int32_t id = nghttp2_submit_request(session_, nullptr, nv.data(), nv.size(), &body, nullptr);
  if (id < 0) return false;
  stream->id = id;
  stream->connection = this;
  streams_.emplace(id, stream);
  flush_later();
  return true;
}

bool Connection::submit_response(Stream& stream, const std::vector<Header>& headers, bool end) {
  std::vector<nghttp2_nv> nv = to_nv(headers);
  nghttp2_data_provider body{{.ptr = &stream}, Http2Callbacks::read_body};
  flush_later();
  return nghttp2_submit_response(session_, stream.id, nv.data(), nv.size(), end ? nullptr : &body) == 0;
}

bool Connection::submit_trailers(Stream& stream, const std::vector<Header>& headers) {
  std::vector<nghttp2_nv> nv = to_nv(headers);
  return nghttp2_submit_trailer(session_, stream.id, nv.data(), nv.size()) == 0;
}

void Connection::submit_ping(uint64_t payload) {
  uint8_t opaque[8];
  std::memcpy(opaque, &payload, 8);
  nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, opaque);
  flush_later();
}

void Connection::submit_goaway(int32_t last_stream_id, uint32_t error, std::string_view text) {
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, last_stream_id, error,
                        reinterpret_cast<const uint8_t*>(text.data()), text.size());
  flush_later();
}

void Connection::submit_shutdown_notice() {
  nghttp2_submit_shutdown_notice(session_);
  flush_later();
}

int32_t Connection::last_remote_stream() const { return nghttp2_session_get_last_proc_stream_id(session_); }

void Connection::arm_keepalive(std::chrono::nanoseconds delay) {
  keepalive_timer_ = loop_.after(delay, [weak = weak_from_this()] {
    if (auto self = weak.lock()) self->keepalive_tick();
  });
}

// Any byte from the other side proves that it lives; a ping is only asked for in silence.
void Connection::keepalive_tick() {
  if (ended_ || closing_) return;
  if (ping_outstanding_) {
    transport_->abort();
    return end("keepalive ping failed to receive ACK within timeout");
  }
  auto silent = loop_.now() - last_read_;
  if (silent < options_.keepalive_interval) return arm_keepalive(options_.keepalive_interval - silent);
  if (!options_.keepalive_without_streams && streams_.empty()) return arm_keepalive(options_.keepalive_interval);
  submit_ping(0x6b656570616c6976);
  ping_outstanding_ = true;
  arm_keepalive(options_.keepalive_timeout);
}

}  // namespace selvage::rpc
