#include "order/broadcast_service.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "base/log.h"
#include "base/log_quota.h"
#include "common/common.pb.h"
#include "crypto/certificate.h"
#include "order/chain_worker.h"
#include "order/delay_worker.h"
#include "order/msg_processor.h"
#include "order/registrar.h"
#include "order/throttle.h"
#include "orderer/ab.pb.h"
#include "rpc/server.h"
#include "wire/block.h"
#include "wire/envelope.h"
#include "wire/marshal.h"

namespace selvage::order {
namespace {

log::Logger& logger() {
  static log::Logger instance("orderer.common.broadcast");
  return instance;
}

// Answers that a client does not read; more, and its window is closed. Above rpc's own mark, which wakes us again. Bytes.
constexpr size_t kUnreadMax = 2u << 20;

using Instant = std::chrono::steady_clock::time_point;
Instant now() { return std::chrono::steady_clock::now(); }

metrics::Options broadcast_metric(const char* name, const char* help) {
  return {.name_space = "broadcast",
          .subsystem = "",
          .name = name,
          .help = help,
          .label_names = {"channel", "type", "status"},
          .statsd_format = "%{#fqname}.%{channel}.%{type}.%{status}",
          .buckets = {}};
}

struct Outcome {
  common::Status status = common::SUCCESS;
  std::string info;
};

Outcome refused(const Error& error) {
  switch (error.code) {
    case Code::kPermissionDenied:
      return {common::FORBIDDEN, error.message};
    case Code::kUnavailable:
      return {common::SERVICE_UNAVAILABLE, error.message};
    default:
      return {common::BAD_REQUEST, error.message};
  }
}

// One envelope on its way.
struct Slot {
  Bytes envelope;
  size_t bytes = 0;
  Instant received = now();
  Instant checked_at{};
  bool checked = false;
  Outcome outcome;
  std::string channel = "unknown";
  std::string type = "unknown";
  std::shared_ptr<ChainWorker> chain;  // set when it is to be ordered
  Submission submission;
};

// The bytes that Go would write for this envelope, since those are what blocks hold.
Result<Bytes> canonical(Bytes envelope) {
  if (wire::check_canonical_envelope(envelope, 0)) return envelope;
  SELVAGE_TRY(const auto parsed, wire::parse<common::Envelope>(envelope));
  return wire::marshal(parsed);
}

}  // namespace

struct BroadcastService::Shared {
  Shared(Settings s, Registrar& r, metrics::Provider& provider, Post p)
      : settings(s),
        registrar(r),
        post(std::move(p)),
        per_client({s.throttle_rate, s.throttle_inactivity}),
        per_org({s.throttle_rate, s.throttle_inactivity}),
        validate_duration(provider.histogram(
            broadcast_metric("validate_duration", "The time to validate a transaction in seconds."))),
        enqueue_duration(
            provider.histogram(broadcast_metric("enqueue_duration", "The time to enqueue a transaction in seconds."))),
        processed_count(
            provider.counter(broadcast_metric("processed_count", "The number of transactions processed."))) {
    orderer::BroadcastResponse response;
    response.set_status(common::SUCCESS);
    success = response.SerializeAsString();
  }
  Settings settings;
  Registrar& registrar;
  Post post;
  Throttle per_client, per_org;
  Delay delay;
  metrics::Family<metrics::Histogram>& validate_duration;
  metrics::Family<metrics::Histogram>& enqueue_duration;
  metrics::Family<metrics::Counter>& processed_count;
  Bytes success;
  std::atomic<size_t> bytes{0};  // in work on all streams
};

namespace {

class Stream : public std::enable_shared_from_this<Stream> {
 public:
  Stream(std::shared_ptr<BroadcastService::Shared> shared, std::shared_ptr<rpc::ServerCall> call)
      : shared_(std::move(shared)), call_(std::move(call)) {
    LOG_DEBUG(logger(), "Starting new broadcast loop for {}", address());
    if (shared_->settings.throttle_rate <= 0) return;
    if (const auto certificate = crypto::Certificate::from_der(call_->peer().certificate)) {
      client_ = Bytes(certificate->subject_key_id());
      org_ = Bytes(certificate->authority_key_id());
      throttled_ = true;
    }
  }

  void take(Bytes message) {
    auto slot = std::make_shared<Slot>();
    slot->bytes = message.size();
    slot->envelope = std::move(message);
    {
      std::lock_guard lock(mutex_);
      if (ended_) return;
      bytes_ += slot->bytes;
      const size_t all = shared_->bytes += slot->bytes;
      slots_.push_back(slot);
      if (!paused_ && (slots_.size() >= shared_->settings.ahead_max || bytes_ >= shared_->settings.ahead_bytes_max ||
                       all >= shared_->settings.all_bytes_max || call_->queued_bytes() > kUnreadMax)) {
        paused_ = true;
        call_->pause();
      }
    }
    auto work = [self = shared_from_this(), slot = std::move(slot)] {
      if (!self->ended_) self->check(*slot);
      {
        std::lock_guard lock(self->mutex_);
        slot->checked_at = now();
        slot->checked = true;
      }
      self->advance();
    };
    if (!throttled_) return shared_->post(std::move(work));
    const Instant came = now();
    const Instant at = std::max(shared_->per_client.admit(client_, came), shared_->per_org.admit(org_, came));
    if (at <= came) return shared_->post(std::move(work));
    {
      std::lock_guard lock(mutex_);
      ++put_off_;
      if (!paused_) call_->pause();
      paused_ = true;
    }
    shared_->delay.run_at(at, [weak = weak_from_this(), work = std::move(work)] {
      const auto self = weak.lock();
      if (!self) return;
      {
        std::lock_guard lock(self->mutex_);
        --self->put_off_;
        self->maybe_resume();
      }
      self->shared_->post(work);
    });
  }
  void half_close() {
    {
      std::lock_guard lock(mutex_);
      half_closed_ = true;
    }
    advance();
  }
  void writable() {
    std::lock_guard lock(mutex_);
    maybe_resume();
  }
  void cancel() {
    std::lock_guard lock(mutex_);
    end();
  }

 private:
  const std::string& address() const { return call_->peer().address; }

  // On a pool thread, several at once.
  void check(Slot& slot) {
    common::Envelope parsed;  // only for config updates
    auto canonical_bytes = canonical(std::move(slot.envelope));
    if (!canonical_bytes) {
      slot.outcome = {common::BAD_REQUEST, ""};
      unparsable_ = true;
      return;
    }
    slot.submission.envelope = std::move(*canonical_bytes);
    auto message = read_message(slot.submission.envelope);
    const auto refuse = [&](const char* what, const Error& error) {
      LOG_STRANGER(logger(), Warn, address(), "[channel: {}] {} {} because of error: {}", slot.channel, what, address(), to_string(error));
      slot.outcome = refused(error);
    };
    const auto no_processor = [&](const Error& error) {
      LOG_STRANGER(logger(), Warn, address(), "[channel: {}] Could not get message processor for serving {}: {}", slot.channel, address(),
               error.message);
      slot.outcome = {common::BAD_REQUEST, error.message};
    };
    if (!message) return no_processor(message.error());
    slot.channel = log_text(message->channel.channel_id);
    slot.type = wire::header_type_name(message->channel.type);
    auto chain = shared_->registrar.chain(std::string(message->channel.channel_id));
    if (!chain) {
      slot.channel = "unknown";  // or anybody could make metrics without end
      return no_processor({Code::kNotFound, "channel does not exist", "", ""});
    }
    const auto bundle = chain->bundle();
    const MsgProcessor& processor = shared_->registrar.processor();
    switch (classify(message->channel.type)) {
      case MessageClass::kConfig:
        return no_processor({Code::kInvalidArgument, "message is of type that cannot be processed directly", "", ""});
      case MessageClass::kUnsupported:
        return no_processor({Code::kInvalidArgument, "message is of type that is no longer supported", "", ""});
      case MessageClass::kNormal:
        LOG_DEBUG(logger(), "[channel: {}] Broadcast is processing normal message from {} of type {}", slot.channel,
                  address(), slot.type);
        if (auto passed = processor.check_normal(*message, *bundle); !passed) {
          return refuse("Rejecting broadcast of normal message from", passed.error());
        }
        slot.submission.message_bytes = message->counted_bytes();
        break;
      case MessageClass::kConfigUpdate: {
        LOG_DEBUG(logger(), "[channel: {}] Broadcast is processing config update message from {}", slot.channel,
                  address());
        auto config = wire::parse_into(slot.submission.envelope, parsed)
                          ? processor.process_config_update(parsed, *bundle, chain->consensus())
                          : Result<common::Envelope>(fail(Code::kInvalidArgument, wire::kBadWireFormat));
        if (!config) return refuse("Rejecting broadcast of config message from", config.error());
        slot.submission.message_bytes = config->payload().size() + config->signature().size();
        slot.submission.envelope = wire::marshal(*config);
        slot.submission.config = true;
        break;
      }
    }
    slot.submission.validated_at = bundle->sequence();
    slot.chain = std::move(chain);
  }

  // Types and channels become log text and labels; those of messages that pass are known to be harmless.
  static std::string log_text(BytesView text) {
    std::string safe(text.substr(0, 64));
    for (char& c : safe) {
      if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) c = '?';
    }
    return safe;
  }

  // Puts in line and answers what is ready at the front. One thread at a time; others leave their mark and go.
  void advance() {
    {
      std::lock_guard lock(mutex_);
      again_ = true;
      if (advancing_) return;
      advancing_ = true;
    }
    for (;;) {
      std::shared_ptr<Slot> slot;
      {
        std::lock_guard lock(mutex_);
        again_ = false;
        if (ended_ || slots_.empty() || !slots_.front()->checked) {
          if (!ended_ && slots_.empty() && half_closed_) {
            end();
            LOG_DEBUG(logger(), "Received EOF from {}, hangup", address());
            call_->finish(rpc::Status());
          }
          advancing_ = false;
          return;
        }
        slot = slots_.front();
      }
      if (!put_in_line(*slot)) {
        std::lock_guard lock(mutex_);
        if (again_) continue;  // room() was called already
        advancing_ = false;
        return;
      }
      answer(*slot);
      std::lock_guard lock(mutex_);
      if (ended_ || slots_.empty()) continue;
      bytes_ -= slot->bytes;
      shared_->bytes -= slot->bytes;
      slots_.pop_front();
      if (slot->outcome.status != common::SUCCESS) {
        end();
        call_->finish(unparsable_ ? rpc::Status(Code::kInternal, "grpc: error unmarshalling request: proto: cannot parse "
                                                                 "invalid wire-format data")
                                  : rpc::Status());
      } else {
        maybe_resume();
      }
    }
  }

  // Under mutex_: takes more again once there is room for it.
  void maybe_resume() {
    if (!paused_ || ended_ || put_off_ > 0 || slots_.size() > shared_->settings.ahead_max / 2 ||
        bytes_ > shared_->settings.ahead_bytes_max / 2 || call_->queued_bytes() > kUnreadMax ||
        (!slots_.empty() && shared_->bytes >= shared_->settings.all_bytes_max)) {
      return;
    }
    paused_ = false;
    call_->resume();
  }

  // Under mutex_: no more work for this stream.
  void end() {
    ended_ = true;
    slots_.clear();
    shared_->bytes -= std::exchange(bytes_, 0);
  }

  // False: the chain has no room now.
  bool put_in_line(Slot& slot) {
    if (!slot.chain) return true;
    const bool config = slot.submission.config;
    std::string why;
    const auto taken = slot.chain->order(slot.submission, [weak = weak_from_this()] {
      if (auto self = weak.lock()) self->shared_->post([self] { self->advance(); });
    }, &why);
    if (taken == ChainWorker::Taken::kFull) return false;
    if (taken == ChainWorker::Taken::kYes) return true;
    slot.outcome = {common::SERVICE_UNAVAILABLE, ChainWorker::refusal(taken, why)};
    LOG_WARN(logger(), "[channel: {}] Rejecting broadcast of {} message from {} with SERVICE_UNAVAILABLE: rejected by {}: {}",
             slot.channel, config ? "config" : "normal", address(), config ? "Configure" : "Order", slot.outcome.info);
    return true;
  }

  void answer(Slot& slot) {
    if (slot.outcome.status == common::SUCCESS) {
      call_->write(shared_->success);
    } else if (!unparsable_) {
      orderer::BroadcastResponse response;
      response.set_status(slot.outcome.status);
      response.set_info(slot.outcome.info);
      call_->write(response.SerializeAsString());
    }
    if (!known_ || known_->channel != slot.channel || known_->type != slot.type ||
        known_->status != slot.outcome.status) {
      const metrics::LabelValues labels{slot.channel, slot.type, common::Status_Name(slot.outcome.status)};
      known_ = Known{slot.channel, slot.type, slot.outcome.status, &shared_->validate_duration.with(labels),
                     slot.chain ? &shared_->enqueue_duration.with(labels) : nullptr,
                     &shared_->processed_count.with(labels)};
    }
    using Seconds = std::chrono::duration<double>;
    known_->validate->observe(Seconds(slot.checked_at - slot.received).count());
    if (slot.chain && known_->enqueue != nullptr) known_->enqueue->observe(Seconds(now() - slot.checked_at).count());
    known_->processed->add(1);
  }

  struct Known {  // the instruments that were used last
    std::string channel, type;
    common::Status status;
    metrics::Histogram* validate;
    metrics::Histogram* enqueue;  // null: such messages do not get that far
    metrics::Counter* processed;
  };

  const std::shared_ptr<BroadcastService::Shared> shared_;
  const std::shared_ptr<rpc::ServerCall> call_;
  std::mutex mutex_;
  std::deque<std::shared_ptr<Slot>> slots_;
  size_t bytes_ = 0;
  bool half_closed_ = false;
  bool paused_ = false;
  bool throttled_ = false;
  Bytes client_, org_;  // key ids of the certificate and of who issued it
  int put_off_ = 0;     // messages that throttling holds back
  bool advancing_ = false;
  bool again_ = false;
  std::atomic<bool> ended_{false};
  std::atomic<bool> unparsable_{false};
  std::optional<Known> known_;  // of whoever advances
};

class LoopSide final : public rpc::StreamHandler {
 public:
  explicit LoopSide(std::shared_ptr<Stream> stream) : stream_(std::move(stream)) {}
  ~LoopSide() override { stream_->cancel(); }
  void on_message(Bytes message) override { stream_->take(std::move(message)); }
  void on_half_close() override { stream_->half_close(); }
  void on_writable() override { stream_->writable(); }
  void on_cancelled(const rpc::Status& why) override { stream_->cancel(); }

 private:
  std::shared_ptr<Stream> stream_;
};

}  // namespace

BroadcastService::BroadcastService(Settings settings, Registrar& registrar, metrics::Provider& metrics, Post post)
    : shared_(std::make_shared<Shared>(settings, registrar, metrics, std::move(post))) {}
BroadcastService::~BroadcastService() { shared_->delay.stop(); }

void BroadcastService::add_to(rpc::Server& server) {
  server.add_stream("/orderer.AtomicBroadcast/Broadcast", [shared = shared_](std::shared_ptr<rpc::ServerCall> call) {
    return std::make_unique<LoopSide>(std::make_shared<Stream>(shared, std::move(call)));
  });
}

}  // namespace selvage::order
