// Two ends of a connection on one loop and one thread, for fuzz targets of rpc/: one end is ours, the other sends the input.
#pragma once

#include <sys/socket.h>

#include <memory>
#include <string>

#include "base/log.h"
#include "kit/handshakes.h"
#include "os/event_loop.h"
#include "rpc/http2/transport.h"
#include "tls/context.h"

namespace selvage::fuzz {

// Sends its bytes once it may, listens no more, and leaves.
class Stranger final : public rpc::Transport::Owner {
 public:
  Stranger(os::EventLoop& loop, int fd, std::unique_ptr<tls::Session> session, BytesView bytes, std::shared_ptr<void> keep)
      : bytes_(bytes), transport_(std::make_shared<rpc::Transport>(loop, fd, std::move(session), this, std::move(keep))) {}
  void start() { transport_->start(); }
  void on_open() override {
    transport_->out().append(bytes_);
    transport_->close();
  }
  void on_bytes(BytesView) override {}
  void on_room() override {}
  void on_closed(const std::string&) override {}

 private:
  BytesView bytes_;
  std::shared_ptr<rpc::Transport> transport_;
};

// One conversation: `begin(fd, keep)` starts our end; returns when both ends have let go of `keep`.
template <class Begin>
void converse(os::EventLoop& loop, std::unique_ptr<tls::Session> session, BytesView bytes, Begin begin) {
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0) __builtin_trap();
  std::shared_ptr<void> keep(nullptr, [&loop](void*) { loop.stop(); });
  Stranger stranger(loop, fds[1], std::move(session), bytes, keep);
  loop.post([&, keep = std::move(keep)]() mutable {
    begin(fds[0], std::move(keep));
    stranger.start();
  });
  loop.run();
}

struct Contexts {
  test::Authority ca{"tlsca.org1"};
  std::shared_ptr<test::StillClock> clock = std::make_shared<test::StillClock>();
  std::shared_ptr<tls::ServerContext> server = std::make_shared<tls::ServerContext>(
      test::credentials(ca.server("peer0", {"localhost"})), test::trust({ca.certificate()}), tls::ServerPolicy(), clock);
  std::shared_ptr<tls::ClientContext> client = std::make_shared<tls::ClientContext>(
      test::credentials(ca.client("app1"), "client"), test::trust({ca.certificate()}), tls::ClientPolicy(), clock);
};

inline Contexts& contexts() {
  static auto* all = [] {
    (void)log::set_spec("fatal");
    return new Contexts;
  }();
  return *all;
}

}  // namespace selvage::fuzz
