// A call as a server's handler sees it.
//
// The call itself lives on its connection's loop and ends when its stream ends. A ServerCall is a handle to it that may
// outlive it: all functions are safe from any thread at any time, and do nothing once the call is over.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "rpc/metadata.h"
#include "rpc/peer.h"
#include "rpc/status.h"

namespace selvage::rpc {

// An interface so that tests of handlers can play the other side.
class ServerCall {
 public:
  virtual ~ServerCall() = default;

  [[nodiscard]] virtual const std::string& method() const = 0;  // "/protos.Endorser/ProcessProposal"
  [[nodiscard]] virtual const Peer& peer() const = 0;
  [[nodiscard]] virtual const Metadata& metadata() const = 0;
  // When the client stops waiting; nullopt: never. The layer itself ends the call then (DeadlineExceeded).
  [[nodiscard]] virtual std::optional<SteadyTime> deadline() const = 0;
  // The client cancelled, its deadline passed or the connection is gone.
  [[nodiscard]] virtual bool cancelled() const = 0;
  // For unary handlers that answer later (streams have StreamHandler::on_cancelled): runs once, when cancelled() becomes
  // true, on the loop: quick, no blocking. At once, within this call, when it is over already. May still run while reply()
  // is on its way; never after it. Kept until the call is over and let go on the loop; a second one takes the place of the
  // first.
  virtual void on_cancelled(std::function<void()> notice) = 0;

  // Initial metadata; goes out with the first message or the end. Later calls have no effect.
  virtual void add_header(std::string_view key, Bytes value) = 0;
  // Goes out with the status.
  virtual void add_trailer(std::string_view key, Bytes value) = 0;

  // Queues one message. Never blocks: whoever writes much looks at queued_bytes() and waits for on_writable().
  virtual void write(Bytes message) = 0;
  // Bytes written that HTTP/2 has not taken yet (the client's window is closed, or its connection slow).
  [[nodiscard]] virtual size_t queued_bytes() const = 0;
  // Ends the call after what was written. Once; later calls have no effect.
  virtual void finish(Status status) = 0;
  // write + finish(ok): the end of a unary call.
  virtual void reply(Bytes message) = 0;

  // Streams: no on_message() from now on, and the client's flow-control window stays closed, until resume(). A message
  // that is being delivered is not taken back. Handlers that hand messages to other threads bound them with these.
  virtual void pause() = 0;
  virtual void resume() = 0;

  // RFC 5705 / 8446 keying material of the connection (Fabric's BFT cluster authentication). kFailedPrecondition in
  // plaintext, kCancelled when the connection is gone. Waits for the loop unless called on it.
  [[nodiscard]] virtual Result<Bytes> export_keying_material(const std::string& label, const Bytes& context,
                                                             size_t length) = 0;
};

// A unary call's end is reply() or finish(), from any thread, within the call or later.
using UnaryHandler = std::function<void(std::shared_ptr<ServerCall> call, Bytes request)>;

// One stream's handler, called on the connection's loop: quick, no blocking. Destroyed on the loop when the stream is
// over. After call->finish() nothing is called any more.
class StreamHandler {
 public:
  virtual ~StreamHandler() = default;
  virtual void on_message(Bytes message) = 0;
  // The client has sent its last message. The call goes on until finish().
  virtual void on_half_close() = 0;
  // queued_bytes() fell below the low mark (64 KiB) after having been above the high mark (Settings::write_high_bytes).
  virtual void on_writable() {}
  // The client cancelled, the deadline passed or the connection is gone; nothing follows.
  virtual void on_cancelled(const Status& why) {}
};
using StreamFactory = std::function<std::unique_ptr<StreamHandler>(std::shared_ptr<ServerCall> call)>;

// A stream for a handler that has a thread of its own. read() and write() may run in two threads at once.
class BlockingStream {
 public:
  virtual ~BlockingStream() = default;
  [[nodiscard]] virtual ServerCall& call() = 0;
  // The next message; false at half-close, and when the call is over (call().cancelled() tells which).
  virtual bool read(Bytes* message) = 0;
  // Queues one message; waits while more than Settings::write_high_bytes are queued. False: the call is over.
  virtual bool write(Bytes message) = 0;
};
// What it returns ends the call.
using BlockingHandler = std::function<Status(BlockingStream& stream)>;

}  // namespace selvage::rpc
