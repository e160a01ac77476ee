// A client whose certificate was refused, in explain mode: its handshake ended well only so that it can be told why.
//
// There is nothing here to serve with: no method table, no handlers, no health service, no Peer. Every call is answered
// UNAUTHENTICATED with one sentence, which holds the client's own certificate and the issuers that the handshake listed to
// it anyway; then GOAWAY, and the end. It may send 16 KiB and stay two seconds; its TLS session is never resumed.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "rpc/http2/connection.h"

namespace selvage::rpc {

// Loop's thread only.
class RefusedConnection final : public Connection {
 public:
  using Gone = std::function<void(const std::shared_ptr<RefusedConnection>&)>;
  // `permit` is held until the end; `gone` is called at the end, after this turn's callbacks.
  RefusedConnection(os::EventLoop& loop, std::shared_ptr<Transport> transport, std::string sentence,
                    std::shared_ptr<void> permit, Gone gone);
  ~RefusedConnection() override;
  void start();
  void cut();

  // A stream of it has heard the client's first bytes, or its end, and may be answered.
  void answer(Stream& stream);

 protected:
  std::shared_ptr<Stream> begin_stream(int32_t id) override;
  void on_frame(uint8_t type, uint8_t flags, int32_t stream_id, size_t payload_bytes) override;
  void on_open() override {}
  void on_bytes(BytesView plaintext) override;
  void on_end(const std::string& why) override;
  void on_stream_gone() override;

 private:
  const std::string sentence_;
  std::shared_ptr<void> permit_;
  Gone gone_;
  size_t received_ = 0;
  int frames_ = 0;
  bool said_goodbye_ = false;
  os::EventLoop::TimerId end_timer_ = 0;
  os::EventLoop::TimerId silent_timer_ = 0;
};

}  // namespace selvage::rpc
