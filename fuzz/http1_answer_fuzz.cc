// What a server, or what sits in its place, answers to our HTTP client (osnadmin, doctor, trust).
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <thread>

#include "http/client.h"
#include "input.h"

namespace {

using namespace selvage;

// Takes one connection, says its piece whatever it is asked, and leaves once the client has.
void serve(int listener, BytesView answer) {
  const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd < 0) std::abort();
  char buffer[4096];
  if (::recv(fd, buffer, sizeof buffer, 0) > 0) {
    (void)!::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL);
    ::shutdown(fd, SHUT_WR);
    while (::recv(fd, buffer, sizeof buffer, 0) > 0) {
    }
  }
  ::close(fd);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  static uint16_t port = 0;
  static const int listener = [] {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    if (::bind(fd, reinterpret_cast<sockaddr*>(&address), length) != 0 || ::listen(fd, 1) != 0 ||
        ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
      std::abort();
    }
    port = ntohs(address.sin_port);
    return fd;
  }();
  std::thread server(serve, listener, fuzz::view_of(bytes, size));
  http::ClientRequest request;
  request.url = "http://127.0.0.1:" + std::to_string(port) + "/participation/v1/channels";
  request.response_bytes_max = 1 << 16;
  const auto answer = http::fetch(request);
  server.join();
  if (answer && answer->body.size() > request.response_bytes_max) std::abort();
  // The address is text of an operator.
  request.url = Bytes(fuzz::view_of(bytes, std::min<size_t>(size, 100)));
  if (request.url.find("://") == std::string::npos) (void)http::fetch(request).has_value();
  return 0;
}
