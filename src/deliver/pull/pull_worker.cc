#include "deliver/pull/pull_worker.h"

#include <algorithm>
#include <atomic>

#include "common/common.pb.h"
#include "crypto/certificate.h"
#include "deliver/pull/block_verifier.h"
#include "deliver/pull/header_watch_worker.h"
#include "orderer/ab.pb.h"
#include "rpc/channel.h"
#include "rpc/why_refused.h"
#include "tls/diagnosis.h"
#include "wire/block.h"

namespace selvage::deliver {
namespace {

constexpr double kPauseFactor = 1.2;
// gRPC's longest back-off; a peer's own settings may hold it to less.
constexpr std::chrono::milliseconds kPauseAfterVerdict = std::chrono::seconds(120);
constexpr std::chrono::milliseconds kMaterialLookedAtEvery = std::chrono::seconds(1);

log::Logger service_logger("deliveryClient");


}  // namespace

Puller::Puller(std::string channel_id, PullSettings settings, wire::Signer signer, BlockSink& sink, const Clock& clock,
               Random& random, std::function<void()> gave_up)
    : channel_id_(std::move(channel_id)),
      settings_(std::move(settings)),
      client_(channel_id_, settings_.dial, std::move(signer), clock, random),
      sink_(sink),
      gave_up_(std::move(gave_up)),
      logger_(log::Logger("peer.blocksprovider").with("channel", channel_id_)),
      endpoints_(random) {}

Puller::~Puller() { stop(); }

void Puller::start() {
  LOG_INFO(service_logger, "Creating a {} BlockDeliverer for channel `{}`",
           watches(*sink_.position().bundle) ? "BFT (byzantine fault tolerant)" : "CFT (crash fault tolerant)", channel_id_);
  thread_ = std::thread([this] { run(); });
}

void Puller::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    if (open_channel_) open_channel_->close();
    stopped_.notify_all();
  }
  if (!thread_.joinable()) return;
  thread_.join();
  LOG_INFO(logger_, "Deliverer stopped");
}

bool Puller::pause(std::chrono::milliseconds time) {
  // What we show and whom we believe: a change of either is worth a try at once.
  const auto material = [&] {
    std::string text;
    if (settings_.dial.credentials) {
      if (const auto ours = settings_.dial.credentials->current()) text = std::to_string(ours->version());
    }
    for (const Endpoint& one : orderer_endpoints(*sink_.position().bundle, settings_.overrides)) {
      text += " " + one.address;
      for (const tls::Root& root : one.roots) text += root.certificate.sha256();
    }
    return text;
  };
  const bool watching = verdicts_ > 0 && time > kMaterialLookedAtEvery;
  const std::string before = watching ? material() : "";
  while (true) {
    const auto slice = watching ? std::min(time, kMaterialLookedAtEvery) : time;
    {
      std::unique_lock lock(mutex_);
      if (stopped_.wait_for(lock, slice, [&] { return stopping_; })) return false;
    }
    time -= slice;
    if (time.count() <= 0 || (watching && material() != before)) return true;
  }
}

void Puller::run() {
  std::chrono::duration<double, std::milli> wait = settings_.pause_first;
  std::chrono::duration<double, std::milli> waited{0};
  bool failed = false, ignored = false;
  while (true) {
    if (failed) {
      // Every orderer gave us a TLS verdict, which trying again does not change: seldom, until something is changed.
      if (verdicts_ > 0 && verdicts_ >= orderer_endpoints(*sink_.position().bundle, settings_.overrides).size()) {
        wait = std::max<std::chrono::duration<double, std::milli>>(wait, kPauseAfterVerdict);
      }
      const auto time = std::chrono::duration_cast<std::chrono::milliseconds>(
          std::min<std::chrono::duration<double, std::milli>>(wait, settings_.pause_max));
      wait = std::min<std::chrono::duration<double, std::milli>>(wait * kPauseFactor, settings_.pause_max);
      waited += time;
      // Whoever pulls from a BFT service never leaves it to others. Fabric quirk: core/deliverservice/deliveryclient.go.
      if (waited > settings_.pauses_total && gave_up_ && !watches(*sink_.position().bundle)) {
        LOG_WARN(logger_, "attempted to retry block delivery for more than peer.deliveryclient.reconnectTotalTimeThreshold "
                          "duration ({}ms), giving up", settings_.pauses_total.count());
        return gave_up_();
      }
      if (waited > settings_.pauses_total && !ignored) {
        LOG_WARN(logger_, "peer is a static leader, ignoring peer.deliveryclient.reconnectTotalTimeThreshold");
        ignored = true;
      }
      const auto level = repeated_ ? log::Level::kDebug : log::Level::kWarn;
      SELVAGE_LOG(logger_, level, "Disconnected from ordering service. Attempt to re-connect in {}ms, totalDuration is {:.0f}ms",
               time.count(), waited.count());
      if (!pause(time)) return;
    } else if (!pause(std::chrono::milliseconds(0))) {
      return;
    }
    const BlockSink::Position position = sink_.position();
    endpoints_.set(orderer_endpoints(*position.bundle, settings_.overrides));
    const Endpoint* chosen = endpoints_.next();
    if (chosen == nullptr) {
      LOG_WARN(logger_, "Could not connect to ordering service: could not get orderer endpoints: no endpoints currently "
                        "defined: channel {} names none; add OrdererEndpoints to its orderer organisations",
               channel_id_);
      failed = true;
      continue;
    }
    BlockVerifier verifier(position.bundle, position.next_number, position.last_hash);
    bool progress = false;
    const Endpoint endpoint = *chosen;  // a config block may replace them all while this one is in use
    const Ended ended = pull_from(endpoint, verifier, &progress);
    if (ended == Ended::kStopped) return;
    if (progress) {
      wait = settings_.pause_first;
      waited = waited.zero();
      ignored = false;
    }
    failed = ended == Ended::kFailed;
  }
}

Puller::Ended Puller::pull_from(const Endpoint& endpoint, BlockVerifier& verifier, bool* progress) {
  auto request = client_.seek(verifier.next_number(), OrdererClient::Content::kBlocks);
  if (!request) {
    LOG_ERROR(logger_, "Could not create a signed Deliver SeekInfo message, something is critically wrong: {}",
              to_string(request.error()));
    return Ended::kFailed;
  }
  const auto channel = client_.dial(endpoint);
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return Ended::kStopped;
    open_channel_ = channel;
  }
  const Ended ended = receive(*channel, std::move(*request), endpoint, verifier, progress);
  const std::lock_guard lock(mutex_);
  open_channel_ = nullptr;
  return stopping_ ? Ended::kStopped : ended;
}

bool Puller::watches(const channel::Bundle& bundle) const {
  return settings_.watch_bft && bundle.orderer() != nullptr && bundle.orderer()->consensus_type == "BFT";
}

std::unique_ptr<HeaderWatch> Puller::watch_others(const Endpoint& source, const BlockVerifier& verifier,
                                                  std::function<void()> censored) const {
  if (!watches(*verifier.bundle())) return nullptr;
  std::vector<Endpoint> others = orderer_endpoints(*verifier.bundle(), settings_.overrides);
  std::erase_if(others, [&](const Endpoint& other) { return other.address == source.address; });
  HeaderWatchSettings watch;
  watch.censorship_timeout = settings_.censorship_timeout;
  watch.pause_first = settings_.pause_first;
  return std::make_unique<HeaderWatch>(watch, client_, std::move(others), verifier, std::move(censored));
}

Puller::Ended Puller::receive(rpc::Channel& channel, Bytes request, const Endpoint& endpoint, BlockVerifier& verifier,
                              bool* progress) {
  if (Status ready = channel.wait_ready(settings_.dial.connect_timeout); !ready) {
    const auto failure = channel.last_failure();
    verdicts_ = failure && failure->permanent ? verdicts_ + 1 : 0;
    // Once for each change of cause; the rest is for those who look closely.
    const std::string cause = failure && failure->diagnosis ? failure->diagnosis->code : ready.error().message;
    repeated_ = std::exchange(told_[endpoint.address], cause) == cause;
    const std::lock_guard lock(mutex_);
    if (!stopping_) {
      SELVAGE_LOG(logger_, repeated_ ? log::Level::kDebug : log::Level::kWarn,
                  "Could not connect to ordering service: could not dial endpoint '{}': {}", endpoint.address,
                  to_string(ready.error()));
    }
    return Ended::kFailed;
  }
  verdicts_ = 0;
  repeated_ = false;
  told_.erase(endpoint.address);
  const auto stream = channel.stream(kDeliverMethod);
  if (!stream->write(std::move(request))) return Ended::kFailed;
  const log::Logger logger = logger_.with("orderer-address", endpoint.address);
  LOG_INFO(logger, "BlockReceiver starting");
  std::atomic<bool> censored = false;
  const auto watch = watch_others(endpoint, verifier, [&] {
    censored = true;
    stream->cancel();
  });
  const auto give_up = [&](const std::string& why) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return Ended::kStopped;  // it was stop() that ended the stream
    }
    if (censored) {
      LOG_WARN(logger_, "Censorship suspicion: block censorship detected, endpoint: {}; going to retry fetching blocks from "
                        "another orderer", endpoint.address);
      return Ended::kFailed;
    }
    LOG_WARN(logger_, "Failure in processing incoming messages: {}", why);
    return Ended::kFailed;
  };
  Bytes bytes;
  while (stream->read(&bytes)) {
    ::orderer::DeliverResponse response;
    if (!response.ParseFromString(bytes)) return give_up("what orderer `" + endpoint.address + "` sent is no DeliverResponse");
    if (response.has_status()) {
      if (response.status() == ::common::SUCCESS) return give_up("received success for a seek that should never complete");
      const std::string why = response.status() == ::common::BAD_REQUEST ? rpc::why_refused(*stream) : "";
      return give_up("received bad status " + ::common::Status_Name(response.status()) + " from orderer" + (why.empty() ? "" : ": " + why));
    }
    if (!response.has_block()) return give_up("orderer `" + endpoint.address + "` sent neither block nor status");
    const std::shared_ptr<::common::Block> block(response.release_block());
    const uint64_t number = block->header().number();
    const std::string which = "block [" + std::to_string(number) + "] from orderer [" + endpoint.address + "] ";
    if (Status verified = verifier.accept(*block); !verified) {
      return give_up(verified.error().within(which + "could not be verified").message);
    }
    const bool is_config = wire::is_config_block(*block);
    if (Status handled = sink_.accept(block); !handled) {
      return give_up(to_string(handled.error().within(which + "could not be handled")));
    }
    *progress = true;
    if (watch) watch->moved_on(verifier);
    LOG_DEBUG(logger, "Handled block {}", number);
    if (is_config) {
      LOG_INFO(logger, "Updated config block {}", number);
      if (endpoints_.set(orderer_endpoints(*verifier.bundle(), settings_.overrides))) {
        LOG_INFO(logger, "Ordering endpoints have been refreshed, disconnecting from deliver to reconnect using updated "
                         "endpoints");
        return Ended::kRefreshed;
      }
    }
  }
  const rpc::Status status = stream->finish();
  return give_up(status.ok() ? "orderer `" + endpoint.address + "` hung up without sending status" : status.to_string());
}

}  // namespace selvage::deliver
