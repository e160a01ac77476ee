// A connection that was accepted and has not proved anything yet: the TLS handshake, bounded in time, number and memory.
//
// At its end it becomes a ServerConnection, which serves; or, in explain mode, a RefusedConnection, which has nothing to
// serve with; or it fails, is told so by an alert and logged. Loop's thread only.
#pragma once

#include <list>
#include <memory>
#include <string>

#include "rpc/http2/transport.h"
#include "rpc/peer.h"
#include "rpc/serving/server_state.h"

namespace selvage::rpc {

class PendingConnection final : public Transport::Owner, public std::enable_shared_from_this<PendingConnection> {
 public:
  PendingConnection(os::EventLoop& loop, std::shared_ptr<ServerState> state, ServerState::PerLoop& home);

  // `keep` lives until the descriptor is closed, `slot` until the handshake is over.
  void start(int fd, std::shared_ptr<void> keep, std::shared_ptr<void> slot);
  // Gone at once, without a word: it is the oldest of too many, or the server stops.
  void drop();

 private:
  void on_open() override;
  void on_bytes(BytesView) override {}  // not before on_open(), and then its successor is asked
  void on_room() override {}
  void on_closed(const std::string& why) override;
  void timed_out();
  // No more of this; true once.
  bool leave();

  os::EventLoop& loop_;
  std::shared_ptr<ServerState> state_;
  ServerState::PerLoop& home_;
  std::shared_ptr<Transport> transport_;
  std::shared_ptr<void> slot_;
  std::shared_ptr<Peer> peer_;
  SteadyTime accepted_{};
  os::EventLoop::TimerId timer_ = 0;
  bool left_ = false;
  std::list<std::shared_ptr<PendingConnection>>::iterator place_;
};

}  // namespace selvage::rpc
