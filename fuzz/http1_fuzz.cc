// The HTTPS server of operations and channel participation, and whatever a stranger sends it.
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "http/connection.h"
#include "os/event_loop.h"
#include "tls/session.h"

namespace {

using namespace selvage;

class Site final : public http::Connection::Owner {
 public:
  explicit Site(os::EventLoop& loop) : loop_(loop) {}
  void on_request(std::shared_ptr<http::Connection> connection, http::Request request) override {
    connection->answer(http::Response::text(200, request.method + request.body, "text/plain"));
  }
  void on_refused(tls::Session&, const std::string&) override {}
  void on_gone(http::Connection*) override {
    loop_.post([this] {
      current.reset();
      loop_.stop();
    });
  }
  std::shared_ptr<http::Connection> current;

 private:
  os::EventLoop& loop_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  static const bool quiet = log::set_spec("fatal").has_value();
  (void)quiet;
  if (size > 60000) return 0;  // what a socket takes at once
  static auto& loop = *new os::EventLoop;
  static auto& settings = *new http::ServerSettings{.header_bytes_max = 4096, .body_bytes_max = 8192};
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0) __builtin_trap();
  if (::send(fds[1], bytes, size, 0) != static_cast<ssize_t>(size)) __builtin_trap();
  ::shutdown(fds[1], SHUT_WR);
  Site site(loop);
  site.current = std::make_shared<http::Connection>(loop, fds[0], "10.0.0.7:1234", nullptr, settings, &site);
  loop.post([&] { site.current->start(); });
  // The other side reads what comes, and leaves with it.
  auto watched = loop.watch(fds[1], os::EventLoop::kRead, [&](uint32_t) {
    char buffer[4096];
    if (::recv(fds[1], buffer, sizeof buffer, 0) == 0) loop.unwatch(fds[1]), ::shutdown(fds[1], SHUT_RD);
  });
  if (!watched) __builtin_trap();
  loop.run();
  loop.unwatch(fds[1]);
  ::close(fds[1]);
  return 0;
}
