// The handle that handlers hold of a call; see rpc/call.h. Collects what other threads ask for and brings it to the loop.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "os/event_loop.h"
#include "rpc/call.h"
#include "rpc/http2/loop_handle.h"

namespace selvage::rpc {

class ServerStream;

// One wish of a handler.
struct CallOp {
  enum Kind { kHeader, kTrailer, kWrite, kFinish, kPause, kResume } kind;
  std::string key;
  Bytes bytes;
  Status status;
  bool compressed = false;
};

class CallHandle final : public ServerCall, public LoopHandle<CallHandle, ServerStream, CallOp> {
 public:
  struct Facts {
    std::string method;
    std::shared_ptr<const Peer> peer;
    Metadata metadata;
    std::optional<SteadyTime> deadline;
    size_t write_high_bytes = 0;
    std::shared_ptr<std::atomic<size_t>> queued;
    std::shared_ptr<void> token;  // of the service's limit
    bool gzip = false;            // answers go out compressed
  };
  CallHandle(os::EventLoop& loop, std::weak_ptr<ServerStream> stream, Facts facts);
  // A handler that forgot the call ends it with Unknown.
  ~CallHandle() override;

  const std::string& method() const override { return facts_.method; }
  const Peer& peer() const override { return *facts_.peer; }
  const Metadata& metadata() const override { return facts_.metadata; }
  std::optional<SteadyTime> deadline() const override { return facts_.deadline; }
  bool cancelled() const override { return cancelled_.load(); }
  void on_cancelled(std::function<void()> notice) override;
  void add_header(std::string_view key, Bytes value) override;
  void add_trailer(std::string_view key, Bytes value) override;
  void write(Bytes message) override;
  size_t queued_bytes() const override { return facts_.queued->load(); }
  void finish(Status status) override;
  void reply(Bytes message) override;
  void pause() override;
  void resume() override;
  Result<Bytes> export_keying_material(const std::string& label, const Bytes& context, size_t length) override;

  // By the stream, on the loop: nothing will be taken any more.
  void end(bool cancelled);
  // True once after the queue had been above the high mark.
  bool take_was_high() { return was_high_.exchange(false); }

 private:
  friend LoopHandle;
  bool admit(const CallOp& op);
  static void run(ServerStream& stream, CallOp& op);

  Facts facts_;
  std::atomic<bool> cancelled_{false};
  std::atomic<bool> was_high_{false};
  std::function<void()> notice_;  // under mutex_
  bool finished_ = false;         // under mutex_
};

}  // namespace selvage::rpc
