#include "http/connection.h"

#include <sys/socket.h>
#include <unistd.h>

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cerrno>
#include <ctime>

#include "tls/diagnosis.h"
#include "tls/session.h"

namespace selvage::http {
namespace beast = boost::beast::http;

namespace {

constexpr size_t kReadBytes = 64u << 10;
constexpr auto kLinger = std::chrono::seconds(1);

std::string http_date() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[64];
  std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return text;
}

bool is_bodiless(int status) { return status == 204 || status == 304 || (status >= 100 && status < 200); }

}  // namespace

struct Connection::Parser {
  explicit Parser(const ServerSettings& settings) {
    parser.header_limit(static_cast<std::uint32_t>(settings.header_bytes_max));
    parser.body_limit(settings.body_bytes_max);
    parser.eager(true);
  }
  beast::request_parser<beast::string_body> parser;
  bool continued = false;
};

Connection::Connection(os::EventLoop& loop, int fd, std::string address, std::unique_ptr<tls::Session> tls,
                       const ServerSettings& settings, Owner* owner)
    : loop_(loop), fd_(fd), address_(std::move(address)), tls_(std::move(tls)), settings_(settings), owner_(owner) {}

Connection::~Connection() {
  if (fd_ >= 0) ::close(fd_);
}

void Connection::start() {
  interest_ = os::EventLoop::kRead;
  auto watched = loop_.watch(fd_, interest_, [self = shared_from_this()](uint32_t events) { self->on_event(events); });
  if (!watched) return drop();
  since_ = std::chrono::steady_clock::now();  // finer than the loop's turn, which may have accepted others too
  if (tls_) return enter(Phase::kHandshake, settings_.handshake_timeout);
  enter(Phase::kIdle, settings_.read_timeout);  // whoever dials has something to ask
}

void Connection::enter(Phase phase, std::chrono::milliseconds deadline) {
  phase_ = phase;
  loop_.cancel(timer_);
  timer_ = 0;
  if (phase == Phase::kHandling) return;  // the handler takes its time
  timer_ = loop_.after(deadline, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->drop();
  });
}

void Connection::on_event(uint32_t events) {
  const auto self = shared_from_this();  // drop() releases what the loop holds
  if (fd_ >= 0 && (events & os::EventLoop::kWrite) != 0 && flush()) after_write();
  if (fd_ >= 0 && (events & os::EventLoop::kRead) != 0) read();
}

void Connection::read() {
  thread_local std::unique_ptr<char[]> buffer(new char[kReadBytes]);
  const ssize_t count = ::recv(fd_, buffer.get(), kReadBytes, 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (phase_ == Phase::kLingering) {
    if (count <= 0) drop();
    return;
  }
  if (count == 0 && (phase_ == Phase::kHandling || phase_ == Phase::kWriting)) {
    ended_ = true;
    finishing_ = true;
    return update_interest();
  }
  if (count <= 0) {
    if (tls_ && phase_ == Phase::kHandshake) {
      tls_->receive_end(count == 0 ? "" : "read tcp: connection reset by peer");
      if (tls_->failure() != nullptr && owner_ != nullptr) owner_->on_refused(*tls_, address_);
    }
    return drop();
  }
  received({buffer.get(), static_cast<size_t>(count)});
}

void Connection::received(BytesView bytes) {
  if (tls_) {
    tls_->receive(bytes, input_);
    if (tls_->state() == tls::Session::State::kFailed) return tls_failed();
    if (phase_ == Phase::kHandshake && tls_->state() != tls::Session::State::kHandshaking) {
      if (tls_->refused() && owner_ != nullptr) owner_->on_refused(*tls_, address_);
      enter(Phase::kIdle, settings_.read_timeout);
    }
    if (!flush()) return;
    if (tls_->state() == tls::Session::State::kPeerClosed && input_.empty() && phase_ != Phase::kHandling) return drop();
  } else {
    input_.append(bytes);
  }
  parse();
}

void Connection::tls_failed() {
  if (owner_ != nullptr) owner_->on_refused(*tls_, address_);
  const tls::Evidence* failure = tls_->failure();
  const std::string first = failure != nullptr ? failure->first_bytes : "";
  for (const char* method : {"GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "OPTIONS "}) {
    if (!first.starts_with(method)) continue;
    // As Go's server, in the plain: the client cannot read anything else.
    const std::string_view words = "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
    (void)!::send(fd_, words.data(), words.size(), MSG_NOSIGNAL);
    return linger();
  }
  close_after_write_ = true;
  if (flush()) after_write();
}

void Connection::parse() {
  if (phase_ != Phase::kIdle && phase_ != Phase::kReading) return update_interest();
  while (!input_.empty()) {
    if (!parser_) parser_ = std::make_unique<Parser>(settings_);
    if (phase_ == Phase::kIdle) enter(Phase::kReading, settings_.read_timeout);
    boost::system::error_code error;
    const size_t used = parser_->parser.put(boost::asio::const_buffer(input_.data(), input_.size()), error);
    input_.erase(0, used);
    if (!count_held()) return refuse(503, "503 Service Unavailable");
    if (error == beast::error::need_more) {
      if (input_.size() > settings_.header_bytes_max) return refuse(431, "431 Request Header Fields Too Large");
      error = {};
    }
    if (error == beast::error::header_limit) return refuse(431, "431 Request Header Fields Too Large");
    if (error == beast::error::body_limit) return refuse(413, "http: request body too large");
    if (error) return refuse(400, "400 Bad Request");
    if (parser_->parser.is_done()) return take_request();
    if (parser_->parser.is_header_done() && !parser_->continued &&
        !parser_->parser.get()[beast::field::expect].empty()) {
      parser_->continued = true;
      if (parser_->parser.content_length_remaining().value_or(0) > 0 || parser_->parser.chunked()) {
        send("HTTP/1.1 100 Continue\r\n\r\n");
        if (!flush()) return;
      }
    }
    if (used == 0) break;
  }
  update_interest();
}

// What requests hold before they are whole is anybody's: all connections share one bound.
bool Connection::count_held() {
  const size_t now = input_.size() + (parser_ ? parser_->parser.get().body().size() : 0);
  const auto more = static_cast<std::ptrdiff_t>(now) - static_cast<std::ptrdiff_t>(std::exchange(held_, now));
  return owner_ == nullptr || more == 0 || owner_->on_held(more);
}

void Connection::take_request() {
  auto message = parser_->parser.release();
  parser_.reset();
  (void)count_held();
  Request request;
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  const size_t question = request.target.find('?');
  if (question != std::string::npos) request.query = request.target.substr(question + 1);
  std::string path = request.target.substr(0, question);
  for (const char* scheme : {"http://", "https://"}) {  // the absolute form
    if (!path.starts_with(scheme)) continue;
    const size_t slash = path.find('/', std::string_view(scheme).size());
    path = slash == std::string::npos ? "/" : path.substr(slash);
  }
  const auto decoded = percent_decode(path);
  if (!decoded || decoded->empty()) return refuse(400, "400 Bad Request");
  request.path = *decoded;
  for (const auto& field : message) {
    request.headers.add(std::string(field.name_string()), std::string(field.value()));
  }
  if (message.version() >= 11 && request.headers.get("Host").empty()) return refuse(400, "400 Bad Request: missing required Host header");
  request.body = std::move(message.body());
  request.peer.address = address_;
  if (tls_) {
    const tls::SessionFacts& facts = tls_->facts();
    request.peer.tls = true;
    request.peer.verified = facts.peer_verified && !facts.peer_chain.empty();
    if (!facts.peer_chain.empty()) request.peer.subject = facts.peer_chain.front().subject();
  }
  head_ = request.method == "HEAD";
  keep_alive_ = message.keep_alive();
  enter(Phase::kHandling, {});
  update_interest();
  if (owner_ != nullptr) owner_->on_request(shared_from_this(), std::move(request));
}

void Connection::answer(Response response) {
  loop_.post([weak = weak_from_this(), response = std::move(response)] {
    const auto self = weak.lock();
    if (!self || self->fd_ < 0 || self->phase_ != Phase::kHandling) return;
    self->write_response(response, self->keep_alive_ && !self->finishing_);
  });
}

void Connection::refuse(int status, std::string text) {
  head_ = false;
  Response response = Response::text(status, std::move(text));
  input_.clear();
  parser_.reset();
  (void)count_held();
  write_response(response, false);
}

void Connection::write_response(const Response& response, bool keep_alive) {
  Bytes out = "HTTP/1.1 " + std::to_string(response.status) + " " + std::string(reason_of(response.status)) + "\r\n";
  for (const auto& [name, value] : response.headers.all()) {
    // A handler's mistake must not become a second response.
    if ((name + value).find_first_of("\r\n") != std::string::npos) continue;
    out.append(name).append(": ").append(value).append("\r\n");
  }
  out.append("Date: ").append(http_date()).append("\r\n");
  if (!is_bodiless(response.status)) out.append("Content-Length: ").append(std::to_string(response.body.size())).append("\r\n");
  if (!keep_alive) out.append("Connection: close\r\n");
  out.append("\r\n");
  if (!head_ && !is_bodiless(response.status)) out.append(response.body);
  close_after_write_ = !keep_alive;
  enter(Phase::kWriting, settings_.write_timeout);
  send(out);
  if (close_after_write_ && tls_) tls_->close();
  if (flush()) after_write();
}

void Connection::send(BytesView plaintext) {
  if (tls_) {
    tls_->send(plaintext);
  } else {
    output_.append(plaintext);
  }
}

bool Connection::output_waits() const { return tls_ ? !tls_->output().empty() : output_sent_ < output_.size(); }

bool Connection::flush() {
  while (output_waits()) {
    const BytesView bytes = tls_ ? tls_->output() : BytesView(output_).substr(output_sent_);
    const ssize_t count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) break;
    if (count < 0) {
      drop();
      return false;
    }
    if (tls_) {
      tls_->consume_output(static_cast<size_t>(count));
    } else {
      output_sent_ += static_cast<size_t>(count);
    }
  }
  if (!tls_ && !output_waits()) {
    output_.clear();
    output_sent_ = 0;
  }
  update_interest();
  return true;
}

void Connection::after_write() {
  if (output_waits() || phase_ == Phase::kLingering) return;
  if (close_after_write_) return linger();
  if (phase_ != Phase::kWriting) return;
  if (finishing_) return drop();
  served_ = true;
  since_ = loop_.now();
  enter(Phase::kIdle, settings_.idle_timeout);
  parse();  // the next request may be in already
}

void Connection::linger() {
  if (ended_) return drop();
  ::shutdown(fd_, SHUT_WR);
  enter(Phase::kLingering, kLinger);
  update_interest();
}

void Connection::update_interest() {
  if (fd_ < 0) return;
  uint32_t wanted = output_waits() ? os::EventLoop::kWrite : 0;
  // A client that sends on before it is answered waits in the kernel's buffers.
  if ((phase_ != Phase::kHandling && phase_ != Phase::kWriting) || input_.size() < kReadBytes) wanted |= os::EventLoop::kRead;
  if (phase_ == Phase::kHandling && !input_.empty()) wanted &= ~os::EventLoop::kRead;
  if (ended_) wanted &= ~os::EventLoop::kRead;
  if (wanted == interest_) return;
  interest_ = wanted;
  loop_.change(fd_, wanted);
}

void Connection::finish() {
  finishing_ = true;
  if (phase_ != Phase::kHandling && phase_ != Phase::kWriting && phase_ != Phase::kReading) drop();
}

void Connection::drop() {
  if (fd_ < 0) return;
  const auto self = shared_from_this();
  loop_.cancel(timer_);
  timer_ = 0;
  loop_.unwatch(fd_);
  ::close(fd_);
  fd_ = -1;
  input_.clear();
  parser_.reset();
  (void)count_held();
  if (Owner* owner = std::exchange(owner_, nullptr)) owner->on_gone(this);
}

}  // namespace selvage::http
