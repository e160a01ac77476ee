// One streaming call as the client sees it: blocking (ClientStream) or with callbacks on the loop (ClientCall,
// ClientHandler). Made by rpc/channel.h.
#pragma once

#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "rpc/metadata.h"
#include "rpc/peer.h"
#include "rpc/status.h"

namespace selvage::rpc {

// All functions from any thread; read() in one thread and write() in another at once is fine.
class ClientStream {
 public:
  virtual ~ClientStream() = default;  // cancels unless the call is over

  // Waits while too much is queued (1 MiB). False: the call is over, finish() tells why.
  virtual bool write(Bytes message) = 0;
  virtual void half_close() = 0;  // no more messages from us
  // Waits for the next message; false: the call is over, finish() tells why.
  virtual bool read(Bytes* message) = 0;
  // The call's status. Discards unread messages and waits for the end; half-closes first.
  virtual Status finish() = 0;
  // The call ends with Cancelled, unless it is over; wakes readers and writers.
  virtual void cancel() = 0;

  // After a first read(); null before the connection is up. Lives as long as the stream.
  [[nodiscard]] virtual const Peer* peer() const = 0;
  [[nodiscard]] virtual Metadata headers() const = 0;   // complete once read() returned
  [[nodiscard]] virtual Metadata trailers() const = 0;  // complete once finish() returned
  // As ServerCall's. Waits until the call has a connection.
  [[nodiscard]] virtual Result<Bytes> export_keying_material(const std::string& label, const Bytes& context,
                                                             size_t length) = 0;
};

// Callbacks of one call, on the connection's loop: quick, no blocking. Destroyed after on_end().
class ClientHandler {
 public:
  virtual ~ClientHandler() = default;
  virtual void on_headers(const Metadata& headers) {}
  virtual void on_message(Bytes message) = 0;
  virtual void on_writable() {}  // as StreamHandler's
  // Exactly once, and last.
  virtual void on_end(const Status& status, const Metadata& trailers) = 0;
};

// A handle to a call; safe from any thread, outlives the call. Dropping it does not cancel.
class ClientCall {
 public:
  virtual ~ClientCall() = default;
  virtual void write(Bytes message) = 0;
  [[nodiscard]] virtual size_t queued_bytes() const = 0;
  virtual void half_close() = 0;
  virtual void cancel() = 0;
  virtual void pause() = 0;  // as ServerCall's
  virtual void resume() = 0;
  // Null until the call has a connection.
  [[nodiscard]] virtual std::shared_ptr<const Peer> peer() const = 0;
  [[nodiscard]] virtual Result<Bytes> export_keying_material(const std::string& label, const Bytes& context,
                                                             size_t length) = 0;
};

}  // namespace selvage::rpc
