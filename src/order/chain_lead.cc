// What a chain does as leader, and when the leader changes: who is active, changes of the consenter set, giving the lead away.
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "common/configtx.pb.h"
#include "order/chain.h"
#include "order/consensus_metadata.h"
#include "wire/envelope.h"
#include "wire/marshal.h"

namespace selvage::order {
namespace {

constexpr int kAbdicationAttemptsMax = 5;
constexpr int kLooksUntilStable = 3;  // a leader forgets who is active for a moment at every check of its quorum

}  // namespace

void Chain::tell_consensus() { host_.consensus_changed({ids_, active_}); }

void Chain::tell_members() {
  cluster_size_.set(ids_.consenter_ids_size());
  host_.members_changed(ids_, config_);
}

// Fabric quirk: orderer/consensus/etcdraft/tracker.go
void Chain::track_active_nodes() {
  const auto was = active_;
  if (soft_.leader == raft::kNone) {
    active_.clear();
    active_nodes_.set(0);
  } else if (soft_.role == raft::Role::kLeader) {
    active_ = {settings_.id};
    for (const auto& [id, progress] : core_->progress()) {
      if (id != settings_.id && progress.recently_active) active_.push_back(id);
    }
    if (active_.size() != was.size()) {
      active_stable_ = 0;
    } else if (active_stable_ < kLooksUntilStable) {
      ++active_stable_;
    } else {
      active_stable_ = 0;
      active_nodes_.set(static_cast<double>(active_.size()));
      etcdraft::ClusterMetadata metadata;
      for (const raft::NodeId id : active_) metadata.add_active_nodes(id);
      if (ids_.consenter_ids_size() > 1) host_.send_metadata(wire::marshal(metadata));
    }
  }
  if (active_ != was) tell_consensus();
}

void Chain::take_metadata(raft::NodeId sender, BytesView bytes) {
  if (failure_ || sender != soft_.leader) return;
  const auto metadata = wire::parse<etcdraft::ClusterMetadata>(bytes);
  if (!metadata) return;
  active_.assign(metadata->active_nodes().begin(), metadata->active_nodes().end());
  active_nodes_.set(static_cast<double>(active_.size()));
  tell_consensus();
}

void Chain::on_soft_state(const raft::SoftState& now) {
  const raft::SoftState was = std::exchange(soft_, now);
  if (now.leader != was.leader) {
    LOG_INFO(logger_, "Raft leader changed: {} -> {}", was.leader, now.leader);
    leader_changes_.add(1);
    if (now.leader == settings_.id) become_leader();
    if (was.leader == settings_.id) become_follower();
    if (now.leader == raft::kNone) {
      LOG_WARN(logger_, "No leader is present, cluster size is {}", ids_.consenter_ids_size());
    } else {
      if (campaigner_) LOG_INFO(logger_, "Leader {} is present, quit campaign", now.leader);
      campaigner_ = false;
    }
    if (abdication_ && now.leader != settings_.id && now.leader != raft::kNone) {
      LOG_INFO(logger_, "Leader has been transferred from {} to {}", settings_.id, now.leader);
      host_.forward(std::move(abdication_->submission));
      abdication_.reset();
    }
  }
  if (now.leader == settings_.id && active_.empty()) active_ = {settings_.id};
  tell_consensus();
}

void Chain::become_leader() {
  is_leader_.set(1);
  in_flight_ = 0;
  just_elected_ = true;
  config_in_flight_ = false;
}

// What was not proposed yet is lost here, as its submitters were told nothing more than that it was received.
void Chain::become_follower() {
  is_leader_.set(0);
  (void)cutter_.cut();
  batch_deadline_.reset();
  creator_.reset();
  proposed_.clear();
  in_flight_ = 0;
  serving_ = just_elected_ = config_in_flight_ = change_to_propose_ = false;
}

// A new leader takes messages once everything in its log is in the ledger (only then does it know the last block), and a
// change of the consenters that its predecessor began is agreed on.
void Chain::start_serving() {
  if (core_->log().last() > core_->log().applied() || config_in_flight_ || catch_up_) return;
  if (auto change = change_in_flight()) {
    change_ = std::move(change);
    config_in_flight_ = true;
    return propose_change();
  }
  LOG_INFO(logger_, "Start accepting requests as Raft leader at block [{}]", last_header_.number());
  creator_.emplace(last_header_);
  just_elected_ = false;
  serving_ = true;
}

// The newest block changed the consenters, and Raft does not know yet. No block follows it before Raft does.
std::optional<raft::Change> Chain::change_in_flight() const {
  if (change_) return change_;
  if (!last_is_config_) return std::nullopt;
  const auto voters = core_->membership().voters;
  const std::vector<raft::NodeId> wanted(ids_.consenter_ids().begin(), ids_.consenter_ids().end());
  const auto has = [](const std::vector<raft::NodeId>& ids, raft::NodeId id) {
    return std::find(ids.begin(), ids.end(), id) != ids.end();
  };
  if (voters.size() < wanted.size()) {
    for (const raft::NodeId id : wanted) {
      if (!has(voters, id)) return raft::Change{0, raft::Change::Kind::kAdd, id, nullptr};
    }
  } else if (voters.size() > wanted.size()) {
    for (const raft::NodeId id : voters) {
      if (!has(wanted, id)) return raft::Change{0, raft::Change::Kind::kRemove, id, nullptr};
    }
  }
  return std::nullopt;
}

void Chain::propose_change() {
  change_to_propose_ = false;
  if (!change_ || soft_.leader != settings_.id) return;
  if (auto proposed = core_->propose_change(*change_); !proposed) {
    LOG_WARN(logger_, "Failed to propose configuration update to Raft node: {}", proposed.error().message);
  }
}

// Would this configuration take us out of the consenters, or replace our certificate? Then another node has to lead while
// it is agreed on. Fabric quirk: orderer/consensus/etcdraft/chain.go checkForEvictionNCertRotation
bool Chain::moves_ourselves(const common::Envelope& config) const {
  common::ConfigEnvelope envelope;
  if (!wire::open_envelope_of(config, common::CONFIG, envelope)) return false;
  const auto next = channel::Bundle::from_config(bundle_->channel_id(), envelope.config());
  if (!next) return false;
  const auto metadata = config_metadata_of(**next);
  if (!metadata) return false;
  const auto changes = membership_changes(ids_, config_, *metadata);
  if (!changes) return false;
  if (changes->rotated == settings_.id) {
    LOG_INFO(logger_, "Detected certificate rotation of our node");
    return ids_.consenter_ids_size() > 1;
  }
  if (changes->change && changes->change->kind == raft::Change::Kind::kRemove && changes->change->node == settings_.id) {
    LOG_INFO(logger_, "Detected eviction of ourselves from the configuration");
    return true;
  }
  return false;
}

void Chain::abdicate(Submission submission) {
  if (cutter_.pending()) {
    batch_deadline_.reset();
    std::vector<Batch> batches;
    batches.push_back(cutter_.cut());
    propose(std::move(batches));
  }
  abdication_ = Abdication{std::move(submission), 0, 0};
  try_transfer();
}

void Chain::try_transfer() {
  if (abdication_->attempts++ == kAbdicationAttemptsMax) {
    LOG_WARN(logger_, "Abdication failed too many times consecutively ({}), aborting retries", kAbdicationAttemptsMax);
    abdication_.reset();
    return;
  }
  abdication_->ticks_left = static_cast<int>(config_.options().election_tick());
  if (soft_.leader != settings_.id) return;  // waits for the next leader
  for (const auto& [id, progress] : core_->progress()) {
    if (id == settings_.id || !progress.recently_active || progress.paused()) continue;
    LOG_INFO(logger_, "Transferring leadership to {}", id);
    core_->transfer_leadership(id);
    return;
  }
  LOG_ERROR(logger_, "No follower is qualified as transferee, abort leader transfer");
}

}  // namespace selvage::order
