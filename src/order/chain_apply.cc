// What a chain does with entries that were agreed on, and with blocks that come from elsewhere.
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "common/configtx.pb.h"
#include "order/chain.h"
#include "order/consensus_metadata.h"
#include "order/raft/codec.h"
#include "wire/block.h"
#include "wire/envelope.h"
#include "wire/marshal.h"

namespace selvage::order {

void Chain::apply(const std::vector<raft::Entry>& entries) {
  for (const raft::Entry& entry : entries) {
    if (failure_) return;
    if (catch_up_) {
      backlog_.push_back(entry);
    } else if (entry.kind == raft::Entry::Kind::kChange) {
      apply_change(entry);
    } else if (entry.data_bytes() > 0) {
      apply_block(entry);
    }
  }
}

void Chain::apply_change(const raft::Entry& entry) {
  auto change = raft::decode_change(entry.data ? BytesView(*entry.data) : BytesView());
  if (!change) {
    LOG_WARN(logger_, "Failed to unmarshal ConfChange data: {}", change.error().message);
    return;
  }
  const auto members = core_->apply(*change);
  if (change->kind == raft::Change::Kind::kAdd) {
    LOG_INFO(logger_, "Applied config change to add node {}, current nodes in channel: [{}]", change->node,
             fmt::join(members.voters, " "));
  } else {
    LOG_INFO(logger_, "Applied config change to remove node {}, current nodes in channel: [{}]", change->node,
             fmt::join(members.voters, " "));
  }
  if (change_ && change_->node == change->node && change_->kind == change->kind) {
    change_.reset();
    change_to_propose_ = config_in_flight_ = false;
    tell_members();
  }
  cluster_size_.set(static_cast<double>(members.voters.size()));
  if (change->kind == raft::Change::Kind::kRemove && change->node == settings_.id) {
    LOG_INFO(logger_, "This node is being removed from replica set");
    halt_as_removed();
  }
}

void Chain::apply_block(const raft::Entry& entry) {
  bytes_since_snapshot_ += entry.data_bytes();
  last_block_bytes_ = entry.data;
  last_block_index_ = entry.index;
  if (entry.index <= applied_index_) {
    LOG_DEBUG(logger_, "Received block with raft index ({}) <= applied index ({}), skip", entry.index, applied_index_);
    return;
  }
  std::shared_ptr<common::Block> block;
  if (auto known = proposed_.extract(entry.data.get())) {
    block = std::move(known.mapped());
    if (in_flight_ > 0) --in_flight_;
  } else {
    auto parsed = wire::parse<common::Block>(*entry.data);
    if (!parsed) {
      return fail_with({Code::kDataLoss, fmt::format("raft entry {} is no block", entry.index), parsed.error().message, ""});
    }
    block = std::make_shared<common::Block>(std::move(*parsed));
  }
  const uint64_t number = block->header().number();
  if (number <= last_header_.number()) {
    LOG_INFO(logger_, "Got block [{}], expect block [{}], this node was forced to catch up", number,
             last_header_.number() + 1);
    return;
  }
  if (number != last_header_.number() + 1) {
    return fail_with({Code::kDataLoss,
                      fmt::format("Got block [{}], expect block [{}]", number, last_header_.number() + 1), "", ""});
  }
  LOG_INFO(logger_, "Writing block [{}] (Raft index: {}) to ledger", number, entry.index);
  ids_.set_raft_index(entry.index);
  const bool is_config = wire::is_config_block(*block);
  if (is_config) {
    config_in_flight_ = false;
    if (auto adopted = adopt_config(*block, false); !adopted) return fail_with(adopted.error());
  }
  if (auto finished = writer_.finish(*block, wire::marshal(ids_), bundle_->sequence()); !finished) {
    return fail_with(finished.error());
  }
  last_header_ = block->header();
  last_is_config_ = is_config;
  if (auto written = host_.append(std::move(block)); !written) return fail_with(written.error());
  applied_index_ = entry.index;
  committed_block_.set(static_cast<double>(number));
  if (is_config) tell_consensus();
}

// The configuration of a config block comes into force before the block is written, and its metadata says so.
Status Chain::adopt_config(const common::Block& block, bool pulled) {
  const auto cannot = [&](const Error& error) {
    return fail(error.within(fmt::format("config block [{}] cannot be applied", block.header().number())));
  };
  auto envelope = wire::parse<common::Envelope>(block.data().data(0));
  if (!envelope) return cannot(envelope.error());
  common::ConfigEnvelope config;
  if (auto opened = wire::open_envelope_of(*envelope, common::CONFIG, config); !opened) return cannot(opened.error());
  if (auto follows = bundle_->check_next(config); !follows) return cannot(follows.error());
  auto next = channel::Bundle::from_config(bundle_->channel_id(), config.config());
  if (!next) return cannot(next.error());
  auto metadata = config_metadata_of(**next);
  if (!metadata) return cannot(metadata.error());
  auto changes = membership_changes(ids_, config_, *metadata);
  if (!changes) return cannot(changes.error());
  if (changes->rotated != raft::kNone) {
    LOG_INFO(logger_, "Config block [{}] rotates TLS certificate of node {}", block.header().number(),
             changes->rotated);
  }
  const auto index = ids_.raft_index();
  ids_ = changes->block_metadata;
  ids_.set_raft_index(index);
  config_ = std::move(*metadata);
  if (config_.options().snapshot_interval_size() != 0) {
    snapshot_interval_bytes_ = config_.options().snapshot_interval_size();
  }
  bundle_ = std::move(*next);
  max_in_flight_ = std::max<size_t>(config_.options().max_inflight_blocks(), 1);
  host_.use(bundle_);
  if (!changes->change || pulled) {
    change_.reset();
    tell_members();
    return {};
  }
  change_ = changes->change;
  config_in_flight_ = change_to_propose_ = soft_.leader == settings_.id;
  LOG_INFO(logger_, "Config block just committed {} node {}, pause accepting transactions till config change is applied",
           change_->kind == raft::Change::Kind::kAdd ? "adds" : "removes", change_->node);
  return {};
}

// Others gave us their state in place of the entries that led to it: the blocks up to it are to be pulled.
void Chain::on_snapshot(const raft::Snapshot& snapshot) {
  if (snapshot.index <= applied_index_) {
    LOG_DEBUG(logger_, "Skip snapshot taken at index {}, because it is behind current applied index {}", snapshot.index,
              applied_index_);
    return;
  }
  auto block = wire::parse<common::Block>(snapshot.data ? BytesView(*snapshot.data) : BytesView());
  if (!block) {
    return fail_with({Code::kDataLoss, fmt::format("the snapshot at raft index {} holds no block", snapshot.index),
                      block.error().message, ""});
  }
  applied_index_ = snapshot.index;
  const uint64_t number = block->header().number();
  if (number <= last_header_.number()) {
    LOG_WARN(logger_, "Snapshot is at block [{}], local block number is {}, no sync needed", number,
             last_header_.number());
    return;
  }
  LOG_INFO(logger_, "Catching up with snapshot taken at block [{}], starting from block [{}]", number,
           last_header_.number() + 1);
  catch_up_ = std::max(catch_up_.value_or(0), number);
  host_.pull_blocks_until(*catch_up_);
}

void Chain::catch_up_to(uint64_t number) {
  if (failure_ || removed_ || number <= last_header_.number() || catch_up_) return;
  LOG_INFO(logger_, "Received artificial snapshot to trigger catchup");
  catch_up_ = number;
  host_.pull_blocks_until(number);
}

Status Chain::take_pulled(std::shared_ptr<common::Block> block) {
  if (failure_) return fail(*failure_);
  const uint64_t number = block->header().number();
  if (number <= last_header_.number()) return {};
  if (number != last_header_.number() + 1 || block->header().previous_hash() != wire::header_hash(last_header_)) {
    return fail(Code::kFailedPrecondition, fmt::format("block [{}] does not follow block [{}]", number, last_header_.number()));
  }
  SELVAGE_TRY(const Bytes value, wire::consenter_metadata(*block));
  SELVAGE_TRY(const auto ids, wire::parse<etcdraft::BlockMetadata>(value));
  const bool is_config = wire::is_config_block(*block);
  const auto written = [&]() -> Status {
    if (is_config) SELVAGE_CHECK(adopt_config(*block, true));
    if (ids.consenter_ids_size() == config_.consenters_size()) ids_ = ids;
    SELVAGE_CHECK(writer_.finish(*block, value, bundle_->sequence()));
    last_header_ = block->header();
    last_is_config_ = is_config;
    return host_.append(std::move(block));
  }();
  if (!written) {
    fail_with(written.error());
    return fail(*failure_);
  }
  if (is_config) {
    tell_members();
    tell_consensus();
  }
  committed_block_.set(static_cast<double>(number));
  if (catch_up_ && number >= *catch_up_) caught_up();
  return {};
}

void Chain::caught_up() {
  LOG_INFO(logger_, "Finished syncing with cluster up to and including block [{}]", last_header_.number());
  catch_up_.reset();
  const std::vector<raft::Entry> waiting(backlog_.begin(), backlog_.end());
  backlog_.clear();
  apply(waiting);
  if (just_elected_ && !failure_) start_serving();
}

void Chain::maybe_snapshot() {
  if (bytes_since_snapshot_ < snapshot_interval_bytes_ || !last_block_bytes_ || failure_) return;
  const raft::Index index = last_block_index_;
  if (index > core_->log().applied() || catch_up_) return;
  const auto term = core_->log().term(index);
  if (!term) return;
  LOG_INFO(logger_,
           "Accumulated {} bytes since last snapshot, exceeding size limit ({} bytes), taking snapshot at block [{}] "
           "(index: {}), current nodes: [{}]",
           bytes_since_snapshot_, snapshot_interval_bytes_, last_header_.number(), index,
           fmt::join(core_->membership().voters, " "));
  raft::Snapshot snapshot{core_->membership(), index, *term, last_block_bytes_};
  if (auto saved = wal_.save_snapshot(snapshot); !saved) return fail_with(saved.error());
  core_->set_snapshot(std::move(snapshot));
  if (index > settings_.catch_up_entries) core_->compact(index - settings_.catch_up_entries);
  bytes_since_snapshot_ = 0;
  last_block_bytes_.reset();
  snapshot_block_.set(static_cast<double>(last_header_.number()));
}

}  // namespace selvage::order
