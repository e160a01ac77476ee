#include "deliver/serve/deliver_service.h"

#include <atomic>
#include <deque>
#include <mutex>
#include <utility>

#include "base/log.h"
#include "base/log_quota.h"
#include "channel/bundle.h"
#include "rpc/server.h"
#include "tls/binding.h"
#include "wire/marshal.h"

namespace selvage::deliver {
namespace {

log::Logger& logger() {
  static log::Logger instance("common.deliver");
  return instance;
}

constexpr int kBlocksPerTurn = 64;  // then others get the thread

using Counters = metrics::Family<metrics::Counter>;

Counters& counters(metrics::Provider& provider, const char* name, const char* help, std::vector<std::string> labels) {
  std::string format = labels.empty() ? "" : "%{#fqname}";
  for (const std::string& label : labels) format += ".%{" + label + "}";
  return provider.counter({.name_space = "deliver",
                           .subsystem = "",
                           .name = name,
                           .help = help,
                           .label_names = std::move(labels),
                           .statsd_format = std::move(format),
                           .buckets = {}});
}

}  // namespace

struct DeliverService::Shared {
  Shared(Settings s, const Sources& from, const Clock& now, metrics::Provider& provider, Post to)
      : settings(std::move(s)),
        sources(from),
        clock(now),
        post(std::move(to)),
        streams_opened(counters(provider, "streams_opened",
                                "The number of GRPC streams that have been opened for the deliver service.", {})
                           .with({})),
        streams_closed(counters(provider, "streams_closed",
                                "The number of GRPC streams that have been closed for the deliver service.", {})
                           .with({})),
        requests_received(counters(provider, "requests_received",
                                   "The number of deliver requests that have been received.",
                                   {"channel", "filtered", "data_type"})),
        requests_completed(counters(provider, "requests_completed",
                                    "The number of deliver requests that have been completed.",
                                    {"channel", "filtered", "data_type", "success"})),
        blocks_sent(counters(provider, "blocks_sent", "The number of blocks sent by the deliver service.",
                             {"channel", "filtered", "data_type"})) {}

  Settings settings;
  const Sources& sources;
  const Clock& clock;
  Post post;
  metrics::Counter& streams_opened;
  metrics::Counter& streams_closed;
  Counters& requests_received;
  Counters& requests_completed;
  Counters& blocks_sent;
};

namespace {

// One stream. Its work runs on pool threads, one at a time; the loop only leaves messages and wakes it.
class Stream : public std::enable_shared_from_this<Stream> {
 public:
  Stream(std::shared_ptr<DeliverService::Shared> shared, std::shared_ptr<const Rendering> rendering, AccessCheck access,
         std::shared_ptr<rpc::ServerCall> call)
      : shared_(std::move(shared)), rendering_(std::move(rendering)), access_(std::move(access)), call_(std::move(call)) {
    shared_->streams_opened.add(1);
    LOG_DEBUG(logger(), "Starting new deliver loop for {}", address());
  }
  ~Stream() { shared_->streams_closed.add(1); }

  void take(Bytes message) {
    {
      std::lock_guard lock(mutex_);
      inbox_.push_back(std::move(message));
      if (inbox_.size() >= shared_->settings.requests_ahead_max && !paused_) {
        paused_ = true;
        call_->pause();
      }
    }
    wake();
  }
  void half_close() {
    {
      std::lock_guard lock(mutex_);
      half_closed_ = true;
    }
    wake();
  }
  void cancel() {
    cancelled_ = true;
    wake();  // lets go of the subscription
  }
  void wake() {
    std::lock_guard lock(mutex_);
    woken_ = true;
    if (running_) return;
    running_ = true;
    post_turn();
  }

 private:
  struct Active {
    SeekRequest request;
    std::shared_ptr<Source> source;
    orderer::SeekInfo info;
    SeekRange range;
    uint64_t next = 0;
    std::optional<SystemTime> session_end;
    std::optional<uint64_t> allowed_at_sequence;
    std::unique_ptr<Subscription> subscription;
    metrics::LabelValues labels;
  };

  const std::string& address() const { return call_->peer().address; }
  void post_turn() {
    shared_->post([self = shared_from_this()] { self->turn(); });
  }

  void turn() {
    for (;;) {
      {
        std::lock_guard lock(mutex_);
        woken_ = false;
      }
      const bool more = work();
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
    for (int blocks = 0; blocks < kBlocksPerTurn;) {
      if (cancelled_ || finished_) {
        active_.reset();
        return false;
      }
      if (!active_) {
        Bytes message;
        if (!next_message(&message)) return false;
        begin(std::move(message));
        continue;
      }
      if (call_->queued_bytes() > shared_->settings.queued_bytes_max) return false;  // on_writable() comes
      if (!deliver_next()) return false;
      ++blocks;
    }
    return true;
  }

  bool next_message(Bytes* message) {
    std::lock_guard lock(mutex_);
    if (inbox_.empty()) {
      if (half_closed_) {
        LOG_DEBUG(logger(), "Received EOF from {}, hangup", address());
        finish(rpc::Status());
      }
      return false;
    }
    *message = std::move(inbox_.front());
    inbox_.pop_front();
    if (paused_ && inbox_.empty()) {
      paused_ = false;
      call_->resume();
    }
    return true;
  }

  void finish(rpc::Status status) {
    finished_ = true;
    call_->finish(std::move(status));
  }

  // Ends the request. Anything but SUCCESS ends the stream with it.
  void conclude(common::Status status) {
    if (active_ && !active_->labels.empty()) {
      auto labels = active_->labels;
      labels.push_back(status == common::SUCCESS ? "true" : "false");
      shared_->requests_completed.with(labels).add(1);
    }
    active_.reset();
    call_->write(rendering_->status(status));
    if (status != common::SUCCESS) finish(rpc::Status());
  }

  void begin(Bytes message) {
    common::Envelope envelope;
    if (!envelope.ParseFromString(message)) {
      LOG_STRANGER(logger(), Warn, address(), "Error reading from {}: the message is no Envelope", address());
      finish({Code::kInternal, "grpc: error unmarshalling request: proto: cannot parse invalid wire-format data"});
      return;
    }
    active_ = std::make_unique<Active>();
    Active& a = *active_;
    auto request = parse_request(std::move(envelope));
    const rpc::Peer& peer = call_->peer();
    auto checked = request ? check_request(*request, shared_->settings.rules, shared_->clock.now(),
                                           {peer.certificate_sha256, peer.certificate_subject})
                           : Status(fail(request.error()));
    if (!checked) {
      const Error& why = checked.error();
      call_->add_trailer(tls::kWhyTrailer, rpc::percent_encode((why.cause.empty() ? why.message : why.cause) +
                                                               (why.hint.empty() ? "" : "; " + why.hint)));
      LOG_STRANGER(logger(), Warn, address(), "error parsing envelope from {}: {}", address(), to_string(checked.error()));
      return conclude(common::BAD_REQUEST);
    }
    a.request = std::move(*request);
    const std::string& channel = a.request.channel.channel_id();
    a.source = shared_->sources.find(channel);
    if (!a.source) {
      // Clients poll for channels that are about to be made, so this is no warning.
      LOG_DEBUG(logger(), "Rejecting deliver for {} because channel {} not found", address(), channel);
      return conclude(common::NOT_FOUND);
    }
    a.labels = {channel, rendering_->filtered() ? "true" : "false", rendering_->data_type()};
    shared_->requests_received.with(a.labels).add(1);
    if (!a.info.ParseFromString(a.request.seek_info)) {
      LOG_STRANGER(logger(), Warn, address(), "[channel: {}] Received a signed deliver request from {} with malformed seekInfo payload: {}",
               channel, address(), wire::kBadWireFormat);
      return conclude(common::BAD_REQUEST);
    }
    if (!best_effort() && a.source->failing()) {
      LOG_WARN(logger(), "[channel: {}] Rejecting deliver request for {} because of consenter error", channel,
               address());
      return conclude(common::SERVICE_UNAVAILABLE);
    }
    if (shared_->settings.expiry_of) a.session_end = shared_->settings.expiry_of(a.request.creator);
    if (auto allowed = evaluate(); !allowed) {
      LOG_STRANGER(logger(), Warn, address(), "[channel: {}] Client {} is not authorized: {}", channel, address(),
               to_string(allowed.error()));
      return conclude(common::FORBIDDEN);
    }
    // Before the height is looked at: what changes from now on wakes the stream.
    a.subscription = a.source->subscribe([weak = weak_from_this()] {
      if (auto self = weak.lock()) self->wake();
    });
    const uint64_t height = a.source->height();
    auto range = height == 0 ? Result<SeekRange>(SeekRange{.first = 0, .last = 0, .not_found = true})
                             : resolve(a.info, height, a.source->newest());
    if (!range) {
      LOG_STRANGER(logger(), Warn, address(), "[channel: {}] Received invalid seekInfo message from {}: {}", channel, address(),
               range.error().message);
      return conclude(common::BAD_REQUEST);
    }
    a.range = *range;
    if (a.range.not_found) {
      LOG_WARN(logger(), "[channel: {}] Error reading from channel, cause was: NOT_FOUND", channel);
      return conclude(common::NOT_FOUND);
    }
    a.next = a.range.first;
    LOG_DEBUG(logger(), "[channel: {}] Received seekInfo for blocks {} to {} from {}", channel, a.range.first,
              a.range.last, address());
  }

  bool best_effort() const { return active_->info.error_response() == orderer::SeekInfo::BEST_EFFORT; }

  // May the client (still) read? The policy is asked again only under a newer configuration.
  Status evaluate() {
    Active& a = *active_;
    if (a.session_end && shared_->clock.now() > *a.session_end) {
      const auto since = std::chrono::duration_cast<std::chrono::seconds>(shared_->clock.now() - *a.session_end);
      return fail(Code::kPermissionDenied, fmt::format("deliver client identity expired {}s before", since.count()));
    }
    const auto bundle = a.source->bundle();
    if (a.allowed_at_sequence && bundle->sequence() <= *a.allowed_at_sequence) return {};
    a.allowed_at_sequence = bundle->sequence();
    return access_(*bundle, a.request);
  }

  // Sends the next block or concludes; false: nothing to do until woken.
  bool deliver_next() {
    Active& a = *active_;
    const std::string& channel = a.request.channel.channel_id();
    if (!best_effort() && a.source->failing()) {
      LOG_WARN(logger(), "Aborting deliver for request because the backing consensus implementation indicates an error");
      conclude(common::SERVICE_UNAVAILABLE);
      return true;
    }
    if (a.next >= a.source->height()) {
      if (a.info.behavior() != orderer::SeekInfo::FAIL_IF_NOT_READY) return false;
      LOG_WARN(logger(), "[channel: {}] Block {} not found, block number greater than chain length bounds", channel,
               a.next);
      conclude(common::NOT_FOUND);
      return true;
    }
    auto block = a.source->block(a.next);
    if (!block) {
      const bool missing = block.error().code == Code::kNotFound;
      LOG_WARN(logger(), "[channel: {}] Error reading from channel, cause was: {}: {}", channel,
               missing ? "NOT_FOUND" : "SERVICE_UNAVAILABLE", to_string(block.error()));
      conclude(missing ? common::NOT_FOUND : common::SERVICE_UNAVAILABLE);
      return true;
    }
    if (auto allowed = evaluate(); !allowed) {
      LOG_WARN(logger(), "[channel: {}] Client authorization revoked for deliver request from {}: {}", channel,
               address(), to_string(allowed.error()));
      conclude(common::FORBIDDEN);
      return true;
    }
    std::optional<common::Block> bare;
    if (a.info.content_type() == orderer::SeekInfo::HEADER_WITH_SIG && rendering_->honours_header_only()) {
      bare = header_only(**block);
    }
    auto response = rendering_->block(bare ? *bare : **block, *a.source, a.request);
    if (!response) {
      LOG_WARN(logger(), "[channel: {}] Error sending to {}: {}", channel, address(), to_string(response.error()));
      active_.reset();
      finish(rpc::Status(response.error()));
      return true;
    }
    LOG_DEBUG(logger(), "[channel: {}] Delivering block [{}] for {}", channel, a.next, address());
    call_->write(std::move(*response));
    shared_->blocks_sent.with(a.labels).add(1);
    if (a.next++ == a.range.last) conclude(common::SUCCESS);
    return true;
  }

  const std::shared_ptr<DeliverService::Shared> shared_;
  const std::shared_ptr<const Rendering> rendering_;
  const AccessCheck access_;
  const std::shared_ptr<rpc::ServerCall> call_;

  std::mutex mutex_;
  std::deque<Bytes> inbox_;
  bool half_closed_ = false;
  bool paused_ = false;
  bool running_ = false;  // a turn is posted or on the way
  bool woken_ = false;    // something happened since the turn began
  std::atomic<bool> cancelled_{false};

  // Of the turn.
  std::unique_ptr<Active> active_;
  bool finished_ = false;
};

class LoopSide final : public rpc::StreamHandler {
 public:
  explicit LoopSide(std::shared_ptr<Stream> stream) : stream_(std::move(stream)) {}
  ~LoopSide() override { stream_->cancel(); }
  void on_message(Bytes message) override { stream_->take(std::move(message)); }
  void on_half_close() override { stream_->half_close(); }
  void on_writable() override { stream_->wake(); }
  void on_cancelled(const rpc::Status& why) override { stream_->cancel(); }

 private:
  std::shared_ptr<Stream> stream_;
};

}  // namespace

DeliverService::DeliverService(Settings settings, const Sources& sources, const Clock& clock,
                               metrics::Provider& metrics, Post post)
    : shared_(std::make_shared<Shared>(std::move(settings), sources, clock, metrics, std::move(post))) {}
DeliverService::~DeliverService() = default;

void DeliverService::add_to(rpc::Server& server, const std::string& path, std::shared_ptr<const Rendering> rendering,
                            AccessCheck access) {
  server.add_stream(path, [shared = shared_, rendering = std::move(rendering),
                           access = std::move(access)](std::shared_ptr<rpc::ServerCall> call) {
    return std::make_unique<LoopSide>(std::make_shared<Stream>(shared, rendering, access, std::move(call)));
  });
}

Result<Bytes> OrdererRendering::block(const common::Block& block, const Source& source,
                                      const SeekRequest& request) const {
  // DeliverResponse{block = 2}, put together without a copy of the block.
  const size_t size = block.ByteSizeLong();
  Bytes out;
  out.reserve(size + 8);
  out.push_back(0x12);
  for (size_t rest = size; ; rest >>= 7) {
    if (rest < 0x80) {
      out.push_back(static_cast<char>(rest));
      break;
    }
    out.push_back(static_cast<char>(rest | 0x80));
  }
  if (!block.AppendToString(&out)) return fail(Code::kInternal, "cannot marshal block");
  return out;
}

Bytes OrdererRendering::status(common::Status status) const {
  orderer::DeliverResponse response;
  response.set_status(status);
  return response.SerializeAsString();
}

}  // namespace selvage::deliver
