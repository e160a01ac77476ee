#include "rpc/calling/blocking_client_stream.h"

#include <condition_variable>
#include <deque>
#include <mutex>

#include "rpc/calling/outgoing_call.h"

namespace selvage::rpc {
namespace {

constexpr size_t kReadHighBytes = 1u << 20;
constexpr size_t kReadHighMessages = 256;

struct Shared {
  std::mutex mutex;
  std::condition_variable changed;
  std::weak_ptr<ClientCall> call;
  std::deque<Bytes> messages;
  size_t bytes = 0;
  bool paused = false;
  bool over = false;
  Status status;
  Metadata headers, trailers;

  [[nodiscard]] bool full() const { return bytes > kReadHighBytes || messages.size() > kReadHighMessages; }
  [[nodiscard]] bool low() const { return bytes <= kReadHighBytes / 2 && messages.size() <= kReadHighMessages / 2; }
  // Under the mutex, so that pause and resume reach the call in the order decided here.
  void resume_if_low() {
    if (!paused || !low()) return;
    paused = false;
    if (auto c = call.lock()) c->resume();
  }
};

class Feeder final : public ClientHandler {
 public:
  explicit Feeder(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  void on_headers(const Metadata& headers) override {
    std::lock_guard lock(shared_->mutex);
    shared_->headers = headers;
  }
  void on_message(Bytes message) override {
    {
      std::lock_guard lock(shared_->mutex);
      shared_->bytes += message.size();
      shared_->messages.push_back(std::move(message));
      if (!shared_->paused && shared_->full()) {
        if (auto call = shared_->call.lock()) {
          shared_->paused = true;
          call->pause();
        }
      }
    }
    shared_->changed.notify_all();
  }
  void on_writable() override {
    { std::lock_guard lock(shared_->mutex); }  // a writer is either before its check or already waiting
    shared_->changed.notify_all();
  }
  void on_end(const Status& status, const Metadata& trailers) override {
    {
      std::lock_guard lock(shared_->mutex);
      shared_->status = status;
      shared_->trailers = trailers;
      shared_->over = true;
    }
    shared_->changed.notify_all();
  }

 private:
  std::shared_ptr<Shared> shared_;
};

class BlockingClientStream final : public ClientStream {
 public:
  BlockingClientStream(std::shared_ptr<Shared> shared, std::shared_ptr<ClientCall> call)
      : shared_(std::move(shared)), call_(std::move(call)) {}
  ~BlockingClientStream() override { call_->cancel(); }

  bool write(Bytes message) override {
    {
      std::lock_guard lock(shared_->mutex);
      if (shared_->over) return false;
    }
    call_->write(std::move(message));
    if (call_->queued_bytes() <= kClientWriteHighBytes) return true;
    std::unique_lock lock(shared_->mutex);
    shared_->changed.wait(lock, [&] { return shared_->over || call_->queued_bytes() <= kClientWriteHighBytes; });
    return !shared_->over;
  }

  void half_close() override { call_->half_close(); }

  bool read(Bytes* message) override {
    std::unique_lock lock(shared_->mutex);
    shared_->changed.wait(lock, [&] { return !shared_->messages.empty() || shared_->over; });
    if (shared_->messages.empty()) return false;
    *message = std::move(shared_->messages.front());
    shared_->messages.pop_front();
    shared_->bytes -= message->size();
    shared_->resume_if_low();
    return true;
  }

  Status finish() override {
    call_->half_close();
    std::unique_lock lock(shared_->mutex);
    while (true) {
      shared_->messages.clear();
      shared_->bytes = 0;
      shared_->resume_if_low();
      if (shared_->over) return shared_->status;
      shared_->changed.wait(lock, [&] { return !shared_->messages.empty() || shared_->over; });
    }
  }

  void cancel() override { call_->cancel(); }

  const Peer* peer() const override {
    if (!peer_) peer_ = call_->peer();
    return peer_.get();
  }
  Metadata headers() const override {
    std::lock_guard lock(shared_->mutex);
    return shared_->headers;
  }
  Metadata trailers() const override {
    std::lock_guard lock(shared_->mutex);
    return shared_->trailers;
  }
  Result<Bytes> export_keying_material(const std::string& label, const Bytes& context, size_t length) override {
    return call_->export_keying_material(label, context, length);
  }

 private:
  std::shared_ptr<Shared> shared_;
  std::shared_ptr<ClientCall> call_;
  mutable std::shared_ptr<const Peer> peer_;
};

}  // namespace

std::unique_ptr<ClientStream> make_blocking_stream(
    const std::function<std::shared_ptr<ClientCall>(std::unique_ptr<ClientHandler>)>& open) {
  auto shared = std::make_shared<Shared>();
  // Messages may come before this thread has the handle; they find no call to pause yet and are few.
  auto call = open(std::make_unique<Feeder>(shared));
  {
    std::lock_guard lock(shared->mutex);
    shared->call = call;
  }
  return std::make_unique<BlockingClientStream>(std::move(shared), std::move(call));
}

}  // namespace selvage::rpc
