#include "rpc/serving/server_stream.h"

#include <fmt/format.h>

#include "rpc/http2/text.h"
#include "rpc/serving/blocking_stream.h"
#include "rpc/serving/method.h"
#include "rpc/serving/server_call.h"
#include "rpc/serving/server_connection.h"
#include "rpc/serving/server_state.h"

namespace selvage::rpc {
namespace {

constexpr size_t kWriteLowBytes = 64u << 10;
constexpr uint32_t kCancel = 8;  // HTTP/2's error codes
constexpr auto kRefuseAfter = std::chrono::seconds(1);

std::string wire_value(const std::string& key, const Bytes& value) {
  if (!Metadata::binary(key)) return value;
  std::string text = to_base64(value);
  while (!text.empty() && text.back() == '=') text.pop_back();
  return text;
}

// A plain value that HTTP/2 would refuse would end the whole stream: leave it out instead.
bool sendable(const std::string& key, const Bytes& value) {
  if (!Metadata::allowed(key)) return false;
  if (Metadata::binary(key)) return true;
  for (char c : value) {
    if (c < ' ' || c > '~') return false;
  }
  return true;
}

}  // namespace

ServerStream::ServerStream(ServerConnection& connection)
    : Stream(connection.state().settings.receive_bytes_max), owner_(connection), loop_(connection.loop()) {}

ServerStream::~ServerStream() { loop_.cancel(deadline_timer_); }

ServerConnection* ServerStream::server() const { return connection ? &owner_ : nullptr; }

void ServerStream::on_header(std::string_view name, std::string_view value) {
  if (began_) return;  // trailers of a request mean nothing
  if (name.empty()) return;
  if (name[0] == ':') {
    if (name == ":path") path_ = std::string(value);
    if (name == ":method") http_method_ = std::string(value);
    if (name == ":authority") metadata_.add(name, Bytes(value));
    return;
  }
  if (name == "content-type") {
    content_type_ = std::string(value);
  } else if (name == "grpc-timeout") {
    timeout_ = std::string(value);
  } else if (name == "grpc-encoding") {
    gzip_asked_ = value == "gzip";
    set_encoding(std::string(value));
  } else if (name == "grpc-accept-encoding") {
    gzip_refused_ = value.find("gzip") == std::string_view::npos;
  } else if (name == "te") {
    // For proxies that would drop trailers.
  } else if (Metadata::binary(name)) {
    // Several values may share one header.
    while (true) {
      size_t comma = value.find(',');
      if (auto bytes = from_base64(value.substr(0, comma))) metadata_.add(name, std::move(*bytes));
      if (comma == std::string_view::npos) break;
      value.remove_prefix(comma + 1);
      while (value.starts_with(' ')) value.remove_prefix(1);
    }
  } else {
    metadata_.add(name, Bytes(value));
  }
}

void ServerStream::on_headers_end(bool) {
  if (std::exchange(began_, true)) return;
  start_ = loop_.now();
  peer_ = owner_.peer();
  gzip_ = gzip_asked_ && !gzip_refused_;
  if (http_method_ != "POST") {
    return refuse_request("405", {Code::kInternal, fmt::format("http2Server.operateHeaders parsed a :method field: {} which should be POST",
                                                               escape(http_method_, 32))});
  }
  bool grpc = content_type_.starts_with("application/grpc") &&
              (content_type_.size() == 16 || content_type_[16] == '+' || content_type_[16] == ';');
  if (!grpc) {
    return refuse_request("415", {Code::kInvalidArgument,
                                  fmt::format("invalid gRPC request content-type \"{}\"", escape(content_type_, 64))});
  }
  if (!timeout_.empty()) {
    auto timeout = parse_timeout(timeout_);
    if (!timeout) {
      return refuse_request("400", {Code::kInternal, fmt::format("malformed grpc-timeout: {}", escape(timeout_, 32))});
    }
    deadline_ = start_ + *timeout;
  }
  begin();
}

// What is no gRPC call is heard to its end first, for a while: HTTP/2's own errors in it are then answered as such.
void ServerStream::refuse_request(const char* http_status, Status status) {
  http_status_ = http_status;
  status_ = std::move(status);
  deadline_timer_ = loop_.after(kRefuseAfter, [this] {
    deadline_timer_ = 0;
    answer_refused();
  });
}

void ServerStream::answer_refused() {
  if (!connection || std::exchange(finished_, true)) return;
  loop_.cancel(std::exchange(deadline_timer_, 0));
  auto fields = trailer_fields();
  std::vector<Header> headers{{":status", http_status_}, {"content-type", "application/grpc"}};
  for (const auto& [name, value] : fields) headers.push_back({name, value});
  connection->submit_response(*this, headers, true);
  drop_undelivered();
}

void ServerStream::begin() {
  ServerState& state = owner_.state();
  auto found = state.methods.find(path_);
  if (found == state.methods.end()) {
    size_t slash = path_.rfind('/');
    std::string service = slash == std::string::npos || slash == 0 ? "" : path_.substr(1, slash - 1);
    std::string name = slash == std::string::npos ? "" : path_.substr(slash + 1);
    if (service.empty() || !path_.starts_with('/')) {
      return finish({Code::kUnimplemented, fmt::format("malformed method name: \"{}\"", escape(path_))});
    }
    if (state.services.contains(service)) {
      return finish({Code::kUnimplemented, fmt::format("unknown method {} for service {}", escape(name), service)});
    }
    return finish({Code::kUnimplemented, fmt::format("unknown service {}", escape(service))});
  }
  std::shared_ptr<void> token;
  Method* method = &found->second;
  Status admitted = method->admit(&token);
  method_ = method;
  if (!admitted.ok()) return finish(admitted);
  if (deadline_) {
    deadline_timer_ = loop_.at(*deadline_, [this] {
      deadline_timer_ = 0;
      cancel({Code::kDeadlineExceeded, "context deadline exceeded"});
    });
  }
  auto self = std::static_pointer_cast<ServerStream>(shared_from_this());
  auto handle = std::make_shared<CallHandle>(
      loop_, self,
      CallHandle::Facts{path_, peer_, std::move(metadata_), deadline_, state.settings.write_high_bytes, queued, std::move(token),
                        gzip_});
  handle_ = handle;
  switch (method->kind()) {
    case Method::Kind::kUnary:
      unary_call_ = std::move(handle);
      break;
    case Method::Kind::kStream:
      handler_ = method->stream(handle);
      break;
    case Method::Kind::kBlocking:
      handler_ = start_blocking_stream(state.stream_threads, method->blocking, handle, state.settings.write_high_bytes);
      if (!handler_) finish({Code::kResourceExhausted, "too many streams are open on this server"});
      break;
  }
}

void ServerStream::on_message(Bytes message) {
  if (finished_ || http_status_) return;
  if (method_ && method_->kind() != Method::Kind::kUnary) {
    method_->count_message_received();
    if (handler_) handler_->on_message(std::move(message));
    return;
  }
  if (request_) return finish({Code::kInternal, "grpc: a unary call may carry one message only"});
  held_ = message.size();
  request_ = std::move(message);
}

void ServerStream::on_remote_end() {
  if (http_status_) return answer_refused();
  if (finished_ || !began_) return;
  if (handler_) return handler_->on_half_close();
  if (!unary_call_) return;
  if (!request_) return finish({Code::kInternal, "grpc: the call ended before its request message"});
  dispatch_unary();
}

void ServerStream::dispatch_unary() {
  auto call = std::move(unary_call_);
  held_ = 0;
  if (method_->where == Run::kOnLoop) {
    method_->unary(std::move(call), std::move(*request_));
    return;
  }
  // The method table outlives the pool's threads.
  bool taken = owner_.state().workers.run([method = method_, call, request = std::move(*request_)]() mutable {
    method->unary(std::move(call), std::move(request));
  });
  if (!taken) call->finish({Code::kUnavailable, "the server is stopping"});
}

void ServerStream::on_bad_message(const Status& why) {
  if (!http_status_) cancel(why);
}

void ServerStream::add_header(std::string key, Bytes value) {
  if (!headers_sent_ && sendable(key, value)) headers_out_.add(key, std::move(value));
}

void ServerStream::add_trailer(std::string key, Bytes value) {
  if (!finished_ && sendable(key, value)) trailers_out_.add(key, std::move(value));
}

void ServerStream::write(Bytes message, bool compressed) {
  if (finished_ || !connection) return;
  if (message.size() > owner_.state().settings.send_bytes_max) {
    // Go's words, which differ between the two.
    const char* prefix = method_ && method_->kind() == Method::Kind::kUnary ? "grpc: " : "";
    return finish({Code::kResourceExhausted, fmt::format("{}trying to send message larger than max ({} vs. {})", prefix,
                                                         message.size(), owner_.state().settings.send_bytes_max)});
  }
  if (!std::exchange(headers_sent_, true)) {
    std::vector<std::pair<std::string, std::string>> extra;
    for (const auto& [key, value] : headers_out_.entries()) extra.emplace_back(key, wire_value(key, value));
    std::vector<Header> headers{{":status", "200"}, {"content-type", "application/grpc"}};
    if (gzip_) headers.push_back({"grpc-encoding", "gzip"});
    for (const auto& [key, value] : extra) headers.push_back({key, value});
    connection->submit_response(*this, headers, false);
  }
  if (method_) method_->count_message_sent();
  outbox.push(std::move(message), compressed);
  connection->resume_output(*this);
}

std::vector<std::pair<std::string, std::string>> ServerStream::trailer_fields() const {
  std::vector<std::pair<std::string, std::string>> out;
  out.emplace_back("grpc-status", std::to_string(static_cast<int>(status_.code)));
  if (!status_.message.empty()) out.emplace_back("grpc-message", percent_encode(status_.message));
  if (!status_.details.empty()) {
    out.emplace_back("grpc-status-details-bin", wire_value("grpc-status-details-bin", encode_details(status_)));
  }
  for (const auto& [key, value] : trailers_out_.entries()) out.emplace_back(key, wire_value(key, value));
  return out;
}

void ServerStream::finish(Status status) { finish(std::move(status), false); }

void ServerStream::finish(Status status, bool cancelled) {
  if (finished_ || !connection) return;
  finished_ = true;
  status_ = std::move(status);
  if (headers_sent_) {
    out_ended = true;
    connection->resume_output(*this);
  } else {
    auto fields = trailer_fields();
    std::vector<std::pair<std::string, std::string>> extra;
    for (const auto& [key, value] : headers_out_.entries()) extra.emplace_back(key, wire_value(key, value));
    std::vector<Header> headers{{":status", "200"}, {"content-type", "application/grpc"}};
    for (const auto& [key, value] : extra) headers.push_back({key, value});
    for (const auto& [key, value] : fields) headers.push_back({key, value});
    headers_sent_ = true;
    connection->submit_response(*this, headers, true);
  }
  over(status_, cancelled);
}

void ServerStream::send_trailers() {
  auto fields = trailer_fields();
  std::vector<Header> headers;
  for (const auto& [key, value] : fields) headers.push_back({key, value});
  if (connection) connection->submit_trailers(*this, headers);
}

// The client learns of it as of any end; the handler is told that nobody listens any more.
void ServerStream::cancel(const Status& why) {
  if (finished_) return;
  auto self = shared_from_this();
  StreamHandler* handler = handler_.get();
  if (auto handle = handle_.lock()) handle->end(true);
  if (connection && outbox.bytes() > 0) {
    // The status would have to wait behind what the client does not take.
    finished_ = true;
    connection->reset(*this, kCancel);
    over(why, true);
  } else {
    finish(why, true);
  }
  if (handler) handler->on_cancelled(why);
}

void ServerStream::over(const Status& status, bool cancelled) {
  loop_.cancel(std::exchange(deadline_timer_, 0));
  drop_undelivered();
  if (Method* method = std::exchange(method_, nullptr)) method->complete(status, *peer_, deadline_, start_);
  if (auto handle = handle_.lock()) handle->end(cancelled);
  unary_call_.reset();
  // Its own callback may be on the stack.
  if (handler_) loop_.defer([handler = std::shared_ptr<StreamHandler>(std::move(handler_))] {});
}

void ServerStream::on_stream_closed(uint32_t error) {
  loop_.cancel(std::exchange(deadline_timer_, 0));
  if (std::exchange(finished_, true)) return;
  if (http_status_) return;
  Status why = error == kConnectionLost ? Status(Code::kCancelled, "context canceled")
               : error == kCancel || error == 0
                   ? Status(Code::kCancelled, "context canceled")
                   : Status(code_of_http2(error), "stream terminated by RST_STREAM with error code: " + name_of_http2(error));
  StreamHandler* handler = handler_.get();
  if (auto handle = handle_.lock()) handle->end(true);
  over(why, true);
  if (handler) handler->on_cancelled(why);
}

void ServerStream::on_taken(size_t bytes) {
  size_t left = queued->load();
  // end() may have set it to 0 already.
  while (!queued->compare_exchange_weak(left, left > bytes ? left - bytes : 0)) {
  }
  left = left > bytes ? left - bytes : 0;
  if (left >= kWriteLowBytes || finished_ || !handler_) return;
  auto handle = handle_.lock();
  if (handle && handle->take_was_high()) {
    // Not from within HTTP/2's sending: the handler will want to write.
    loop_.post([weak = weak_from_this()] {
      auto stream = std::static_pointer_cast<ServerStream>(weak.lock());
      if (stream && !stream->finished_ && stream->handler_) stream->handler_->on_writable();
    });
  }
}

Result<Bytes> ServerStream::export_key(const std::string& label, const Bytes& context, size_t length) {
  if (!connection) return fail(Code::kCancelled, "the call is over");
  return owner_.export_key(label, context, length);
}

}  // namespace selvage::rpc
