// A server's end of one connection: handshake, HTTP/2, protection against floods, the orderly end. Loop's thread only.
#pragma once

#include <memory>
#include <string>

#include "rpc/http2/connection.h"
#include "rpc/peer.h"
#include "rpc/serving/server_state.h"

namespace selvage::rpc {

// How much of something a client may cause in a while: a bucket that fills again.
class Allowance {
 public:
  Allowance(double most, double a_second) : most_(most), a_second_(a_second), left_(most) {}
  // False: the client is over it.
  bool take(SteadyTime now) {
    if (last_ != SteadyTime{}) left_ = std::min(most_, left_ + a_second_ * std::chrono::duration<double>(now - last_).count());
    last_ = now;
    return --left_ >= 0;
  }

 private:
  double most_, a_second_, left_;
  SteadyTime last_{};
};

class ServerConnection final : public Connection {
 public:
  ServerConnection(os::EventLoop& loop, std::shared_ptr<ServerState> state, ServerState::PerLoop& home);

  // On a transport that is open; `accepted`: when the connection was.
  void start(std::shared_ptr<Transport> transport, std::shared_ptr<const Peer> peer, SteadyTime accepted);
  // Two steps, so that calls that the client has just sent are still served: announce, and after a round trip refuse new
  // ones; closes when the last call is over.
  void drain();
  void cut(const std::string& why);

  [[nodiscard]] ServerState& state() { return *state_; }
  [[nodiscard]] const std::shared_ptr<const Peer>& peer() const { return peer_; }
  [[nodiscard]] Result<Bytes> export_key(const std::string& label, const Bytes& context, size_t length);

 protected:
  std::shared_ptr<Stream> begin_stream(int32_t id) override;
  void on_frame(uint8_t type, uint8_t flags, int32_t stream_id, size_t payload_bytes) override;
  void on_settings() override;
  void on_ping(const uint8_t* payload) override;
  void on_ping_ack(const uint8_t* payload) override;
  void on_reset_sent(uint32_t error) override;
  void on_payload_sent() override { ping_strikes_ = 0; pings_forgiven_ = true; }
  void on_stream_gone() override;
  void on_end(const std::string& why) override;
  void body_done(Stream& stream) override;

  void on_open() override {}  // before it came here

 private:
  static Options options(const ServerSettings& settings);
  void finish_drain();
  void close_if_drained();

  std::shared_ptr<ServerState> state_;
  ServerState::PerLoop& home_;
  std::shared_ptr<const Peer> peer_;
  os::EventLoop::TimerId handshake_timer_ = 0;
  bool up_ = false;       // the client's SETTINGS came
  bool draining_ = false;
  bool last_stream_told_ = false;
  os::EventLoop::TimerId drain_timer_ = 0;

  SteadyTime last_ping_{};
  int ping_strikes_ = 0;
  bool pings_forgiven_ = true;
  // nghttp2 counts resets, settings, continuations and acks that wait; these it does not count.
  Allowance resets_provoked_{1000, 100};
  Allowance empty_data_{1000, 100};
  Allowance settings_{100, 5};
  Allowance pings_{10000, 1000};
};

}  // namespace selvage::rpc
