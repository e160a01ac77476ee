#include "rpc/channel.h"

#include <condition_variable>
#include <mutex>

#include "rpc/calling/blocking_client_stream.h"
#include "rpc/calling/channel_state.h"
#include "tls/diagnosis.h"

namespace selvage::rpc {
namespace {

// A unary call's answer, gathered.
class Collector final : public ClientHandler {
 public:
  explicit Collector(std::function<void(UnaryReply)> done) : done_(std::move(done)) {}
  void on_headers(const Metadata& headers) override { reply_.headers = headers; }
  void on_message(Bytes message) override {
    if (count_++ == 0) reply_.message = std::move(message);
  }
  void on_end(const Status& status, const Metadata& trailers) override {
    reply_.status = status;
    reply_.trailers = trailers;
    if (status.ok() && count_ != 1) {
      reply_.status = {Code::kInternal, count_ == 0 ? "cardinality violation: received no response message from non-server-streaming RPC"
                                                    : "cardinality violation: expected <EOF> for non server-streaming RPCs, but received another message"};
    }
    done_(std::move(reply_));
  }

 private:
  std::function<void(UnaryReply)> done_;
  UnaryReply reply_;
  int count_ = 0;
};

}  // namespace

Channel::Channel(std::shared_ptr<State> state) : state_(std::move(state)) {}

std::shared_ptr<Channel> Channel::make(ChannelSettings settings) {
  return std::shared_ptr<Channel>(new Channel(std::make_shared<State>(std::move(settings))));
}

Channel::~Channel() { close(); }

std::shared_ptr<ClientCall> Channel::call_async(const std::string& method, Bytes request, const CallOptions& options,
                                                std::function<void(UnaryReply)> done) {
  return state_->launch(method, options, std::make_unique<Collector>(std::move(done)), std::move(request));
}

std::shared_ptr<ClientCall> Channel::open(const std::string& method, const CallOptions& options,
                                          std::unique_ptr<ClientHandler> handler) {
  return state_->launch(method, options, std::move(handler), std::nullopt);
}

std::unique_ptr<ClientStream> Channel::stream(const std::string& method, const CallOptions& options) {
  return make_blocking_stream([&](std::unique_ptr<ClientHandler> handler) { return open(method, options, std::move(handler)); });
}

UnaryReply Channel::call(const std::string& method, Bytes request, const CallOptions& options) {
  struct Waiting {
    std::mutex mutex;
    std::condition_variable done;
    std::optional<UnaryReply> reply;
  };
  auto waiting = std::make_shared<Waiting>();
  call_async(method, std::move(request), options, [waiting](UnaryReply reply) {
    std::lock_guard lock(waiting->mutex);
    waiting->reply = std::move(reply);
    waiting->done.notify_all();
  });
  std::unique_lock lock(waiting->mutex);
  waiting->done.wait(lock, [&] { return waiting->reply.has_value(); });
  return std::move(*waiting->reply);
}

Result<Bytes> Channel::unary(const std::string& method, Bytes request, const CallOptions& options) {
  UnaryReply reply = call(method, std::move(request), options);
  if (reply.status.ok()) return std::move(reply.message);
  Error error = reply.status.error();
  if (auto failure = last_failure(); failure && failure->diagnosis && error.code == Code::kUnavailable) {
    error.cause = failure->diagnosis->code + ": " + failure->diagnosis->cause;
    error.hint = failure->diagnosis->remedy;
  }
  return fail(std::move(error));
}

selvage::Status Channel::wait_ready(std::chrono::milliseconds timeout) { return state_->wait_ready(timeout); }

ChannelState Channel::state() const {
  std::lock_guard lock(state_->mutex);
  return state_->state;
}

std::optional<ConnectFailure> Channel::last_failure() const {
  std::lock_guard lock(state_->mutex);
  return state_->failure;
}

std::shared_ptr<const Peer> Channel::peer() const {
  std::lock_guard lock(state_->mutex);
  return state_->peer;
}

void Channel::set_tls(std::shared_ptr<tls::ClientContext> tls) {
  std::lock_guard lock(state_->mutex);
  state_->tls = std::move(tls);
}

void Channel::close() { state_->close(); }

}  // namespace selvage::rpc
