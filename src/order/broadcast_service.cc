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
#include "base/utf8.h"
#include "common/common.pb.h"
#include "crypto/certificate.h"
#include "order/chain_worker.h"
#include "order/delay_worker.h"
#include "order/envelope_check.h"
#include "order/registrar.h"
#include "order/throttle.h"
#include "orderer/ab.pb.h"
#include "rpc/server.h"

namespace selvage::order {
namespace {

log::Logger& logger() {
  static log::Logger instance("orderer.common.broadcast");
  return instance;
}

// Answers that a client does not read; more, and its window is closed. Above rpc's own mark, which wakes us again.
// Bytes.
constexpr size_t kUnreadMax = 2u << 20;

// What Go's server says to bytes that are no envelope.
constexpr const char* kUnreadable = "grpc: error unmarshalling request: proto: cannot parse invalid wire-format data";

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

// One envelope on its way.
struct Slot {
  Bytes envelope;
  size_t bytes = 0;
  Instant received = now();
  Instant checked_at{};
  bool is_checked = false;
  CheckedEnvelope checked;
};

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
      if (!self->ended_)
        slot->checked = check_envelope(std::move(slot->envelope), self->shared_->registrar, self->address());
      {
        std::lock_guard lock(self->mutex_);
        slot->checked_at = now();
        slot->is_checked = true;
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
        if (ended_ || slots_.empty() || !slots_.front()->is_checked) {
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
      if (!put_in_line(slot->checked)) {
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
      if (slot->checked.status != common::SUCCESS) {
        end();
        call_->finish(slot->checked.unparsable ? rpc::Status(Code::kInternal, kUnreadable) : rpc::Status());
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
  bool put_in_line(CheckedEnvelope& checked) {
    if (!checked.chain) return true;
    const bool config = checked.submission.config;
    std::string why;
    const auto taken = checked.chain->order(
        checked.submission,
        [weak = weak_from_this()] {
          if (auto self = weak.lock()) self->shared_->post([self] { self->advance(); });
        },
        &why);
    if (taken == ChainWorker::Taken::kFull) return false;
    if (taken == ChainWorker::Taken::kYes) return true;
    checked.status = common::SERVICE_UNAVAILABLE;
    checked.info = ChainWorker::refusal(taken, why);
    LOG_WARN(logger(),
             "[channel: {}] Rejecting broadcast of {} message from {} with SERVICE_UNAVAILABLE: rejected by {}: {}",
             checked.channel, config ? "config" : "normal", address(), config ? "Configure" : "Order", checked.info);
    return true;
  }

  void answer(const Slot& slot) {
    const CheckedEnvelope& checked = slot.checked;
    if (checked.status == common::SUCCESS) {
      call_->write(shared_->success);
    } else if (!checked.unparsable) {
      orderer::BroadcastResponse response;
      response.set_status(checked.status);
      response.set_info(to_utf8(checked.info));
      call_->write(response.SerializeAsString());
    }
    if (!known_ || known_->channel != checked.channel || known_->type != checked.type ||
        known_->status != checked.status) {
      const metrics::LabelValues labels{checked.channel, checked.type, common::Status_Name(checked.status)};
      known_ = Known{checked.channel,
                     checked.type,
                     checked.status,
                     &shared_->validate_duration.with(labels),
                     checked.chain ? &shared_->enqueue_duration.with(labels) : nullptr,
                     &shared_->processed_count.with(labels)};
    }
    using Seconds = std::chrono::duration<double>;
    known_->validate->observe(Seconds(slot.checked_at - slot.received).count());
    if (checked.chain && known_->enqueue != nullptr) known_->enqueue->observe(Seconds(now() - slot.checked_at).count());
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
