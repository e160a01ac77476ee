#include "rpc/calling/outgoing_call.h"

#include <fmt/format.h>

#include <charconv>

#include "rpc/calling/client_connection.h"
#include "rpc/http2/gzip.h"
#include "rpc/http2/text.h"

namespace selvage::rpc {
namespace {

constexpr size_t kWriteLowBytes = 64u << 10;
constexpr uint32_t kRefusedStream = 7, kCancelError = 8;  // HTTP/2's error codes
constexpr int kAttemptsMax = 3;

std::string wire_value(const std::string& key, const Bytes& value) {
  if (!Metadata::binary(key)) return value;
  std::string text = to_base64(value);
  while (!text.empty() && text.back() == '=') text.pop_back();
  return text;
}

bool sendable(const std::string& key, const Bytes& value) {
  if (!Metadata::allowed(key)) return false;
  for (char c : value) {
    if (!Metadata::binary(key) && (c < ' ' || c > '~')) return false;
  }
  return true;
}

}  // namespace

OutgoingCall::OutgoingCall(os::EventLoop& loop, Home* home, Facts facts, std::unique_ptr<ClientHandler> handler)
    : Stream(facts.receive_bytes_max), loop_(loop), home_(home), facts_(std::move(facts)), handler_(std::move(handler)) {
  outbox.keep(true);
}

OutgoingCall::~OutgoingCall() = default;

void OutgoingCall::begin() {
  self_ = std::static_pointer_cast<OutgoingCall>(shared_from_this());
  if (!facts_.deadline) return;
  deadline_timer_ = loop_.at(*facts_.deadline, [this] {
    deadline_timer_ = 0;
    std::string text = "context deadline exceeded";
    std::string waiting = connection ? "" : home_->why_waiting();
    if (!waiting.empty()) text += " while waiting for connections to become ready; last connection error: " + waiting;
    end({Code::kDeadlineExceeded, text});
  });
}

bool OutgoingCall::start_on(const std::shared_ptr<ClientConnection>& on, const std::string& scheme,
                            const std::string& authority, const std::string& user_agent) {
  ++attempts_;
  on_ = on;
  closed_.reset();
  out_deferred = false;
  if (auto h = handle.lock()) h->set_peer(on->peer());
  std::vector<Header> headers{{":method", "POST"},
                              {":scheme", scheme},
                              {":path", facts_.method},
                              {":authority", authority},
                              {"content-type", "application/grpc"},
                              {"user-agent", user_agent},
                              {"te", "trailers"},
                              {"grpc-accept-encoding", "gzip"}};
  if (facts_.gzip) headers.push_back({"grpc-encoding", "gzip"});
  std::string timeout;
  if (facts_.deadline) {
    timeout = format_timeout(std::chrono::duration_cast<std::chrono::nanoseconds>(*facts_.deadline - std::chrono::steady_clock::now()));
    headers.push_back({"grpc-timeout", timeout});
  }
  std::vector<std::pair<std::string, std::string>> extra;
  for (const auto& [key, value] : facts_.metadata.entries()) {
    if (sendable(key, value)) extra.emplace_back(key, wire_value(key, value));
  }
  for (const auto& [key, value] : extra) headers.push_back({key, value});
  return on->submit(std::static_pointer_cast<OutgoingCall>(shared_from_this()), headers);
}

void OutgoingCall::write(Bytes message, bool compressed) {
  if (over_ || out_ended) return;
  if (message.size() > facts_.send_bytes_max) {
    return end({Code::kResourceExhausted,
                fmt::format("trying to send message larger than max ({} vs. {})", message.size(), facts_.send_bytes_max)});
  }
  outbox.push(std::move(message), compressed);
  if (connection) connection->resume_output(*this);
}

void OutgoingCall::half_close() {
  if (over_ || std::exchange(out_ended, true)) return;
  if (connection) connection->resume_output(*this);
}

void OutgoingCall::on_header(std::string_view name, std::string_view value) {
  if (name == ":status") {
    http_status_ = std::string(value);
  } else if (name == "content-type") {
    content_type_ = std::string(value);
  } else if (name == "grpc-status") {
    status_text_ = std::string(value);
  } else if (name == "grpc-message") {
    message_text_ = percent_decode(value);
  } else if (name == "grpc-status-details-bin") {
    details_ = from_base64(value).value_or("");
  } else if (name == "grpc-encoding") {
    set_encoding(std::string(value));
  } else if (name.empty() || name[0] == ':' || name.starts_with("grpc-")) {
    // The protocol's own.
  } else if (Metadata::binary(name)) {
    while (true) {
      size_t comma = value.find(',');
      if (auto bytes = from_base64(value.substr(0, comma))) block_.add(name, std::move(*bytes));
      if (comma == std::string_view::npos) break;
      value.remove_prefix(comma + 1);
      while (value.starts_with(' ')) value.remove_prefix(1);
    }
  } else {
    block_.add(name, Bytes(value));
  }
}

void OutgoingCall::on_headers_end(bool end_stream) {
  if (over_) return;
  if (http_status_.starts_with('1')) {  // an interim answer; the true one follows
    block_ = {};
    http_status_.clear();
    return;
  }
  outbox.keep(false);
  bool first = !std::exchange(headers_seen_, true);
  if (end_stream) {
    trailers_seen_ = true;
    trailers_ = std::exchange(block_, {});
  } else if (first) {
    headers_ = std::exchange(block_, {});
  }
  if (first && !end_stream && (http_status_ != "200" || !content_type_.starts_with("application/grpc"))) {
    return end(final_status());  // not a gRPC server: the body is of no use
  }
  if (first) {
    auto hold = shared_from_this();
    if (handler_) handler_->on_headers(headers_);
  }
}

void OutgoingCall::on_message(Bytes message) {
  if (!over_) handler_->on_message(std::move(message));
}

void OutgoingCall::on_remote_end() {
  if (over_) return;
  Status status = final_status();
  // The server answered before we were through: what we have left is of no use to it.
  if (connection && connection->local_open(*this)) connection->reset(*this, kCancelError);
  complete(std::move(status));
}

void OutgoingCall::on_stream_closed(uint32_t error) {
  closed_ = error;
  if (over_) return;
  if (error == kRefusedStream && !headers_seen_ && outbox.can_rewind() && attempts_ < kAttemptsMax) {
    outbox.rewind();
    return home_->send_again(std::static_pointer_cast<OutgoingCall>(shared_from_this()));
  }
  receive_end();  // on_remote_end() comes when the application has taken what is here
}

Status OutgoingCall::final_status() const {
  if (!status_text_.empty()) {
    int code = -1;
    auto [end, error] = std::from_chars(status_text_.data(), status_text_.data() + status_text_.size(), code);
    if (error != std::errc() || end != status_text_.data() + status_text_.size() || code < 0) {
      return {Code::kInternal, fmt::format("transport: malformed grpc-status: \"{}\"", escape(status_text_, 32))};
    }
    Status status(code > 16 ? Code::kUnknown : static_cast<Code>(code), message_text_);
    Status detailed;
    if (!details_.empty() && parse_details(details_, &detailed)) status.details = std::move(detailed.details);
    return status;
  }
  if (headers_seen_ && http_status_ != "200") {
    int http = std::atoi(http_status_.c_str());
    return {code_of_http(http), fmt::format("unexpected HTTP status code received from server: {}", http)};
  }
  if (headers_seen_ && !content_type_.starts_with("application/grpc")) {
    return {Code::kUnknown, fmt::format("transport: received unexpected content-type \"{}\"", escape(content_type_, 64))};
  }
  if (closed_ == kConnectionLost) {
    auto on = on_.lock();
    std::string why = on ? on->end_text() : "";
    return {Code::kUnavailable, fmt::format("error reading from server: {}", why.empty() ? "EOF" : why)};
  }
  // The server's clock may run out before ours: the reset is then its way of saying so, as Go's client reads it.
  if (closed_ == kCancelError && facts_.deadline && *facts_.deadline <= std::chrono::steady_clock::now()) {
    return {Code::kDeadlineExceeded, "context deadline exceeded"};
  }
  if (closed_ && *closed_ != 0) {
    return {code_of_http2(*closed_), "stream terminated by RST_STREAM with error code: " + name_of_http2(*closed_)};
  }
  return {Code::kInternal, "server closed the stream without sending trailers"};
}

void OutgoingCall::end(Status status) {
  if (over_) return;
  drop_undelivered();
  if (connection) connection->reset(*this, kCancelError);
  outbox.keep(false);
  complete(std::move(status));
}

void OutgoingCall::complete(Status status) {
  if (std::exchange(over_, true)) return;
  auto hold = shared_from_this();
  self_.reset();
  loop_.cancel(std::exchange(deadline_timer_, 0));
  home_->call_over(*this);
  if (auto h = handle.lock()) h->end();
  auto handler = std::shared_ptr<ClientHandler>(std::move(handler_));
  if (!handler) return;
  handler->on_end(status, trailers_);
  loop_.defer([handler] {});  // one of its callbacks may be on the stack
}

void OutgoingCall::on_taken(size_t bytes) {
  size_t left = queued->load();
  while (!queued->compare_exchange_weak(left, left > bytes ? left - bytes : 0)) {
  }
  left = left > bytes ? left - bytes : 0;
  if (left >= kWriteLowBytes || over_) return;
  auto h = handle.lock();
  if (!h || !h->take_was_high()) return;
  loop_.post([weak = weak_from_this()] {
    auto call = std::static_pointer_cast<OutgoingCall>(weak.lock());
    if (call && !call->over_ && call->handler_) call->handler_->on_writable();
  });
}

Result<Bytes> OutgoingCall::export_key(const std::string& label, const Bytes& context, size_t length) {
  auto on = on_.lock();
  if (!on) return fail(Code::kFailedPrecondition, "the call has no connection");
  return on->export_key(label, context, length);
}

void OutgoingHandle::run(OutgoingCall& call, OutgoingOp& op) {
  switch (op.kind) {
    case OutgoingOp::kWrite:
      return call.write(std::move(op.bytes), op.compressed);
    case OutgoingOp::kHalfClose:
      return call.half_close();
    case OutgoingOp::kCancel:
      return call.cancel();
    case OutgoingOp::kPause:
      return call.pause();
    case OutgoingOp::kResume:
      return call.resume();
  }
}

void OutgoingHandle::write(Bytes message) {
  bool compress = gzip_ && !message.empty();
  if (compress) message = gzip(message);
  apply({OutgoingOp::kWrite, std::move(message), compress});
}

bool OutgoingHandle::admit(const OutgoingOp& op) {
  if (op.kind != OutgoingOp::kWrite) return true;
  size_t bytes = kPrefixBytes + op.bytes.size();
  if (queued_->fetch_add(bytes) + bytes > kClientWriteHighBytes) was_high_ = true;
  return true;
}

std::shared_ptr<const Peer> OutgoingHandle::peer() const {
  std::lock_guard lock(mutex_);
  return peer_;
}

void OutgoingHandle::set_peer(std::shared_ptr<const Peer> peer) {
  std::lock_guard lock(mutex_);
  peer_ = std::move(peer);
}

void OutgoingHandle::end() {
  {
    std::lock_guard lock(mutex_);
    take_no_more();
  }
  queued_->store(0);
}

Result<Bytes> OutgoingHandle::export_keying_material(const std::string& label, const Bytes& context, size_t length) {
  return ask_for_key(label, context, length);
}

}  // namespace selvage::rpc
