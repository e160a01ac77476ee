#include "order/catch_up_worker.h"

#include <algorithm>
#include <utility>

#include "channel/bundle.h"
#include "common/common.pb.h"
#include "order/consensus_metadata.h"

namespace selvage::order {
namespace {

using std::chrono::milliseconds;
constexpr auto kPauseFirst = milliseconds(200);
constexpr auto kPauseMax = milliseconds(5000);

}  // namespace

CatchUp::CatchUp(std::string channel, std::unique_ptr<BlockSource> source, OwnCertificate own, raft::NodeId id,
                 Host& host)
    : channel_(std::move(channel)),
      source_(std::move(source)),
      own_(std::move(own)),
      id_(id),
      host_(host),
      logger_(log::Logger("orderer.consensus.etcdraft").with("channel", channel_)) {}

CatchUp::~CatchUp() { stop(); }

void CatchUp::pull_until(uint64_t number) {
  std::lock_guard lock(mutex_);
  if (stopping_ || !source_) return;
  target_ = std::max(target_.value_or(0), number);
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  wake_.notify_all();
}

void CatchUp::check_eviction(std::chrono::nanoseconds leaderless_for) {
  std::lock_guard lock(mutex_);
  if (stopping_ || !source_) return;
  suspicion_ = leaderless_for;
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  wake_.notify_all();
}

void CatchUp::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  if (source_) source_->stop();
  if (thread_.joinable()) thread_.join();
}

bool CatchUp::pause(milliseconds time) {
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, time, [&] { return stopping_; });
}

void CatchUp::run() {
  for (;;) {
    std::optional<uint64_t> target;
    std::optional<std::chrono::nanoseconds> suspicion;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return stopping_ || target_ || suspicion_; });
      if (stopping_) return;
      target = std::exchange(target_, std::nullopt);
      suspicion = std::exchange(suspicion_, std::nullopt);
    }
    if (target) pull(*target);
    if (suspicion) look(*suspicion);
  }
}

void CatchUp::pull(uint64_t until) {
  auto wait = kPauseFirst;
  for (;;) {
    const auto from = host_.position();
    if (from.next_number > until) return;
    const uint64_t before = from.next_number;
    const auto done = source_->pull(from, until, from.bundle, [&](std::shared_ptr<common::Block> block) {
      return host_.take_block(std::move(block));
    });
    if (done) continue;
    if (host_.position().next_number > before) wait = kPauseFirst;
    if (!pause(wait)) return;
    LOG_WARN(logger_, "Failed to pull blocks up to [{}] from other orderers, trying again: {}", until,
             to_string(done.error()));
    wait = std::min(wait * 2, kPauseMax);
  }
}

// Fabric quirk: orderer/consensus/etcdraft/eviction.go
void CatchUp::look(std::chrono::nanoseconds leaderless_for) {
  LOG_INFO(logger_, "Suspecting our own eviction from the channel for {:.1f}s",
           std::chrono::duration<double>(leaderless_for).count());
  const auto newest = source_->newest_config(host_.position().bundle);
  if (!newest) {
    if (newest.error().code == Code::kPermissionDenied) {
      LOG_WARN(logger_, "Detected our own eviction from the channel: all orderers refuse to send it to us: {}",
               newest.error().message);
      return host_.evicted_by_others();
    }
    if (newest.error().code != Code::kCancelled) {
      LOG_ERROR(logger_, "Failed pulling the last config block: {}", to_string(newest.error()));
    }
    return;
  }
  const uint64_t number = newest->header().number();
  LOG_INFO(logger_, "Last config block was found to be block [{}]", number);
  const auto evicted = [&]() -> Result<bool> {
    SELVAGE_TRY(const auto bundle, channel::Bundle::from_block(*newest));
    if (bundle->orderer() == nullptr || bundle->orderer()->consensus_type != "etcdraft") return false;
    SELVAGE_TRY(const auto config, config_metadata_of(*bundle));
    SELVAGE_TRY(const auto place, find_self(config, own_.current()));
    if (place) return false;
    // Another key at our place is a new pair of ours that the channel heard of before we did; who was evicted has no place.
    SELVAGE_TRY(const auto ids, block_metadata_of(*newest, config));
    return std::find(ids.consenter_ids().begin(), ids.consenter_ids().end(), id_) == ids.consenter_ids().end();
  }();
  if (evicted && *evicted) {
    LOG_WARN(logger_, "Detected our own eviction from the channel in block [{}]", number);
    return host_.evicted_by_others();
  }
  LOG_INFO(logger_, "Cannot confirm our own eviction from the channel{}",
           evicted ? ", our certificate was found in config block with sequence " + std::to_string(number)
                   : ": " + evicted.error().message);
  host_.behind(number);
}

}  // namespace selvage::order
