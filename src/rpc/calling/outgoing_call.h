// One call on the client's side: waits for a connection, runs on it, may be sent again when a server refused it untouched.
// Loop's thread only; OutgoingHandle brings the wishes of other threads to it.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "os/event_loop.h"
#include "rpc/client_stream.h"
#include "rpc/http2/loop_handle.h"
#include "rpc/http2/stream.h"

namespace selvage::rpc {

class ClientConnection;
class OutgoingHandle;

class OutgoingCall final : public Stream {
 public:
  struct Facts {
    std::string method;
    Metadata metadata;
    std::optional<SteadyTime> deadline;
    bool wait_for_ready = false;
    bool gzip = false;
    size_t receive_bytes_max = 0;
    size_t send_bytes_max = 0;
  };
  // What the channel does for its calls.
  class Home {
   public:
    virtual ~Home() = default;
    virtual void send_again(const std::shared_ptr<OutgoingCall>& call) = 0;  // as a new call
    virtual void call_over(OutgoingCall& call) = 0;                          // drop it from every list
    [[nodiscard]] virtual std::string why_waiting() const = 0;               // the last connection error, for a deadline
  };

  OutgoingCall(os::EventLoop& loop, Home* home, Facts facts, std::unique_ptr<ClientHandler> handler);
  ~OutgoingCall() override;

  void begin();  // arms the deadline
  // Sends the request's headers and what is queued. False: the connection cannot take it.
  bool start_on(const std::shared_ptr<ClientConnection>& connection, const std::string& scheme, const std::string& authority,
                const std::string& user_agent);
  void write(Bytes message, bool compressed = false);
  void half_close();
  // Ends the call with this status, now; tells the server unless it is over there.
  void end(Status status);
  void cancel() { end({Code::kCancelled, "context canceled"}); }
  [[nodiscard]] Result<Bytes> export_key(const std::string& label, const Bytes& context, size_t length);

  [[nodiscard]] const Facts& facts() const { return facts_; }
  [[nodiscard]] bool over() const { return over_; }
  std::weak_ptr<OutgoingHandle> handle;

  void on_header(std::string_view name, std::string_view value) override;
  void on_headers_end(bool end_stream) override;
  void on_stream_closed(uint32_t error) override;
  void on_taken(size_t bytes) override;

 protected:
  void on_message(Bytes message) override;
  void on_remote_end() override;
  void on_bad_message(const Status& why) override { end(why); }

 private:
  void complete(Status status);
  [[nodiscard]] Status final_status() const;

  os::EventLoop& loop_;
  Home* home_;
  Facts facts_;
  std::unique_ptr<ClientHandler> handler_;
  std::shared_ptr<OutgoingCall> self_;  // lives until it is over, whoever holds it
  os::EventLoop::TimerId deadline_timer_ = 0;
  std::weak_ptr<ClientConnection> on_;
  int attempts_ = 0;
  bool over_ = false;
  bool headers_seen_ = false;
  bool trailers_seen_ = false;
  std::optional<uint32_t> closed_;  // HTTP/2's error, once the stream is gone
  Metadata block_, headers_, trailers_;
  std::string http_status_, content_type_, status_text_, message_text_, details_;
};

// One wish of a caller.
struct OutgoingOp {
  enum Kind { kWrite, kHalfClose, kCancel, kPause, kResume } kind;
  Bytes bytes;
  bool compressed = false;
};

// What the application holds; see rpc/client_stream.h.
class OutgoingHandle final : public ClientCall, public LoopHandle<OutgoingHandle, OutgoingCall, OutgoingOp> {
 public:
  OutgoingHandle(os::EventLoop& loop, const std::shared_ptr<OutgoingCall>& call)
      : LoopHandle(loop, call), queued_(call->queued), gzip_(call->facts().gzip) {}

  void write(Bytes message) override;
  size_t queued_bytes() const override { return queued_->load(); }
  void half_close() override { apply({OutgoingOp::kHalfClose, {}}); }
  void cancel() override { apply({OutgoingOp::kCancel, {}}); }
  void pause() override { apply({OutgoingOp::kPause, {}}); }
  void resume() override { apply({OutgoingOp::kResume, {}}); }
  std::shared_ptr<const Peer> peer() const override;
  Result<Bytes> export_keying_material(const std::string& label, const Bytes& context, size_t length) override;

  // By the call, on the loop.
  void set_peer(std::shared_ptr<const Peer> peer);
  void end();
  bool take_was_high() { return was_high_.exchange(false); }

 private:
  friend LoopHandle;
  bool admit(const OutgoingOp& op);
  static void run(OutgoingCall& call, OutgoingOp& op);

  std::shared_ptr<std::atomic<size_t>> queued_;
  const bool gzip_;
  std::atomic<bool> was_high_{false};
  std::shared_ptr<const Peer> peer_;  // under mutex_
};

// More than this queued on a call: writers should wait for on_writable().
inline constexpr size_t kClientWriteHighBytes = 1u << 20;

}  // namespace selvage::rpc
