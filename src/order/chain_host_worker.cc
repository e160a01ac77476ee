// What a chain, and the thread that catches up for it, ask of their worker.
#include <utility>

#include "base/log.h"
#include "common/common.pb.h"
#include "order/chain_worker.h"
#include "order/cluster/transport_client.h"
#include "order/raft/codec.h"
#include "wire/block.h"

namespace selvage::order {

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
  if (parts_.transport == nullptr) return;
  for (const raft::Message& message : messages) {
    if (message.to == raft::kNone || message.to == settings_.id) continue;
    const bool tell = !metadata_.empty() && !told_metadata_.contains(message.to);
    const auto sent =
        parts_.transport->send(channel_, message.to, raft::encode(message), tell ? BytesView(metadata_) : BytesView());
    if (sent) {
      if (tell) told_metadata_.insert(message.to);
      // What was handed to a connection that is still being dialled has reached nobody yet.
      if (unreachable_.contains(message.to) && parts_.transport->connected(channel_, message.to)) {
        unreachable_.erase(message.to);
        LOG_INFO(logger_, "Successfully sent StepRequest to {} after failed attempt(s)", message.to);
      }
    } else {
      send_failed(message.to, sent.error().message);
    }
    if (message.type == raft::Type::kSnapshot) {
      post([this, to = message.to, done = sent.has_value()] { chain_->report_snapshot(to, done); });
    }
  }
}

void ChainWorker::send_failed(raft::NodeId to, const std::string& why) {
  if (unreachable_.insert(to).second) {
    LOG_ERROR(logger_, "Failed to send StepRequest to {}, because: {}", to, why);
  } else {
    LOG_DEBUG(logger_, "Failed to send StepRequest to {}, because: {}", to, why);
  }
  post([this, to] { chain_->report_unreachable(to); });
}

void ChainWorker::consensus_changed(MsgProcessor::ConsensusView view) {
  std::lock_guard lock(mutex_);
  consensus_ = std::move(view);
}

void ChainWorker::members_changed(const etcdraft::BlockMetadata& ids, const etcdraft::ConfigMetadata& config) {
  auto members = cluster::members_of(ids, config, settings_.id);
  if (!members) {
    LOG_ERROR(logger_, "Failed to configure communication: {}", to_string(members.error()));
    return;
  }
  unreachable_.clear();
  if (parts_.transport != nullptr) {
    parts_.transport->configure(channel_, *members, [gate = gate_](raft::NodeId id) {
      std::lock_guard lock(gate->mutex);
      if (auto* worker = gate->worker) worker->post([worker, id] { worker->chain_->report_unreachable(id); });
    });
  }
  std::lock_guard lock(mutex_);
  cluster::keep_times(*members, *members_, std::chrono::steady_clock::now());
  members_ = std::make_shared<const cluster::Members>(std::move(*members));
}

void ChainWorker::send_metadata(Bytes metadata) {
  metadata_ = std::move(metadata);
  told_metadata_.clear();
}

void ChainWorker::pull_blocks_until(uint64_t number) {
  if (catch_up_) catch_up_->pull_until(number);
}

void ChainWorker::forward(Submission submission) {
  std::lock_guard lock(mutex_);
  wait_for_leader(std::move(submission));
}

BlockSource::Position ChainWorker::position() {
  BlockSource::Position position;
  position.next_number = store_->height();
  position.bundle = bundle();
  if (auto newest = store_->block(position.next_number - 1))
    position.last_hash = wire::header_hash((*newest)->header());
  return position;
}

Status ChainWorker::take_block(std::shared_ptr<common::Block> block) {
  auto done = std::make_shared<std::optional<Status>>();
  if (!post([this, block = std::move(block), done] {
        Status taken = chain_->take_pulled(block);
        std::lock_guard lock(mutex_);
        done->emplace(std::move(taken));
        taken_.notify_all();
      })) {
    return fail(Code::kCancelled, "chain is stopped");
  }
  std::unique_lock lock(mutex_);
  taken_.wait(lock, [&] { return done->has_value() || stopping_ || failure_ || removed_; });
  if (done->has_value()) return **done;
  return fail(Code::kCancelled, "chain is stopped");
}

void ChainWorker::evicted_by_others() {
  post([this] { chain_->halt_as_removed(); });
}

void ChainWorker::behind(uint64_t number) {
  post([this, number] { chain_->catch_up_to(number); });
}

}  // namespace selvage::order
