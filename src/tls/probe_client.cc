#include "tls/probe_client.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace selvage::tls {
namespace {

using Clock = std::chrono::steady_clock;

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  [[nodiscard]] int fd() const { return fd_; }
  // True when ready before `deadline`.
  [[nodiscard]] bool wait(short what, Clock::time_point deadline) const {
    while (true) {
      auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
      pollfd one{fd_, what, 0};
      int ready = ::poll(&one, 1, left > 0 ? static_cast<int>(left) : 0);
      if (ready > 0) return true;
      if (ready == 0 || errno != EINTR) return false;
    }
  }

 private:
  int fd_;
};

std::string connect_to(const std::string& address, Clock::time_point deadline, std::unique_ptr<Socket>& socket) {
  size_t colon = address.rfind(':');
  if (colon == std::string::npos) return "address " + address + ": missing port in address";
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  std::string host = host_of(address), port = address.substr(colon + 1);
  if (int error = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found); error != 0) {
    return "lookup " + host + ": " + ::gai_strerror(error);
  }
  std::string last = "no address";
  for (addrinfo* one = found; one != nullptr; one = one->ai_next) {
    auto trial = std::make_unique<Socket>(::socket(one->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (trial->fd() < 0) continue;
    int error = ::connect(trial->fd(), one->ai_addr, one->ai_addrlen) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
      socklen_t size = sizeof error;
      if (!trial->wait(POLLOUT, deadline)) {
        error = ETIMEDOUT;
      } else if (::getsockopt(trial->fd(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
        error = errno;
      }
    }
    if (error == 0) {
      socket = std::move(trial);
      last.clear();
      break;
    }
    last = "dial tcp " + address + ": connect: " + std::strerror(error);
  }
  ::freeaddrinfo(found);
  return last;
}

bool flush(Session& session, const Socket& socket, Clock::time_point deadline) {
  while (!session.output().empty()) {
    ssize_t sent = ::send(socket.fd(), session.output().data(), session.output().size(), MSG_NOSIGNAL);
    if (sent > 0) {
      session.consume_output(static_cast<size_t>(sent));
    } else if (errno == EAGAIN) {
      if (!socket.wait(POLLOUT, deadline)) return false;
    } else {
      return false;  // what the server said may still be there to read
    }
  }
  return true;
}

}  // namespace

ProbeResult probe(ClientContext& context, const std::string& address, std::chrono::milliseconds timeout,
                  std::chrono::milliseconds verdict_wait) {
  ProbeResult result;
  auto deadline = Clock::now() + timeout;
  std::unique_ptr<Socket> socket;
  std::unique_ptr<Session> session = context.connect(host_of(address), address);
  auto give_up = [&](const std::string& error) {
    session->receive_end(error);
    if (session->failure() != nullptr) {
      result.evidence = *session->failure();
      result.diagnosis = explain(result.evidence);
    }
    return result;
  };
  if (std::string error = connect_to(address, deadline, socket); !error.empty()) return give_up(error);
  result.connected = true;
  Bytes plaintext;
  session->receive("", plaintext);
  bool was_open = false;
  while (session->state() == Session::State::kHandshaking || session->state() == Session::State::kOpen) {
    flush(*session, *socket, deadline);
    if (session->state() == Session::State::kOpen && !was_open) {
      was_open = true;
      deadline = std::min(deadline, Clock::now() + verdict_wait);
    }
    if (!plaintext.empty()) break;
    if (!socket->wait(POLLIN, deadline)) {
      if (was_open) break;
      return give_up("context deadline exceeded");
    }
    char buffer[16384];
    ssize_t count = ::recv(socket->fd(), buffer, sizeof buffer, 0);
    if (count > 0) {
      session->receive(BytesView(buffer, static_cast<size_t>(count)), plaintext);
    } else if (count == 0) {
      return give_up("");
    } else if (errno != EAGAIN && errno != EINTR) {
      return give_up(std::string("read tcp: ") + std::strerror(errno));
    }
  }
  if (session->failure() != nullptr) {
    flush(*session, *socket, deadline);
    return give_up("");
  }
  result.accepted = true;
  result.facts = session->facts();
  session->close();
  flush(*session, *socket, Clock::now() + std::chrono::milliseconds(100));
  return result;
}

}  // namespace selvage::tls
