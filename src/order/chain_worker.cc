#include "order/chain_worker.h"

#include <utility>

#include "base/log.h"
#include "common/common.pb.h"

namespace selvage::order {
namespace {

SteadyTime steady_now() { return std::chrono::steady_clock::now(); }

}  // namespace

Result<std::unique_ptr<ChainWorker>> ChainWorker::make(Settings settings, Parts parts,
                                                       std::shared_ptr<ledger::BlockStore> store,
                                                       channel::BundlePtr bundle, OnBundle on_bundle,
                                                       OnChange on_change) {
  SELVAGE_TRY(const auto newest, store->block(store->height() - 1));
  std::unique_ptr<ChainWorker> worker(new ChainWorker(std::move(settings), std::move(parts), std::move(store),
                                                      std::move(bundle), std::move(on_bundle), std::move(on_change)));
  SELVAGE_TRY(worker->wal_, raft::Wal::open(worker->parts_.disk, worker->settings_.wal, worker->settings_.id));
  if (const uint64_t torn = worker->wal_->torn_bytes(); torn > 0) {
    static log::Logger logger("orderer.consensus.etcdraft");
    LOG_INFO(logger.with("channel", worker->bundle_->channel_id()).with("bytes", torn),
             "Cut off a record at the end of the raft log that a crash left half written");
  }
  SELVAGE_TRY(worker->chain_,
              Chain::make({.id = worker->settings_.id, .tick_interval = worker->settings_.tick_interval},
                          worker->bundle_, *newest, *worker->wal_, *worker, worker->parts_.processor,
                          worker->parts_.signer, worker->parts_.random, worker->parts_.metrics));
  return worker;
}

ChainWorker::ChainWorker(Settings settings, Parts parts, std::shared_ptr<ledger::BlockStore> store,
                         channel::BundlePtr bundle, OnBundle on_bundle, OnChange on_change)
    : settings_(std::move(settings)),
      parts_(std::move(parts)),
      store_(std::move(store)),
      on_bundle_(std::move(on_bundle)),
      on_change_(std::move(on_change)),
      bundle_(std::move(bundle)) {}

ChainWorker::~ChainWorker() { stop(); }

void ChainWorker::start() {
  if (on_bundle_) on_bundle_(bundle());
  {
    std::lock_guard lock(mutex_);
    if (started_ || stopping_) return;
    started_ = true;
  }
  thread_ = std::thread([this] { main(); });
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, std::chrono::seconds(10), [&] { return running_ || stopping_; });
}

void ChainWorker::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  std::vector<std::function<void()>> waiting;
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
    waiting.swap(waiting_for_room_);
    queue_.clear();
    queued_bytes_ = 0;
  }
  for (auto& room : waiting) room();
  changed();
}

ChainWorker::Taken ChainWorker::order(Submission& submission, std::function<void()> room) {
  std::lock_guard lock(mutex_);
  if (!started_ || stopping_ || failure_) return Taken::kStopped;
  if (soft_.leader != settings_.id) return Taken::kNoLeader;
  if (queue_.size() >= settings_.queued_max || queued_bytes_ >= settings_.queued_bytes_max) {
    waiting_for_room_.push_back(std::move(room));
    return Taken::kFull;
  }
  queued_bytes_ += submission.envelope.size();
  queue_.push_back(std::move(submission));
  if (queue_.size() == 1) wake_.notify_one();
  return Taken::kYes;
}

MsgProcessor::ConsensusView ChainWorker::consensus() const {
  std::lock_guard lock(mutex_);
  return consensus_;
}

ChainStatus ChainWorker::status() const {
  std::lock_guard lock(mutex_);
  if (failure_) return ChainStatus::kFailed;
  return stopped_ ? ChainStatus::kInactive : ChainStatus::kActive;
}

std::string ChainWorker::failure() const {
  std::lock_guard lock(mutex_);
  return failure_ ? to_string(*failure_) : "";
}

channel::BundlePtr ChainWorker::bundle() const {
  std::lock_guard lock(mutex_);
  return bundle_;
}

bool ChainWorker::failing() const {
  std::lock_guard lock(mutex_);
  return stopping_ || failure_.has_value();
}

void ChainWorker::changed() const {
  if (on_change_) on_change_();
}

void ChainWorker::main() {
  chain_->start(steady_now());
  publish();
  SteadyTime next_tick = steady_now() + settings_.tick_interval;
  std::unique_lock lock(mutex_);
  running_ = true;
  wake_.notify_all();
  while (!stopping_ && !failure_) {
    auto until = next_tick;
    if (const auto deadline = chain_->batch_deadline()) until = std::min(until, *deadline);
    wake_.wait_until(lock, until, [&] { return stopping_ || (!queue_.empty() && chain_->accepting()); });
    if (stopping_) break;
    take_submissions(lock);
    lock.unlock();
    const SteadyTime now = steady_now();
    chain_->on_time(now);
    if (now >= next_tick) {
      chain_->tick(now);
      // After a pause (a suspended machine, a slow disk) ticks are not made up for: others would be given no time.
      next_tick = std::max(next_tick + settings_.tick_interval, now);
    }
    chain_->run();
    publish();
    lock.lock();
  }
}

// Moves what waits into the chain, as far as it takes it; then one round writes all of it with one sync.
void ChainWorker::take_submissions(std::unique_lock<std::mutex>& lock) {
  while (!queue_.empty() && chain_->accepting()) {
    Submission next = std::move(queue_.front());
    queue_.pop_front();
    queued_bytes_ -= next.envelope.size();
    lock.unlock();
    chain_->submit(std::move(next), steady_now());
    lock.lock();
  }
  if (waiting_for_room_.empty() || queue_.size() > settings_.queued_max / 2 ||
      queued_bytes_ > settings_.queued_bytes_max / 2) {
    return;
  }
  auto waiting = std::exchange(waiting_for_room_, {});
  lock.unlock();
  for (auto& room : waiting) room();
  lock.lock();
}

// Lets other threads see what the chain knows.
void ChainWorker::publish() {
  std::vector<std::function<void()>> waiting;
  {
    std::lock_guard lock(mutex_);
    const auto soft = chain_->soft_state();
    const bool lost = soft_.leader == settings_.id && soft.leader != settings_.id;
    const bool failed = chain_->failure() && !failure_;
    if (soft == soft_ && !failed) return;
    soft_ = soft;
    if (failed) failure_ = chain_->failure();
    if (lost || failed) {
      queue_.clear();
      queued_bytes_ = 0;
      waiting.swap(waiting_for_room_);
    }
  }
  for (auto& room : waiting) room();
  changed();
}

Status ChainWorker::append(std::shared_ptr<const common::Block> block) {
  SELVAGE_CHECK(store_->append(std::move(block)));
  changed();
  return {};
}

void ChainWorker::use(channel::BundlePtr bundle) {
  {
    std::lock_guard lock(mutex_);
    bundle_ = bundle;
  }
  if (on_bundle_) on_bundle_(bundle);
  changed();
}

void ChainWorker::send(std::vector<raft::Message> messages) {
  // No other orderers: configurations with more than one consenter are refused before they get here.
}

void ChainWorker::consensus_changed(MsgProcessor::ConsensusView view) {
  std::lock_guard lock(mutex_);
  consensus_ = std::move(view);
}

}  // namespace selvage::order
