#include "order/follower_worker.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "channel/bundle.h"
#include "order/consensus_metadata.h"
#include "wire/block.h"

namespace selvage::order {
namespace {

using std::chrono::milliseconds;
constexpr auto kRetryFirst = milliseconds(50);
constexpr auto kRetryMax = milliseconds(60'000);
constexpr auto kPollFirst = milliseconds(500);
constexpr auto kPollMax = milliseconds(10'000);

}  // namespace

Result<BlockSource::Position> end_of(const ledger::BlockStore& store) {
  BlockSource::Position position;
  position.next_number = store.height();
  SELVAGE_TRY(const auto newest, store.block(position.next_number - 1));
  position.last_hash = wire::header_hash(newest->header());
  uint64_t number = 0;
  if (newest->header().number() != 0) {
    SELVAGE_TRY(number, wire::last_config_index(*newest));
  }
  SELVAGE_TRY(const auto block, store.block(number));
  SELVAGE_TRY(position.bundle, channel::Bundle::from_block(*block));
  return position;
}

Result<bool> is_member(const channel::Bundle& bundle, const crypto::Certificate& own, SystemTime now) {
  SELVAGE_TRY(const auto config, config_metadata_of(bundle));
  if (auto fine = verify_config_metadata(config, bundle, now); !fine) {
    return fail(fine.error().within("failed to validate config metadata of ordering config"));
  }
  auto place = find_self(config, own);
  if (!place) return fail(place.error().within("failed to detect self ID by comparing public keys"));
  return place->has_value();
}

Result<std::unique_ptr<Follower>> Follower::make(Parts parts, std::shared_ptr<ledger::BlockStore> store,
                                                 std::string channel, std::optional<common::Block> join_block,
                                                 bool wary) {
  std::unique_ptr<Follower> made(
      new Follower(std::move(parts), std::move(store), std::move(channel), std::move(join_block), wary));
  channel::BundlePtr bundle;
  if (made->join_block_) {
    SELVAGE_TRY(bundle, channel::Bundle::from_block(*made->join_block_));
    made->join_bundle_ = bundle;
    made->active_ = made->join_block_->header().number() < made->store_->height();
  } else {
    SELVAGE_TRY(const auto position, end_of(*made->store_));
    bundle = position.bundle;
    made->active_ = true;
  }
  const auto member = is_member(*bundle, made->parts_.server_certificate.current(), made->parts_.clock.now());
  made->member_ = member && *member;
  if (made->join_block_) {
    LOG_INFO(made->logger_, "Created with join-block number: {}, ledger height: {}",
             made->join_block_->header().number(), made->store_->height());
  } else {
    LOG_INFO(made->logger_, "Created with a nil join-block, ledger height: {}", made->store_->height());
  }
  return made;
}

Follower::Follower(Parts parts, std::shared_ptr<ledger::BlockStore> store, std::string channel,
                   std::optional<common::Block> join_block, bool wary)
    : parts_(std::move(parts)),
      store_(std::move(store)),
      channel_(std::move(channel)),
      join_block_(std::move(join_block)),
      wary_(wary),
      logger_(log::Logger("orderer.common.follower").with("channel", channel_)) {}

Follower::~Follower() { stop(); }

void Follower::start() {
  {
    std::lock_guard lock(mutex_);
    if (stopping_ || thread_.joinable()) return;
  }
  thread_ = std::thread([this] { run(); });
  LOG_INFO(logger_, "Started");
}

void Follower::stop() {
  {
    std::lock_guard lock(mutex_);
    if (!std::exchange(stopping_, true)) LOG_INFO(logger_, "Stopped");
    wake_.notify_all();
  }
  if (parts_.source) parts_.source->stop();
  if (thread_.joinable()) thread_.join();
}

const char* Follower::relation() const {
  std::lock_guard lock(mutex_);
  return member_ ? "consenter" : "follower";
}

const char* Follower::status() const {
  std::lock_guard lock(mutex_);
  return active_ ? "active" : "onboarding";
}

void Follower::set(bool active, bool member) {
  {
    std::lock_guard lock(mutex_);
    active_ = active;
    member_ = member;
  }
  if (parts_.on_change) parts_.on_change();
}

bool Follower::pause(milliseconds time) {
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, time, [&] { return stopping_; });
}

void Follower::run() {
  if (parts_.on_change) parts_.on_change();
  if (join_block_ && !pull_up_to_join()) return;
  if (!follow()) return;
  LOG_INFO(logger_, "Block pulling finished successfully, going to switch from follower to a consensus.Chain");
  if (parts_.on_member) parts_.on_member();
}

bool Follower::pull_up_to_join() {
  const uint64_t target = join_block_->header().number();
  const uint64_t first = store_->height();
  if (first > target) {
    LOG_INFO(logger_,
             "Target height according to join block ({}) is <= to our ledger height ({}), no need to pull up to join block",
             target + 1, first);
  } else {
    if (!pull_with_retry(target, join_bundle_)) return false;
    LOG_INFO(logger_, "Pulled blocks from {} until {}", first, target);
  }
  LOG_INFO(logger_, "Onboarding finished successfully, pulled blocks up to join-block");
  return true;
}

bool Follower::follow() {
  LOG_INFO(logger_, "Pulling after join");
  auto interval = kPollFirst;
  bool asked = !wary_;
  {
    std::lock_guard lock(mutex_);
    active_ = true;
  }
  for (;;) {
    const auto position = end_of(*store_);
    if (!position) {
      LOG_ERROR(logger_, "Pull failed, follower chain stopped, error: {}", to_string(position.error()));
      return false;
    }
    const auto member = is_member(*position->bundle, parts_.server_certificate.current(), parts_.clock.now());
    if (!member) {
      LOG_WARN(logger_, "Pull failed, follower chain stopped, error: failed to determine channel membership from last config: {}",
               member.error().message);
      return false;
    }
    if (parts_.on_bundle) parts_.on_bundle(position->bundle);
    set(true, *member && asked);
    if (*member && asked) return true;
    const auto newest = parts_.source->newest_height(*position->bundle);
    asked = asked || newest.has_value();
    if (!newest) {
      if (newest.error().code == Code::kCancelled) return false;
      LOG_ERROR(logger_, "Failed to get latest height and endpoint, error: {}", to_string(newest.error()));
    } else if (*newest > position->next_number) {
      interval = std::max(interval - kPollFirst, kPollFirst);
      if (!pull_with_retry(*newest - 1, nullptr)) return false;
      continue;
    } else if (*member) {
      continue;  // nothing newer: it is so
    }
    LOG_INFO(logger_, "My height: {}, latest network height: {}; going to wait {}ms for latest height to grow",
             position->next_number, newest ? *newest : 0, interval.count());
    if (!pause(interval)) return false;
    interval = std::min(std::chrono::duration_cast<milliseconds>(interval * 3 / 2), kPollMax);
  }
}

bool Follower::pull_with_retry(uint64_t until, const channel::BundlePtr& endpoints) {
  auto wait = kRetryFirst;
  for (;;) {
    const uint64_t before = store_->height();
    const auto done = pull(until, endpoints);
    if (done) return true;
    if (done.error().code == Code::kCancelled) return false;
    if (store_->height() > before) wait = kRetryFirst;
    LOG_WARN(logger_, "Error while trying to pull to height {}; going to try again in {}ms; error: {}", until + 1,
             wait.count(), to_string(done.error()));
    if (!pause(wait)) return false;
    wait = std::min(std::chrono::duration_cast<milliseconds>(wait * 3 / 2), kRetryMax);
  }
}

Status Follower::pull(uint64_t until, const channel::BundlePtr& endpoints) {
  BlockSource::Position from;
  if (store_->height() > 0) {
    SELVAGE_TRY(from, end_of(*store_));
  }
  if (from.next_number > until) return {};
  return parts_.source->pull(std::move(from), until, endpoints,
                             [this](std::shared_ptr<common::Block> block) { return take(std::move(block)); });
}

Status Follower::take(std::shared_ptr<common::Block> block) {
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return fail(Code::kCancelled, "the follower was stopped");
  }
  const uint64_t number = block->header().number();
  if (join_block_ && join_block_->header().number() == number &&
      wire::header_bytes(join_block_->header()) != wire::header_bytes(block->header())) {
    const std::string why = fmt::format(
        "block header mismatch between the block we pulled and the block we joined with, sequence {}", number);
    LOG_ERROR(logger_, "{}", why);
    return fail(Code::kDataLoss, why);
  }
  if (auto written = store_->append(std::move(block)); !written) {
    return fail(written.error().within(fmt::format("failed to append block {} to the ledger", number)));
  }
  return {};
}

}  // namespace selvage::order
