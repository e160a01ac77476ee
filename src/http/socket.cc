#include "http/socket.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace selvage::http {
namespace {

// strerror without its capital: Go's "connection refused".
std::string reason(int error) {
  std::string text = std::strerror(error);
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] + 32);
  return text;
}

struct Addresses {
  std::unique_ptr<addrinfo, void (*)(addrinfo*)> first{nullptr, ::freeaddrinfo};
  int error = 0;
};

Addresses resolve(const std::string& host, const std::string& port, bool passive) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = passive ? AI_PASSIVE : 0;
  addrinfo* list = nullptr;
  Addresses found;
  found.error = ::getaddrinfo(host.empty() ? nullptr : host.c_str(), port.c_str(), &wanted, &list);
  found.first.reset(list);
  return found;
}

std::string text_of(const addrinfo& at) {
  sockaddr_storage storage{};
  std::memcpy(&storage, at.ai_addr, at.ai_addrlen);
  return address_text(storage);
}

Result<std::pair<std::string, std::string>> split(const std::string& address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos) {
    return fail(Code::kInvalidArgument, "address " + address + ": missing port in address", "", "write it as host:port");
  }
  std::string host = address.substr(0, colon);
  if (host.size() > 1 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  return std::pair(host, address.substr(colon + 1));
}

}  // namespace

std::string address_text(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET) {
    const auto& four = reinterpret_cast<const sockaddr_in&>(address);
    ::inet_ntop(AF_INET, &four.sin_addr, text, sizeof text);
    return std::string(text) + ":" + std::to_string(ntohs(four.sin_port));
  }
  if (address.ss_family != AF_INET6) return "";
  const auto& six = reinterpret_cast<const sockaddr_in6&>(address);
  const std::string port = std::to_string(ntohs(six.sin6_port));
  if (IN6_IS_ADDR_V4MAPPED(&six.sin6_addr)) {  // as Go prints them
    ::inet_ntop(AF_INET, six.sin6_addr.s6_addr + 12, text, sizeof text);
    return std::string(text) + ":" + port;
  }
  ::inet_ntop(AF_INET6, &six.sin6_addr, text, sizeof text);
  return "[" + std::string(text) + "]:" + port;
}

std::string local_address(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  return ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0 ? address_text(address) : "";
}

Result<int> listen_on(const std::string& address) {
  SELVAGE_TRY(const auto parts, split(address));
  const auto& [host, port] = parts;
  const Addresses found = resolve(host == "0.0.0.0" ? "" : host, port, true);
  if (!found.first) {
    return fail(Code::kInvalidArgument, "listen tcp: lookup " + host + ": " + ::gai_strerror(found.error), "",
                "give the listener an address of this machine");
  }
  // An IPv6 socket takes IPv4 too; it comes first when all addresses are meant.
  const addrinfo* chosen = found.first.get();
  for (const addrinfo* at = chosen; host.empty() && at != nullptr; at = at->ai_next) {
    if (at->ai_family == AF_INET6) chosen = at;
  }
  std::string failed;
  int error = 0;
  for (const addrinfo* at = chosen; at != nullptr; at = at->ai_next) {
    const int fd = ::socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
      error = errno;
      failed = "socket";
      continue;
    }
    const int on = 1;
    const int off = 0;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (at->ai_family == AF_INET6) ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    failed = "bind";
    if (::bind(fd, at->ai_addr, at->ai_addrlen) == 0) {
      failed = "listen";
      if (::listen(fd, 1024) == 0) return fd;
    }
    error = errno;
    ::close(fd);
  }
  return fail(Code::kUnavailable, "listen tcp " + address + ": " + failed + ": " + reason(error), "",
              error == EADDRINUSE ? "stop the program that listens there, or choose another port" : "");
}

Result<int> dial(const std::string& host, const std::string& port, std::chrono::steady_clock::time_point deadline) {
  const Addresses found = resolve(host, port, false);
  if (!found.first) return fail(Code::kUnavailable, "dial tcp: lookup " + host + ": no such host", ::gai_strerror(found.error));
  Error last{Code::kUnavailable, "dial tcp: no address", "", ""};
  for (const addrinfo* at = found.first.get(); at != nullptr; at = at->ai_next) {
    const std::string where = "dial tcp " + text_of(*at) + ": ";
    const int fd = ::socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
      last.message = where + "socket: " + reason(errno);
      continue;
    }
    int error = ::connect(fd, at->ai_addr, at->ai_addrlen) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
      pollfd waiting{fd, POLLOUT, 0};
      int ready = -1;
      do {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
        ready = ::poll(&waiting, 1, static_cast<int>(std::max<int64_t>(left, 0)));
      } while (ready < 0 && errno == EINTR);
      socklen_t size = sizeof error;
      if (ready == 0) error = ETIMEDOUT;
      else ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    }
    if (error == 0) {
      const int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      return fd;
    }
    ::close(fd);
    last.code = error == ETIMEDOUT ? Code::kDeadlineExceeded : Code::kUnavailable;
    last.message = where + (error == ETIMEDOUT ? "i/o timeout" : "connect: " + reason(error));
  }
  return fail(last);
}

}  // namespace selvage::http
