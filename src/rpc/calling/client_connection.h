// A client's end of one connection. It counts as up when the server's first SETTINGS came: in TLS 1.3 our handshake ends
// before the server has judged our certificate. Loop's thread only.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "rpc/http2/connection.h"
#include "rpc/peer.h"

namespace selvage::tls {
class Session;
struct Diagnosis;
}

namespace selvage::rpc {

class OutgoingCall;

class ClientConnection final : public Connection {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void on_up(ClientConnection& connection) = 0;
    // No new calls on this one, please; those on the way go on. `too_many_pings`: our keepalive annoys the server.
    virtual void on_goaway(ClientConnection& connection, bool too_many_pings) = 0;
    virtual void on_down(ClientConnection& connection, const std::string& why) = 0;
    virtual void on_call_gone(ClientConnection& connection) = 0;
  };

  // `owner` lives until on_down() or forget().
  ClientConnection(os::EventLoop& loop, Options options, Owner* owner);
  void start(int fd, std::unique_ptr<tls::Session> session, const std::string& address);
  void forget() { owner_ = nullptr; }

  [[nodiscard]] bool submit(const std::shared_ptr<OutgoingCall>& call, const std::vector<Header>& headers);
  [[nodiscard]] bool up() const { return up_; }
  [[nodiscard]] bool takes_calls() const { return up_ && !goaway_ && !ended(); }
  [[nodiscard]] const std::shared_ptr<const Peer>& peer() const { return peer_; }
  [[nodiscard]] const std::string& end_text() const { return end_text_; }
  [[nodiscard]] bool handshake_done() const { return opened_; }
  // Null unless TLS failed.
  [[nodiscard]] std::shared_ptr<const tls::Diagnosis> diagnosis();
  [[nodiscard]] Result<Bytes> export_key(const std::string& label, const Bytes& context, size_t length);

 protected:
  void on_settings() override;
  void on_goaway(int32_t last_stream_id, uint32_t error, BytesView text) override;
  void on_stream_gone() override;
  void on_end(const std::string& why) override;
  void on_open() override;
  void on_closed(const std::string& why) override;

 private:
  void log_failure();

  Owner* owner_;
  std::shared_ptr<Peer> facts_ = std::make_shared<Peer>();
  std::shared_ptr<const Peer> peer_ = facts_;
  bool opened_ = false;
  bool up_ = false;
  bool goaway_ = false;
  std::string end_text_;
};

}  // namespace selvage::rpc
