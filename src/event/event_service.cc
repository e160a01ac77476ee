#include "event/event_service.h"

#include <atomic>
#include <mutex>
#include <set>

#include "base/log.h"
#include "event/chaincode_events.h"
#include "event/commit_status_service.h"
#include "ledger/ledger.h"
#include "policy/acl.h"
#include "rpc/server.h"

namespace selvage::event {
namespace {

const log::Logger& logger() {
  static const log::Logger instance("gateway");
  return instance;
}

constexpr int kBlocksPerTurn = 64;             // then others get the thread
constexpr size_t kQueuedBytesMax = 2u << 20;   // more than rpc::ServerSettings::write_high_bytes, or nobody would wake us

class EventStream;

}  // namespace

struct EventService::Shared {
  explicit Shared(Parts p) : parts(std::move(p)) {}
  Parts parts;
  std::mutex mutex;
  bool stopped = false;
  std::set<EventStream*> open;
};

namespace {

// One stream. Its work runs on pool threads, one at a time; everybody else only wakes it.
class EventStream : public std::enable_shared_from_this<EventStream> {
 public:
  EventStream(std::shared_ptr<EventService::Shared> shared, std::shared_ptr<rpc::ServerCall> call)
      : shared_(std::move(shared)), call_(std::move(call)) {
    std::lock_guard lock(shared_->mutex);
    shared_->open.insert(this);
    if (shared_->stopped) stopping_ = true;
  }
  ~EventStream() {
    std::lock_guard lock(shared_->mutex);
    shared_->open.erase(this);
  }

  void start(Bytes request) {
    request_bytes_ = std::move(request);
    wake();
  }
  void cancel() {
    cancelled_ = true;
    wake();
  }
  void stop() {
    stopping_ = true;
    wake();
  }
  void wake() {
    std::lock_guard lock(mutex_);
    woken_ = true;
    if (running_) return;
    running_ = true;
    post_turn();
  }
  void refuse(rpc::Status status) { finish(std::move(status)); }

 private:
  void post_turn() {
    shared_->parts.post([self = shared_from_this()] { self->turn(); });
  }
  void turn() {
    for (;;) {
      {
        std::lock_guard lock(mutex_);
        woken_ = false;
      }
      const bool more = work();
      // Here, and never by whoever lets go of the stream last: that may be the subscription's own callback.
      if (finished_ || cancelled_) subscription_.reset();
      std::lock_guard lock(mutex_);
      if (more) return post_turn();
      if (!woken_) {
        running_ = false;
        return;
      }
    }
  }

  // True: there is more to do at once.
  bool work() {
    if (stopping_) finish({Code::kUnavailable, "the peer is stopping"});
    if (cancelled_ || finished_) return false;
    if (!channel_ && !begin()) return false;
    for (int blocks = 0; blocks < kBlocksPerTurn; ++blocks) {
      if (cancelled_ || stopping_) return true;
      if (call_->queued_bytes() > kQueuedBytesMax) return false;  // on_writable() comes
      if (next_ >= channel_->ledger().height()) return false;
      const auto block = channel_->ledger().blocks().block(next_);
      if (!block) {
        finish({Code::kAborted, block.error().message});
        return false;
      }
      ++next_;
      auto chosen = matcher_->choose(events_of(**block));
      if (chosen.empty()) continue;
      ::gateway::ChaincodeEventsResponse response;
      response.set_block_number((*block)->header().number());
      for (auto& event : chosen) *response.add_events() = std::move(event);
      call_->write(response.SerializeAsString());
    }
    return true;
  }

  // The request's checks, and where its events start. False: the call is over.
  bool begin() {
    auto read = read_events_request(request_bytes_);
    if (!read) return finish(rpc::Status(read.error()));
    const auto& request = read->request;
    const policy::SignedData signed_data{read->outer.request(), request.identity(), read->outer.signature()};
    if (auto allowed = shared_->parts.access(policy::resource::kGatewayChaincodeEvents, request.channel_id(), signed_data);
        !allowed) {
      return finish({Code::kPermissionDenied, allowed.error().message});
    }
    auto channel = shared_->parts.channels.find(request.channel_id());
    if (!channel) return finish({Code::kNotFound, "channel does not exist: " + request.channel_id()});
    // Before the height is looked at: what is committed from now on wakes the stream.
    subscription_ = channel->subscribe([weak = weak_from_this()] {
      if (auto self = weak.lock()) self->wake();
    });
    matcher_ = std::make_unique<EventMatcher>(request.chaincode_id(), request.after_transaction_id());
    auto start = first_block(channel->ledger(), request);
    if (!start) return finish(rpc::Status(start.error()));
    next_ = *start;
    LOG_DEBUG(logger(), "Chaincode events channel={} chaincode={} startBlock={}", request.channel_id(),
              escape(request.chaincode_id(), 100), next_);
    channel_ = std::move(channel);
    request_bytes_.clear();
    return true;
  }

  static Result<uint64_t> first_block(ledger::Ledger& ledger, const ::gateway::ChaincodeEventsRequest& request) {
    if (!request.after_transaction_id().empty()) {
      const auto place = ledger.find_transaction(request.after_transaction_id());
      if (place && *place) return (*place)->block;
    }
    return start_block(request, ledger.height());
  }

  bool finish(rpc::Status status) {
    if (!finished_.exchange(true)) call_->finish(std::move(status));
    return false;
  }

  const std::shared_ptr<EventService::Shared> shared_;
  const std::shared_ptr<rpc::ServerCall> call_;
  std::mutex mutex_;
  bool woken_ = false;
  bool running_ = false;
  std::atomic<bool> cancelled_ = false;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> finished_ = false;
  // The running turn's.
  Bytes request_bytes_;
  std::shared_ptr<Channel> channel_;
  std::unique_ptr<Subscription> subscription_;
  std::unique_ptr<EventMatcher> matcher_;
  uint64_t next_ = 0;
};

class EventsHandler final : public rpc::StreamHandler {
 public:
  EventsHandler(std::shared_ptr<EventService::Shared> shared, std::shared_ptr<rpc::ServerCall> call)
      : stream_(std::make_shared<EventStream>(std::move(shared), std::move(call))) {}
  void on_message(Bytes message) override {
    if (!request_) request_ = std::move(message);
  }
  void on_half_close() override {
    if (!request_) return stream_->refuse({Code::kInternal, "EOF"});
    stream_->start(std::move(*request_));
  }
  void on_writable() override { stream_->wake(); }
  void on_cancelled(const rpc::Status&) override { stream_->cancel(); }

 private:
  std::shared_ptr<EventStream> stream_;
  std::optional<Bytes> request_;
};

}  // namespace

EventService::EventService(Parts parts) : shared_(std::make_shared<Shared>(std::move(parts))) {}
EventService::~EventService() { stop(); }

void EventService::add_to(rpc::Server& server) {
  server.add_stream("/gateway.Gateway/ChaincodeEvents", [shared = shared_](std::shared_ptr<rpc::ServerCall> call) {
    return std::make_unique<EventsHandler>(shared, std::move(call));
  });
  add_commit_status(server, shared_->parts);
}

void EventService::stop() {
  std::vector<std::shared_ptr<EventStream>> open;
  {
    std::lock_guard lock(shared_->mutex);
    shared_->stopped = true;
    for (EventStream* stream : shared_->open)
      if (auto alive = stream->weak_from_this().lock()) open.push_back(std::move(alive));
  }
  for (const auto& stream : open) stream->stop();
}

size_t EventService::open_streams() const {
  std::lock_guard lock(shared_->mutex);
  return shared_->open.size();
}

}  // namespace selvage::event
