// A connected socket on an event loop, in plaintext or with a tls::Session on it: bytes in, bytes out, an orderly end.
//
// Loop's thread only. One recv and one send a turn; output that does not fit waits here. It keeps itself alive while its
// descriptor is open, so that a closing connection can deliver its last alert after its owner is gone.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "os/event_loop.h"

namespace selvage::tls {
class Session;
}

namespace selvage::rpc {

class Transport : public std::enable_shared_from_this<Transport> {
 public:
  // Callbacks may close() or abort() the transport, but not destroy the owner before the turn's end.
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void on_open() = 0;                    // the handshake is done, or there is none
    virtual void on_bytes(BytesView plaintext) = 0;
    virtual void on_room() = 0;                    // pending_bytes() is low again after has_room() was false
    // The connection is gone, by the other side's doing or its failure; once, not after close() or abort(). Empty: a clean
    // end. Go's words otherwise ("read tcp A->B: read: connection reset by peer").
    virtual void on_closed(const std::string& why) = 0;
  };

  // Takes over the connected, non-blocking `fd`. `tls` null: plaintext. `keep` lives until the descriptor is closed.
  Transport(os::EventLoop& loop, int fd, std::unique_ptr<tls::Session> tls, Owner* owner, std::shared_ptr<void> keep = {});
  ~Transport();

  // Who is asked from now on; within a callback of the one before, too.
  void set_owner(Owner* owner) { owner_ = owner; }

  // Registers with the loop; a TLS client sends its first flight.
  void start();

  // Plaintext for the next flush() is appended here.
  [[nodiscard]] Bytes& out() { return out_; }
  void flush();
  [[nodiscard]] bool has_room() const { return pending_bytes() < kHighBytes; }
  [[nodiscard]] size_t pending_bytes() const;

  // No more callbacks from here on. Sends what is waiting, says goodbye, shuts down the write side, reads and discards for
  // up to a second so that the other side gets to read our last words, closes.
  void close();
  // No more callbacks; closes now.
  void abort();

  [[nodiscard]] tls::Session* tls() { return tls_.get(); }
  [[nodiscard]] bool open() const { return open_; }
  [[nodiscard]] bool closed() const { return owner_ == nullptr; }
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] os::EventLoop& loop() { return loop_; }

 private:
  static constexpr size_t kHighBytes = 256u << 10;
  static constexpr size_t kLowBytes = 64u << 10;
  void on_event(uint32_t events);
  void read();
  void discard();
  void received(BytesView bytes);
  void fail(const std::string& why);
  // False once the connection is gone.
  bool write();
  void update_interest();
  void drop();

  os::EventLoop& loop_;
  int fd_;
  std::unique_ptr<tls::Session> tls_;
  Owner* owner_;
  std::shared_ptr<void> keep_;
  Bytes out_;              // plaintext; in TLS only until flush()
  size_t out_sent_ = 0;    // of out_, without TLS
  uint32_t interest_ = 0;
  bool open_ = false;
  bool was_full_ = false;
  bool closing_ = false;   // close() was called: flush, then linger
  bool lingering_ = false; // our side is shut down
  os::EventLoop::TimerId linger_timer_ = 0;
};

// "127.0.0.1:7051", "[::1]:7051"; empty when the descriptor has none.
[[nodiscard]] std::string remote_address(int fd);
[[nodiscard]] std::string local_address(int fd);

}  // namespace selvage::rpc
