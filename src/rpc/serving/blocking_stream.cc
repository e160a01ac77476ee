#include "rpc/serving/blocking_stream.h"

#include <condition_variable>
#include <deque>
#include <mutex>

#include "rpc/serving/worker_pool.h"

namespace selvage::rpc {
namespace {

// Waiting for the reader; beyond it the client's window stays closed.
constexpr size_t kReadHighBytes = 1u << 20;
constexpr size_t kReadHighMessages = 256;

// What the loop and the handler's thread share.
struct Shared {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Bytes> messages;
  size_t bytes = 0;
  bool paused = false;
  bool half_closed = false;
  bool over = false;

  [[nodiscard]] bool full() const { return bytes > kReadHighBytes || messages.size() > kReadHighMessages; }
  [[nodiscard]] bool low() const { return bytes <= kReadHighBytes / 2 && messages.size() <= kReadHighMessages / 2; }
};

class Reader final : public BlockingStream {
 public:
  Reader(std::shared_ptr<Shared> shared, std::shared_ptr<ServerCall> call, size_t write_high_bytes)
      : shared_(std::move(shared)), call_(std::move(call)), write_high_bytes_(write_high_bytes) {}

  ServerCall& call() override { return *call_; }

  bool read(Bytes* message) override {
    std::unique_lock lock(shared_->mutex);
    shared_->changed.wait(lock, [&] { return !shared_->messages.empty() || shared_->half_closed || shared_->over; });
    if (shared_->over || shared_->messages.empty()) return false;
    *message = std::move(shared_->messages.front());
    shared_->messages.pop_front();
    shared_->bytes -= message->size();
    // Under the lock, as its counterpart in on_message(), so that the two reach the call in the order decided here.
    if (shared_->paused && shared_->low()) {
      shared_->paused = false;
      call_->resume();
    }
    return true;
  }

  bool write(Bytes message) override {
    {
      std::lock_guard lock(shared_->mutex);
      if (shared_->over) return false;
    }
    call_->write(std::move(message));
    if (call_->queued_bytes() <= write_high_bytes_) return true;
    std::unique_lock lock(shared_->mutex);
    shared_->changed.wait(lock, [&] { return shared_->over || call_->queued_bytes() <= write_high_bytes_; });
    return !shared_->over;
  }

 private:
  std::shared_ptr<Shared> shared_;
  std::shared_ptr<ServerCall> call_;
  size_t write_high_bytes_;
};

class Feeder final : public StreamHandler {
 public:
  Feeder(std::shared_ptr<Shared> shared, std::weak_ptr<ServerCall> call) : shared_(std::move(shared)), call_(std::move(call)) {}
  ~Feeder() override { end(); }

  void on_message(Bytes message) override {
    {
      std::lock_guard lock(shared_->mutex);
      shared_->bytes += message.size();
      shared_->messages.push_back(std::move(message));
      auto call = shared_->paused || !shared_->full() ? nullptr : call_.lock();
      if (call) {
        shared_->paused = true;
        call->pause();
      }
    }
    shared_->changed.notify_all();
  }

  void on_half_close() override {
    {
      std::lock_guard lock(shared_->mutex);
      shared_->half_closed = true;
    }
    shared_->changed.notify_all();
  }

  void on_writable() override {
    { std::lock_guard lock(shared_->mutex); }  // a writer is either before its check or already waiting
    shared_->changed.notify_all();
  }

  void on_cancelled(const Status&) override { end(); }

 private:
  void end() {
    {
      std::lock_guard lock(shared_->mutex);
      shared_->over = true;
    }
    shared_->changed.notify_all();
  }

  std::shared_ptr<Shared> shared_;
  std::weak_ptr<ServerCall> call_;
};

}  // namespace

std::unique_ptr<StreamHandler> start_blocking_stream(WorkerPool& threads, const BlockingHandler& handler,
                                                     std::shared_ptr<ServerCall> call, size_t write_high_bytes) {
  auto shared = std::make_shared<Shared>();
  std::weak_ptr<ServerCall> weak = call;
  bool started = threads.run_now([&handler, shared, call = std::move(call), write_high_bytes] {
    Reader reader(shared, call, write_high_bytes);
    call->finish(handler(reader));
  });
  if (!started) return nullptr;
  return std::make_unique<Feeder>(std::move(shared), std::move(weak));
}

}  // namespace selvage::rpc
