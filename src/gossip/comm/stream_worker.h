// One gossip stream, whichever end opened it, between its connection's loop and gossip's thread.
//
// What comes is handed to gossip's thread in order and bounded: with Settings::receive_queue messages on their way the
// stream is paused, and HTTP/2 holds the other end back.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "gossip/comm/handshake.h"
#include "rpc/call.h"
#include "rpc/channel.h"

namespace selvage::gossip {

// The rpc end of a stream. Any thread; does nothing once the stream is over.
class Wire {
 public:
  virtual ~Wire() = default;
  virtual void write(Bytes envelope) = 0;
  [[nodiscard]] virtual size_t queued_bytes() const = 0;
  virtual void close(rpc::Status status) = 0;  // for servers: what the other end is told
  virtual void pause() = 0;
  virtual void resume() = 0;
  [[nodiscard]] virtual TlsFacts tls() const = 0;
};

class Stream;
using StreamPtr = std::shared_ptr<Stream>;

// Where a stream's events go; called on loops. Shared by all streams: one that ends late must still be able to say so.
class StreamEvents {
 public:
  virtual ~StreamEvents() = default;
  virtual void came(const StreamPtr& stream, Bytes envelope) = 0;
  virtual void ended(const StreamPtr& stream, const rpc::Status& why) = 0;
};

class Stream : public std::enable_shared_from_this<Stream> {
 public:
  Stream(bool incoming, std::string address, size_t queue) : incoming(incoming), address(std::move(address)), queue_(queue) {}

  const bool incoming;
  const std::string address;

  // Gossip's thread only.
  SenderPtr sender;          // null: the handshake is not done
  SteadyTime since;          // opened, then established
  bool closed = false;

  // On the loop.
  void came(StreamEvents& events, Bytes envelope);
  // Gossip's thread: one message less is on its way.
  void done();

  std::unique_ptr<Wire> wire;  // set before anything else happens

 private:
  const size_t queue_;
  std::atomic<size_t> on_their_way_ = 0;
  std::atomic<bool> paused_ = false;
};

}  // namespace selvage::gossip
