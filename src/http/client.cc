#include "http/client.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cerrno>
#include <cstring>

#include "http/socket.h"
#include "tls/context.h"
#include "tls/diagnosis.h"

namespace selvage::http {
namespace beast = boost::beast::http;

namespace {

using Deadline = std::chrono::steady_clock::time_point;

struct Url {
  bool secure = false;
  std::string host;
  std::string port;
  std::string authority;
  std::string target;
};

Result<Url> parse_url(const std::string& text) {
  Url url;
  size_t at = 0;
  if (text.starts_with("https://")) {
    url.secure = true;
    at = 8;
  } else if (text.starts_with("http://")) {
    at = 7;
  } else {
    return fail(Code::kInvalidArgument, "unsupported protocol scheme in \"" + text + "\"", "", "begin the URL with https:// or http://");
  }
  const size_t slash = text.find_first_of("/?", at);
  url.authority = text.substr(at, slash == std::string::npos ? slash : slash - at);
  url.target = slash == std::string::npos ? "/" : text.substr(slash);
  if (url.target[0] == '?') url.target.insert(0, "/");
  const size_t bracket = url.authority.rfind(']');
  const size_t colon = url.authority.rfind(':');
  const bool has_port = colon != std::string::npos && (bracket == std::string::npos || colon > bracket);
  url.host = has_port ? url.authority.substr(0, colon) : url.authority;
  url.port = has_port ? url.authority.substr(colon + 1) : (url.secure ? "443" : "80");
  if (url.host.size() > 1 && url.host.front() == '[') url.host = url.host.substr(1, url.host.size() - 2);
  if (url.host.empty() || url.port.empty() || text.find_first_of(" \r\n") != std::string::npos) {
    return fail(Code::kInvalidArgument, "invalid URL \"" + escape(text) + "\"", "", "write it as https://host:port/path");
  }
  return url;
}

// A connected socket, with or without TLS, used by one thread that waits.
class Wire {
 public:
  Wire(int fd, std::unique_ptr<tls::Session> tls, Deadline deadline) : fd_(fd), tls_(std::move(tls)), deadline_(deadline) {}
  ~Wire() { ::close(fd_); }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  Status handshake() {
    if (!tls_) return {};
    Bytes early;
    tls_->receive({}, early);
    while (tls_->state() == tls::Session::State::kHandshaking) {
      SELVAGE_CHECK(flush());
      SELVAGE_CHECK(receive());
    }
    (void)flush();  // an alert, if it failed
    return refusal();
  }

  Status write(BytesView bytes) {
    if (!tls_) {
      output_.append(bytes);
      return flush();
    }
    tls_->send(bytes);
    return flush();
  }

  // More plaintext, appended to `in`; false at the end.
  Result<bool> read(Bytes* in) {
    const size_t before = in->size() + input_.size();
    while (!ended_ && in->size() + input_.size() == before) SELVAGE_CHECK(receive());
    in->append(input_);
    input_.clear();
    return in->size() > before;
  }

 private:
  Status wait(short events) {
    pollfd waiting{fd_, events, 0};
    while (true) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - std::chrono::steady_clock::now()).count();
      const int ready = left <= 0 ? 0 : ::poll(&waiting, 1, static_cast<int>(left));
      if (ready > 0) return {};
      if (ready == 0) return fail(Code::kDeadlineExceeded, "net/http: request canceled (Client.Timeout exceeded while awaiting headers)");
      if (errno != EINTR) return fail(Code::kInternal, std::string("poll: ") + std::strerror(errno));
    }
  }

  Status flush() {
    while (true) {
      const BytesView bytes = tls_ ? tls_->output() : BytesView(output_);
      if (bytes.empty()) return {};
      const ssize_t count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count > 0) {
        if (tls_) tls_->consume_output(static_cast<size_t>(count));
        else output_.erase(0, static_cast<size_t>(count));
      } else if (errno == EAGAIN) {
        SELVAGE_CHECK(wait(POLLOUT));
      } else if (errno != EINTR) {
        // The server may have said why before it closed: what it sent is still to be read.
        if (tls_ && tls_->state() != tls::Session::State::kFailed) {
          Status got;
          while (!ended_ && (got = receive())) {
          }
          SELVAGE_CHECK(refusal());
        }
        return fail(Code::kUnavailable, std::string("write tcp: ") + (errno == EPIPE ? "broken pipe" : "connection reset by peer"));
      }
    }
  }

  Status receive() {
    char buffer[32768];
    while (true) {
      const ssize_t count = ::recv(fd_, buffer, sizeof buffer, 0);
      if (count < 0 && errno == EAGAIN) {
        SELVAGE_CHECK(wait(POLLIN));
        continue;
      }
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) {
        ended_ = true;
        if (!tls_) {
          if (count < 0) return fail(Code::kUnavailable, "read tcp: connection reset by peer");
          return {};
        }
        tls_->receive_end(count < 0 ? "read tcp: connection reset by peer" : "");
        return refusal();
      }
      if (!tls_) {
        input_.append(buffer, static_cast<size_t>(count));
        return {};
      }
      tls_->receive({buffer, static_cast<size_t>(count)}, input_);
      if (tls_->state() == tls::Session::State::kPeerClosed) ended_ = true;
      return refusal();
    }
  }

  Status refusal() {
    if (!tls_ || tls_->state() != tls::Session::State::kFailed) return {};
    const auto diagnosis = tls_->diagnosis();
    if (!diagnosis) return fail(Code::kUnauthenticated, "tls: handshake failed");
    return fail(Code::kUnauthenticated, diagnosis->error, diagnosis->code + ": " + diagnosis->cause, diagnosis->remedy);
  }

  int fd_;
  std::unique_ptr<tls::Session> tls_;
  Deadline deadline_;
  Bytes input_;
  Bytes output_;
  bool ended_ = false;
};

Bytes encode(const ClientRequest& request, const Url& url) {
  Bytes out = request.method + " " + url.target + " HTTP/1.1\r\nHost: " + url.authority + "\r\n";
  for (const auto& [name, value] : request.headers.all()) out.append(name).append(": ").append(value).append("\r\n");
  if (request.headers.get("User-Agent").empty()) out.append("User-Agent: selvage\r\n");
  if (!request.body.empty() || request.method == "POST" || request.method == "PUT") {
    out.append("Content-Length: ").append(std::to_string(request.body.size())).append("\r\n");
  }
  return out.append("Connection: close\r\n\r\n").append(request.body);
}

}  // namespace

Result<Response> fetch(const ClientRequest& request) {
  SELVAGE_TRY(const Url url, parse_url(request.url));
  for (const auto& [name, value] : request.headers.all()) {
    if ((name + value).find_first_of("\r\n") != std::string::npos) return fail(Code::kInvalidArgument, "a header holds a line end");
  }
  if (url.secure && !request.tls) return fail(Code::kInvalidArgument, "no TLS settings for " + request.url);
  const Deadline deadline = std::chrono::steady_clock::now() + request.timeout;
  SELVAGE_TRY(const int fd, dial(url.host, url.port, deadline));
  std::unique_ptr<tls::Session> session;
  if (url.secure) session = request.tls->connect(request.server_name.empty() ? url.host : request.server_name, url.host + ":" + url.port);
  Wire wire(fd, std::move(session), deadline);
  SELVAGE_CHECK(wire.handshake());
  SELVAGE_CHECK(wire.write(encode(request, url)));
  beast::response_parser<beast::string_body> parser;
  parser.eager(true);
  parser.skip(request.method == "HEAD");
  parser.header_limit(64u << 10);
  parser.body_limit(request.response_bytes_max);
  Bytes input;
  boost::system::error_code error;
  while (!parser.is_done()) {
    SELVAGE_TRY(const bool more, wire.read(&input));
    if (!more) {
      if (!parser.got_some()) return fail(Code::kInternal, "EOF");  // Beast must not be told of an end before a beginning
      parser.put_eof(error);
      if (error || !parser.is_header_done()) return fail(Code::kInternal, "unexpected EOF");
      break;
    }
    do {
      const size_t used = parser.put(boost::asio::const_buffer(input.data(), input.size()), error);
      input.erase(0, used);
      if (error == beast::error::need_more) {
        error = {};
        break;
      }
      if (error) return fail(Code::kInternal, "malformed HTTP response", error.message());
      // 100 Continue and its like come before the answer.
      if (used == 0) break;
    } while (!parser.is_done() && !input.empty());
  }
  auto message = parser.release();
  Response response;
  response.status = static_cast<int>(message.result_int());
  for (const auto& field : message) response.headers.add(std::string(field.name_string()), std::string(field.value()));
  response.body = std::move(message.body());
  return response;
}

}  // namespace selvage::http
