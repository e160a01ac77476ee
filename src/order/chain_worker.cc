#include "order/chain_worker.h"

#include <utility>

#include "base/log.h"
#include "common/common.pb.h"
#include "order/cluster/transport_client.h"

namespace selvage::order {
namespace {

constexpr auto kForwardFor = std::chrono::seconds(5);  // what waits for another leader

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
    LOG_INFO(worker->logger_.with("bytes", torn), "Cut off a record at the end of the raft log that a crash left half written");
  }
  Chain::Settings chain;
  chain.id = worker->settings_.id;
  chain.tick_interval = worker->settings_.tick_interval;
  chain.joining = worker->settings_.joining;
  SELVAGE_TRY(worker->chain_,
              Chain::make(chain, worker->bundle_, *newest, *worker->wal_, *worker, worker->parts_.processor,
                          worker->parts_.signer, worker->parts_.random, worker->parts_.metrics));
  if (worker->parts_.make_source && worker->parts_.server_certificate) {
    CatchUp::Host& host = *worker;
    worker->catch_up_ = std::make_unique<CatchUp>(worker->channel_, worker->parts_.make_source(worker->channel_),
                                                  *worker->parts_.server_certificate, worker->settings_.id, host);
  }
  return worker;
}

ChainWorker::ChainWorker(Settings settings, Parts parts, std::shared_ptr<ledger::BlockStore> store,
                         channel::BundlePtr bundle, OnBundle on_bundle, OnChange on_change)
    : settings_(std::move(settings)),
      parts_(std::move(parts)),
      store_(std::move(store)),
      on_bundle_(std::move(on_bundle)),
      on_change_(std::move(on_change)),
      channel_(bundle->channel_id()),
      logger_(log::Logger("orderer.consensus.etcdraft").with("channel", channel_).with("node", settings_.id)),
      gate_(std::make_shared<Gate>()),
      members_(std::make_shared<const cluster::Members>()),
      bundle_(std::move(bundle)) {
  gate_->worker = this;
}

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
    taken_.notify_all();
  }
  if (catch_up_) catch_up_->stop();
  if (thread_.joinable()) thread_.join();
  {
    std::lock_guard lock(gate_->mutex);
    gate_->worker = nullptr;
  }
  std::vector<std::function<void()>> waiting;
  bool first = false;
  {
    std::lock_guard lock(mutex_);
    first = !std::exchange(stopped_, true);
    waiting.swap(waiting_for_room_);
    queue_.clear();
    forwards_.clear();
    received_.clear();
    queued_bytes_ = received_bytes_ = 0;
  }
  if (first && parts_.transport != nullptr) parts_.transport->forget(channel_);
  for (auto& room : waiting) room();
  changed();
}

ChainWorker::Taken ChainWorker::order(Submission& submission, std::function<void()> room, std::string* why) {
  raft::NodeId leader = raft::kNone;
  {
    std::lock_guard lock(mutex_);
    if (!started_ || stopping_ || failure_ || removed_) return Taken::kStopped;
    leader = soft_.leader;
    if (leader == settings_.id) {
      if (queue_.size() >= waiting_max() || queued_bytes_ >= settings_.queued_bytes_max) {
        waiting_for_room_.push_back(std::move(room));
        return Taken::kFull;
      }
      queued_bytes_ += submission.envelope.size();
      queue_.push_back(std::move(submission));
      if (queue_.size() == 1) wake_.notify_one();
      return Taken::kYes;
    }
    // Another consenter has heard of a leader, maybe of us, before we have; or it has not heard yet that we lead no more.
    if (submission.forwarded && leader == raft::kNone) {
      if (forwards_.size() >= waiting_max()) {
        waiting_for_room_.push_back(std::move(room));
        return Taken::kFull;
      }
      wait_for_leader(std::move(submission));
      return Taken::kYes;
    }
  }
  if (!submission.forwarded) {
    auto& received = submission.config ? parts_.metrics.config_proposals_received : parts_.metrics.normal_proposals_received;
    received.with({channel_}).add(1);
  }
  auto& failures = parts_.metrics.proposal_failures.with({channel_});
  if (leader == raft::kNone || parts_.transport == nullptr) {
    failures.add(1);
    return Taken::kNoLeader;
  }
  LOG_DEBUG(logger_, "Forwarding transaction to the leader {}", leader);
  auto sent = parts_.transport->submit(channel_, leader, submission.envelope, submission.validated_at, std::move(room));
  if (sent) return Taken::kYes;
  if (sent.error().code == Code::kResourceExhausted) return Taken::kFull;
  failures.add(1);
  if (why != nullptr) *why = sent.error().message;
  return Taken::kNotForwarded;
}

std::string ChainWorker::refusal(Taken taken, const std::string& why) {
  switch (taken) {
    case Taken::kNoLeader:
      return "no Raft leader";
    case Taken::kNotForwarded:
      return why;
    default:
      return "chain is stopped";
  }
}

bool ChainWorker::post(std::function<void()> task, size_t bytes) {
  std::lock_guard lock(mutex_);
  if (stopping_ || failure_ || removed_) return false;
  received_.emplace_back(std::move(task), bytes);
  received_bytes_ += bytes;
  if (received_.size() == 1) wake_.notify_one();
  return true;
}

Status ChainWorker::step(raft::NodeId sender, raft::Message message, Bytes metadata) {
  size_t bytes = 256 + metadata.size() + message.context.size();
  for (const auto& entry : message.entries) bytes += 64 + entry.data_bytes();
  if (message.snapshot && message.snapshot->data) bytes += message.snapshot->data->size();
  {
    std::lock_guard lock(mutex_);
    if (!started_) return fail(Code::kUnavailable, "chain is not started");
    if (received_.size() >= settings_.received_max || received_bytes_ >= settings_.received_bytes_max) {
      return fail(Code::kResourceExhausted, "too many messages wait to be worked on");
    }
  }
  auto task = [this, sender, message = std::move(message), metadata = std::move(metadata)]() mutable {
    if (auto stepped = chain_->step(std::move(message), steady_now()); !stepped) {
      LOG_DEBUG(logger_, "Message of node {} ignored: {}", sender, stepped.error().message);
    }
    if (!metadata.empty()) chain_->take_metadata(sender, metadata);
  };
  if (!post(std::move(task), bytes)) return fail(Code::kUnavailable, "chain is stopped");
  return {};
}

cluster::MembersPtr ChainWorker::members() const {
  std::lock_guard lock(mutex_);
  return members_;
}

MsgProcessor::ConsensusView ChainWorker::consensus() const {
  std::lock_guard lock(mutex_);
  return consensus_;
}

ChainStatus ChainWorker::status() const {
  std::lock_guard lock(mutex_);
  if (failure_) return ChainStatus::kFailed;
  return stopped_ || removed_ ? ChainStatus::kInactive : ChainStatus::kActive;
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
  // A pair of consenters cannot grow to three while one of them is down, so it goes on giving blocks.
  return stopping_ || failure_.has_value() || removed_ || (soft_.leader == raft::kNone && (tolerant_ || !had_leader_));
}

bool ChainWorker::evicted() const {
  std::lock_guard lock(mutex_);
  return removed_;
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
  while (!stopping_ && !failure_ && !removed_) {
    auto until = next_tick;
    if (const auto deadline = chain_->batch_deadline()) until = std::min(until, *deadline);
    wake_.wait_until(lock, until,
                     [&] { return stopping_ || !received_.empty() || (!queue_.empty() && chain_->accepting()); });
    if (stopping_) break;
    take_received(lock);
    take_submissions(lock);
    forward_waiting(lock);
    lock.unlock();
    const SteadyTime now = steady_now();
    chain_->on_time(now);
    if (now >= next_tick) {
      chain_->tick(now);
      suspect_eviction(now);
      // After a pause (a suspended machine, a slow disk) ticks are not made up for: others would be given no time.
      next_tick = std::max(next_tick + settings_.tick_interval, now);
    }
    chain_->run();
    publish();
    lock.lock();
  }
  const bool removed = removed_ && !stopping_;
  lock.unlock();
  if (removed && parts_.on_evicted) parts_.on_evicted();
}

// What came from other consenters and from the threads that help us. Then one round writes all of it with one sync.
void ChainWorker::take_received(std::unique_lock<std::mutex>& lock) {
  if (received_.empty()) return;
  auto received = std::exchange(received_, {});
  received_bytes_ = 0;
  lock.unlock();
  for (auto& [task, bytes] : received) task();
  lock.lock();
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
  if (waiting_for_room_.empty() || (!queue_.empty() && queue_.size() > bundle_->orderer()->batch_size.max_message_count) ||
      queued_bytes_ > settings_.queued_bytes_max / 2) {
    return;
  }
  auto waiting = std::exchange(waiting_for_room_, {});
  lock.unlock();
  for (auto& room : waiting) room();
  lock.lock();
}

// Under mutex_. What waits here is lost with this node: two blocks' worth is enough to keep the chain busy.
size_t ChainWorker::waiting_max() const {
  const size_t enough = std::max<size_t>(2 * bundle_->orderer()->batch_size.max_message_count, 100);
  return std::min(settings_.queued_max, enough);
}

// Under mutex_.
void ChainWorker::wait_for_leader(Submission submission) {
  forwards_.push_back({std::move(submission), steady_now() + kForwardFor});
}

// What was taken in line for a leader that is none any more goes to the next one.
void ChainWorker::forward_waiting(std::unique_lock<std::mutex>& lock) {
  while (!forwards_.empty()) {
    if (soft_.leader == settings_.id) {
      queued_bytes_ += forwards_.front().submission.envelope.size();
      queue_.push_back(std::move(forwards_.front().submission));
      forwards_.pop_front();
      continue;
    }
    if (soft_.leader != raft::kNone && parts_.transport != nullptr) {
      Forward next = std::move(forwards_.front());
      forwards_.pop_front();
      const auto leader = soft_.leader;
      lock.unlock();
      const auto sent = parts_.transport->submit(channel_, leader, next.submission.envelope,
                                                 next.submission.validated_at, [] {});
      if (sent && next.submission.config) LOG_INFO(logger_, "Reconfiguration transaction forwarded successfully");
      lock.lock();
      if (sent) continue;
      forwards_.push_front(std::move(next));
    }
    if (steady_now() < forwards_.front().until) return;
    LOG_WARN(logger_, "A transaction that waited for another leader is dropped after {}s", kForwardFor.count());
    parts_.metrics.proposal_failures.with({channel_}).add(1);
    forwards_.pop_front();
  }
}

void ChainWorker::suspect_eviction(SteadyTime now) {
  if (chain_->soft_state().leader != raft::kNone || chain_->cluster_size() < 2 || chain_->catching_up()) {
    leaderless_since_.reset();
    suspicions_ = 0;
    return;
  }
  if (!leaderless_since_) leaderless_since_ = now;
  const auto passed = now - *leaderless_since_;
  if (passed < settings_.eviction_suspicion * (suspicions_ + 1)) return;
  ++suspicions_;
  if (catch_up_) catch_up_->check_eviction(passed);
}

// Lets other threads see what the chain knows.
void ChainWorker::publish() {
  std::vector<std::function<void()>> waiting;
  {
    std::lock_guard lock(mutex_);
    const auto soft = chain_->soft_state();
    const bool lost = soft_.leader == settings_.id && soft.leader != settings_.id;
    const bool failed = chain_->failure() && !failure_;
    const bool removed = chain_->removed() && !removed_;
    tolerant_ = chain_->cluster_size() > 2;
    if (soft == soft_ && !failed && !removed) return;
    soft_ = soft;
    had_leader_ = had_leader_ || soft.leader != raft::kNone;
    removed_ = removed_ || removed;
    if (failed) failure_ = chain_->failure();
    if (lost && !failed && !removed && parts_.transport != nullptr) {
      for (Submission& submission : queue_) wait_for_leader(std::move(submission));
    }
    if (lost || failed || removed) {
      queue_.clear();
      queued_bytes_ = 0;
      waiting.swap(waiting_for_room_);
    }
    if (failed || removed) taken_.notify_all();
  }
  for (auto& room : waiting) room();
  changed();
}

}  // namespace selvage::order
