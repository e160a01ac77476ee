#include "order/cluster/step_stream_client.h"

#include <utility>

#include "rpc/channel.h"

namespace selvage::order::cluster {
namespace {

constexpr const char* kStep = "/orderer.Cluster/Step";

class StreamEnd final : public rpc::ClientHandler {
 public:
  StreamEnd(std::shared_ptr<StepStream> stream, StepStream::OnEnd on_end)
      : stream_(std::move(stream)), on_end_(std::move(on_end)) {}
  void on_message(Bytes) override {}  // Fabric's orderers do not answer
  void on_end(const rpc::Status& status, const rpc::Metadata&) override {
    const std::string why = status.ok() ? "EOF" : status.to_string();
    stream_->end(why);
    on_end_(stream_, why);
  }

 private:
  const std::shared_ptr<StepStream> stream_;
  const StepStream::OnEnd on_end_;
};

}  // namespace

std::shared_ptr<StepStream> StepStream::open(const std::shared_ptr<rpc::Channel>& connection, OnEnd on_end) {
  auto stream = std::make_shared<StepStream>();
  stream->connection = connection;
  stream->moved_at = std::chrono::steady_clock::now();
  stream->call = connection->open(kStep, {}, std::make_unique<StreamEnd>(stream, std::move(on_end)));
  return stream;
}

void StepStream::end(const std::string& reason) {
  {
    std::lock_guard lock(mutex);
    if (why.empty()) why = reason;
  }
  over = true;
  wake();
}

void StepStream::abort(const std::string& reason) {
  end(reason);
  if (call) call->cancel();
}

void StepStream::leave(const std::string& reason) {
  {
    std::lock_guard lock(mutex);  // whoever writes holds it too
    if (why.empty()) why = reason;
    left = over = true;
    if (call) call->half_close();
  }
  wake();
}

void StepStream::wake() {
  std::vector<std::function<void()>> waiting;
  {
    std::lock_guard lock(mutex);
    waiting.swap(waiting_for_room);
  }
  for (auto& room : waiting) room();
}

void StepStream::push(Bytes request) {
  queued.push_back(request.size());
  queued_bytes += request.size();
  call->write(std::move(request));
}

size_t StepStream::settle() {
  const size_t left = call->queued_bytes();
  bool moved = queued.empty();
  while (!queued.empty() && (left == 0 || queued_bytes - queued.front() >= left)) {
    queued_bytes -= queued.front();
    queued.pop_front();
    moved = true;
  }
  if (moved) moved_at = std::chrono::steady_clock::now();
  return left;
}

}  // namespace selvage::order::cluster
