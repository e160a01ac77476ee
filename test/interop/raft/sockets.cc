#include "sockets.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace selvage::test {
namespace {

constexpr size_t kWaitingMax = 64u << 20;

sockaddr_in loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

void must(bool fine, const char* what) {
  if (fine) return;
  std::perror(what);
  std::exit(2);
}

}  // namespace

Sockets::Sockets() {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof(address);
  must(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0, "bind");
  must(::listen(listener_, 64) == 0, "listen");
  must(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0, "getsockname");
  port_ = ntohs(address.sin_port);
}

Sockets::~Sockets() {
  ::close(listener_);
  for (const Incoming& connection : incoming_) ::close(connection.fd);
  for (const auto& [id, peer] : peers_) {
    if (peer.fd >= 0) ::close(peer.fd);
  }
}

void Sockets::set_peer(uint64_t id, uint16_t port) {
  Outgoing& peer = peers_[id];
  if (peer.fd >= 0) ::close(peer.fd);
  peer = {port, -1, {}};
}

bool Sockets::send(uint64_t id, const std::string& message) {
  const auto found = peers_.find(id);
  if (found == peers_.end()) return false;
  Outgoing& peer = found->second;
  if (peer.fd < 0) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(peer.port);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
      ::close(fd);
      return false;
    }
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    ::fcntl(fd, F_SETFL, O_NONBLOCK);
    peer.fd = fd;
  }
  if (peer.waiting.size() > kWaitingMax) return false;
  for (int shift = 24; shift >= 0; shift -= 8) peer.waiting.push_back(static_cast<char>(message.size() >> shift));
  peer.waiting += message;
  flush(peer);
  return peer.fd >= 0;
}

void Sockets::flush(Outgoing& peer) {
  while (peer.fd >= 0 && !peer.waiting.empty()) {
    const ssize_t sent = ::send(peer.fd, peer.waiting.data(), peer.waiting.size(), MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (sent < 0) {
      ::close(peer.fd);
      peer = {peer.port, -1, {}};
      return;
    }
    peer.waiting.erase(0, static_cast<size_t>(sent));
  }
}

bool Sockets::read_some(int fd, std::string& bytes) {
  char buffer[65536];
  const ssize_t got = ::read(fd, buffer, sizeof(buffer));
  if (got > 0) bytes.append(buffer, static_cast<size_t>(got));
  return got > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN));
}

bool Sockets::turn(const std::function<void(std::string)>& on_frame,
                   const std::function<void(const std::string&)>& on_line) {
  std::vector<pollfd> fds = {{STDIN_FILENO, POLLIN, 0}, {listener_, POLLIN, 0}};
  for (const Incoming& connection : incoming_) fds.push_back({connection.fd, POLLIN, 0});
  for (const auto& [id, peer] : peers_) {
    if (peer.fd >= 0 && !peer.waiting.empty()) fds.push_back({peer.fd, POLLOUT, 0});
  }
  if (::poll(fds.data(), fds.size(), -1) < 0) return errno == EINTR;
  for (auto& [id, peer] : peers_) flush(peer);
  for (size_t i = 0; i < incoming_.size(); ++i) {
    if (fds[2 + i].revents == 0) continue;
    std::string& bytes = incoming_[i].bytes;
    const bool open = read_some(incoming_[i].fd, bytes);
    size_t at = 0;
    while (bytes.size() - at >= 4) {
      size_t length = 0;
      for (size_t k = 0; k < 4; ++k) length = length << 8 | static_cast<unsigned char>(bytes[at + k]);
      if (bytes.size() - at - 4 < length) break;
      on_frame(bytes.substr(at + 4, length));
      at += 4 + length;
    }
    bytes.erase(0, at);
    if (!open) {
      ::close(incoming_[i].fd);
      incoming_[i].fd = -1;
    }
  }
  std::erase_if(incoming_, [](const Incoming& connection) { return connection.fd < 0; });
  if (fds[1].revents != 0) {
    if (const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC); fd >= 0) incoming_.push_back({fd, {}});
  }
  if (fds[0].revents != 0) {
    if (!read_some(STDIN_FILENO, lines_)) return false;
    size_t end;
    while ((end = lines_.find('\n')) != std::string::npos) {
      const std::string line = lines_.substr(0, end);
      lines_.erase(0, end + 1);
      on_line(line);
    }
  }
  return true;
}

}  // namespace selvage::test
