#include "order/chain.h"

#include <fmt/ranges.h>

#include <chrono>
#include <utility>

#include "common/configtx.pb.h"
#include "crypto/hash.h"
#include "order/consensus_metadata.h"
#include "order/raft/codec.h"
#include "wire/block.h"
#include "wire/envelope.h"
#include "wire/fields.h"
#include "wire/marshal.h"

namespace selvage::order {
namespace {

constexpr uint64_t kSnapshotIntervalBytes = 16u << 20;  // when the channel does not say

// Which founding member calls the first election. Fabric quirk: orderer/consensus/etcdraft/node.go start
raft::NodeId first_campaigner(const std::string& channel, size_t members) {
  const Bytes hash = crypto::sha256(channel);
  BytesView tail = BytesView(hash).substr(24);
  uint64_t number = 0;
  if (!wire::take_varint(tail, number)) number = 0;
  return number % members + 1;
}

double seconds_since(SteadyTime start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

Result<std::unique_ptr<Chain>> Chain::make(Settings settings, channel::BundlePtr bundle, const common::Block& newest,
                                           raft::Wal& wal, Host& host, const MsgProcessor& processor,
                                           wire::Signer signer, Random& random, ChainMetrics& metrics) {
  SELVAGE_TRY(auto config, config_metadata_of(*bundle));
  if (!config.has_options()) return fail(Code::kInvalidArgument, "etcdraft options have not been provided");
  SELVAGE_TRY(auto ids, block_metadata_of(newest, config));
  SELVAGE_TRY(auto writer, BlockWriter::after(newest, bundle->sequence(), std::move(signer), random));
  std::unique_ptr<Chain> chain(new Chain(settings, std::move(bundle), std::move(config), std::move(ids),
                                         std::move(writer), newest, wal, host, processor, random, metrics));
  raft::Restart restart = wal.take_restart();
  const bool empty = restart.hard_state.empty() && restart.snapshot.empty() && restart.entries.empty();
  const bool alone = chain->ids_.consenter_ids_size() == 1;
  if (empty && newest.header().number() > 0 && alone) {
    return fail(Code::kFailedPrecondition,
                fmt::format("the raft log of channel {} is empty although its ledger has {} blocks",
                            chain->bundle_->channel_id(), newest.header().number() + 1),
                "", "restore Consensus.WALDir of this orderer; a consenter that lost its log must not go on under its id");
  }
  chain->fresh_ = empty && newest.header().number() == 0;
  const auto& options = chain->config_.options();
  raft::Config raft;
  raft.id = settings.id;
  raft.election_ticks = static_cast<int>(options.election_tick());
  raft.heartbeat_ticks = static_cast<int>(options.heartbeat_tick());
  raft.message_bytes_max = chain->bundle_->orderer()->batch_size.preferred_max_bytes;
  raft.inflight_messages_max = options.max_inflight_blocks();
  raft.random = &random;
  raft.remark = [logger = chain->logger_](log::Level level, std::string text) {
    if (logger.enabled(level)) logger.write(level, "raft", text);
  };
  if (!restart.snapshot.empty()) {
    chain->last_block_index_ = restart.snapshot.index;
    common::Block block;
    if (restart.snapshot.data && block.ParseFromString(*restart.snapshot.data)) {
      chain->snapshot_block_.set(static_cast<double>(block.header().number()));
    }
  }
  chain->core_ = std::make_unique<raft::Core>(std::move(raft), std::move(restart));
  if (auto broken = chain->core_->broken()) return fail(Code::kDataLoss, *broken);
  return chain;
}

Chain::Chain(Settings settings, channel::BundlePtr bundle, etcdraft::ConfigMetadata config, etcdraft::BlockMetadata ids,
             BlockWriter writer, const common::Block& newest, raft::Wal& wal, Host& host,
             const MsgProcessor& processor, Random& random, ChainMetrics& metrics)
    : settings_(settings),
      bundle_(std::move(bundle)),
      config_(std::move(config)),
      ids_(std::move(ids)),
      writer_(std::move(writer)),
      wal_(wal),
      host_(host),
      processor_(processor),
      random_(random),
      logger_(log::Logger("orderer.consensus.etcdraft")
                  .with("channel", bundle_->channel_id())
                  .with("node", settings.id)),
      last_header_(newest.header()),
      max_in_flight_(std::max<size_t>(config_.options().max_inflight_blocks(), 1)),
      applied_index_(ids_.raft_index()),
      snapshot_interval_bytes_(config_.options().snapshot_interval_size() != 0
                                   ? config_.options().snapshot_interval_size()
                                   : kSnapshotIntervalBytes),
      is_leader_(metrics.is_leader.with({bundle_->channel_id()})),
      committed_block_(metrics.committed_block_number.with({bundle_->channel_id()})),
      snapshot_block_(metrics.snapshot_block_number.with({bundle_->channel_id()})),
      cluster_size_(metrics.cluster_size.with({bundle_->channel_id()})),
      active_nodes_(metrics.active_nodes.with({bundle_->channel_id()})),
      leader_changes_(metrics.leader_changes.with({bundle_->channel_id()})),
      proposal_failures_(metrics.proposal_failures.with({bundle_->channel_id()})),
      normal_received_(metrics.normal_proposals_received.with({bundle_->channel_id()})),
      config_received_(metrics.config_proposals_received.with({bundle_->channel_id()})),
      persist_seconds_(metrics.data_persist_duration.with({bundle_->channel_id()})),
      fill_seconds_(metrics.block_fill_duration.with({bundle_->channel_id()})) {
  is_leader_.set(0);
  active_nodes_.set(0);
  cluster_size_.set(ids_.consenter_ids_size());
  committed_block_.set(static_cast<double>(last_header_.number()));
  snapshot_block_.set(0);
}

void Chain::start(SteadyTime now) {
  LOG_INFO(logger_, "Starting Raft node");
  const std::vector<raft::NodeId> members(ids_.consenter_ids().begin(), ids_.consenter_ids().end());
  if (fresh_) {
    LOG_INFO(logger_, "Starting raft node as part of a new channel");
    campaigner_ = first_campaigner(bundle_->channel_id(), members.size()) == settings_.id;
    if (auto done = core_->bootstrap(members); !done) return fail_with(done.error());
  } else if (core_->log().last() == 0) {
    LOG_INFO(logger_, "Starting raft node to join an existing channel");
  } else {
    LOG_INFO(logger_, "Restarting raft node");
  }
  tell_consensus();
  run();
  // A single voter need not wait for anybody.
  if (!failure_ && core_->membership().voters == std::vector<raft::NodeId>{settings_.id}) {
    core_->campaign();
    run();
  } else if (campaigner_) {
    LOG_INFO(logger_, "This node is picked to start campaign");
  }
}

void Chain::tell_consensus() {
  MsgProcessor::ConsensusView view{ids_, {}};
  for (const auto& [id, progress] : core_->progress()) {
    if (id == settings_.id || progress.recently_active) view.active.push_back(id);
  }
  active_nodes_.set(soft_.role == raft::Role::kLeader ? static_cast<double>(view.active.size()) : 0);
  host_.consensus_changed(std::move(view));
}

void Chain::submit(Submission submission, SteadyTime now) {
  if (failure_ || !accepting()) return;
  (submission.config ? config_received_ : normal_received_).add(1);
  const uint64_t sequence = bundle_->sequence();
  if (submission.config) {
    common::Envelope config;
    if (!config.ParseFromString(submission.envelope)) return;
    if (submission.validated_at < sequence) {
      LOG_WARN(logger_, "Config message was validated against {}, although current config seq has advanced ({})",
               submission.validated_at, sequence);
      MsgProcessor::ConsensusView view{ids_, core_->membership().voters};
      auto again = processor_.reprocess_config(config, *bundle_, view);
      if (!again) {
        proposal_failures_.add(1);
        LOG_ERROR(logger_, "Failed to order message: bad config message: {}", again.error().message);
        return;
      }
      submission.envelope = wire::marshal(*again);
    }
    std::vector<Batch> batches;
    if (cutter_.pending()) batches.push_back(cutter_.cut());
    batch_deadline_.reset();
    batches.emplace_back().push_back(std::move(submission.envelope));
    propose(std::move(batches));
    config_in_flight_ = true;
    LOG_INFO(logger_, "Received config transaction, pause accepting transaction till it is committed");
    return;
  }
  if (submission.validated_at < sequence) {
    LOG_WARN(logger_, "Normal message was validated against {}, although current config seq has advanced ({})",
             submission.validated_at, sequence);
    const auto message = read_message(submission.envelope);
    const auto fine = message ? processor_.check_normal(*message, *bundle_) : Status(fail(message.error()));
    if (!fine) {
      proposal_failures_.add(1);
      LOG_ERROR(logger_, "Failed to order message: bad normal message: {}", fine.error().message);
      return;
    }
  }
  if (!cutter_.pending()) batch_started_ = now;
  auto cut = cutter_.ordered(std::move(submission.envelope), submission.message_bytes, bundle_->orderer()->batch_size);
  for (size_t i = 0; i < cut.batches.size(); ++i) {
    fill_seconds_.observe(std::chrono::duration<double>(now - batch_started_).count());
  }
  if (!cut.batches.empty()) batch_started_ = now;
  if (!cut.pending) {
    batch_deadline_.reset();
  } else if (!batch_deadline_) {
    batch_deadline_ = now + std::chrono::duration_cast<SteadyTime::duration>(bundle_->orderer()->batch_timeout);
  }
  propose(std::move(cut.batches));
}

void Chain::on_time(SteadyTime now) {
  if (failure_ || !batch_deadline_ || now < *batch_deadline_) return;
  batch_deadline_.reset();
  if (!serving_ || !cutter_.pending()) return;
  LOG_DEBUG(logger_, "Batch timer expired, creating block");
  fill_seconds_.observe(std::chrono::duration<double>(now - batch_started_).count());
  std::vector<Batch> batches;
  batches.push_back(cutter_.cut());
  propose(std::move(batches));
}

void Chain::propose(std::vector<Batch> batches) {
  for (Batch& batch : batches) {
    const BlockCreator before = *creator_;
    auto block = std::make_shared<common::Block>(creator_->next(std::move(batch)));
    auto bytes = std::make_shared<const Bytes>(wire::marshal(*block));
    LOG_INFO(logger_, "Created block [{}], there are {} blocks in flight", block->header().number(), in_flight_);
    if (auto proposed = core_->propose(bytes); !proposed) {
      LOG_ERROR(logger_, "Failed to propose block [{}] to raft: {}", block->header().number(),
                proposed.error().message);
      creator_ = before;
      return;
    }
    proposed_.emplace(bytes.get(), std::move(block));
    ++in_flight_;
  }
}

void Chain::tick(SteadyTime now) {
  if (failure_) return;
  core_->tick();
  ++ticks_;
  const int every = std::max(2 * static_cast<int>(config_.options().heartbeat_tick()), 1);
  if (campaigner_ && soft_.leader == raft::kNone && ticks_ % every == 0) core_->campaign();
}

Status Chain::step(raft::Message message, SteadyTime now) {
  if (failure_) return fail(*failure_);
  return core_->step(std::move(message));
}

void Chain::run() {
  while (!failure_ && core_->has_ready()) round();
  if (auto broken = core_->broken(); broken && !failure_) fail_with({Code::kDataLoss, *broken, "", ""});
}

// One turn of Raft: disk, then the state machine, then the others.
void Chain::round() {
  raft::Ready ready = core_->ready();
  // A leader's entries may travel while they are written here; nobody counts us before we have them.
  std::vector<raft::Message> early, late;
  for (raft::Message& message : ready.messages) {
    const bool may_go = core_->soft_state().role == raft::Role::kLeader &&
                        (message.type == raft::Type::kAppend || message.type == raft::Type::kHeartbeat);
    (may_go ? early : late).push_back(std::move(message));
  }
  if (!early.empty()) host_.send(std::move(early));
  const SteadyTime started = std::chrono::steady_clock::now();
  if (ready.snapshot) {
    if (auto saved = wal_.save_snapshot(*ready.snapshot); !saved) return fail_with(saved.error());
  }
  if (!ready.entries.empty() || ready.hard_state) {
    const bool sync = ready.must_sync;
    if (auto saved = wal_.save(ready.entries, ready.hard_state, sync); !saved) return fail_with(saved.error());
    if (sync) {
      const double took = seconds_since(started);
      persist_seconds_.observe(took);
      const double timeout = std::chrono::duration<double>(settings_.tick_interval).count() *
                             config_.options().election_tick();
      if (took > timeout / 2) {
        LOG_WARN(logger_, "WAL sync took {} seconds and the network is configured to start elections after {} seconds. "
                          "Your disk is too slow and may cause loss of quorum and trigger leadership election.",
                 took, timeout);
      }
    }
  }
  if (ready.soft_state) on_soft_state(*ready.soft_state);
  apply(ready.committed);
  if (failure_) return;
  core_->advance();
  if (!late.empty()) host_.send(std::move(late));
  if (just_elected_) start_serving();
  maybe_snapshot();
}

void Chain::on_soft_state(const raft::SoftState& now) {
  if (now.leader != soft_.leader) {
    LOG_INFO(logger_, "Raft leader changed: {} -> {}", soft_.leader, now.leader);
    leader_changes_.add(1);
    if (now.leader == settings_.id) {
      is_leader_.set(1);
      in_flight_ = 0;
      just_elected_ = true;
    } else if (soft_.leader == settings_.id) {
      // What was not proposed yet is lost here, as its submitters were told nothing more than that it was received.
      is_leader_.set(0);
      (void)cutter_.cut();
      batch_deadline_.reset();
      creator_.reset();
      proposed_.clear();
      in_flight_ = 0;
      serving_ = just_elected_ = config_in_flight_ = false;
    }
    if (now.leader == raft::kNone) {
      LOG_WARN(logger_, "No leader is present, cluster size is {}", ids_.consenter_ids_size());
    }
    campaigner_ = campaigner_ && now.leader == raft::kNone;
  }
  soft_ = now;
  tell_consensus();
}

// A new leader takes messages once everything in its log is in the ledger: only then does it know the last block.
void Chain::start_serving() {
  if (core_->log().last() > core_->log().applied() || config_in_flight_) return;
  LOG_INFO(logger_, "Start accepting requests as Raft leader at block [{}]", last_header_.number());
  creator_.emplace(last_header_);
  just_elected_ = false;
  serving_ = true;
}

void Chain::apply(const std::vector<raft::Entry>& entries) {
  for (const raft::Entry& entry : entries) {
    if (failure_) return;
    if (entry.kind == raft::Entry::Kind::kChange) {
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
  cluster_size_.set(static_cast<double>(members.voters.size()));
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
    block = std::make_shared<common::Block>();
    if (!block->ParseFromString(*entry.data)) {
      return fail_with({Code::kDataLoss, fmt::format("raft entry {} is no block", entry.index), "", ""});
    }
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
    if (auto adopted = adopt_config(*block); !adopted) return fail_with(adopted.error());
  }
  if (auto finished = writer_.finish(*block, wire::marshal(ids_), bundle_->sequence()); !finished) {
    return fail_with(finished.error());
  }
  last_header_ = block->header();
  if (auto written = host_.append(std::move(block)); !written) return fail_with(written.error());
  applied_index_ = entry.index;
  committed_block_.set(static_cast<double>(number));
  if (is_config) tell_consensus();
}

// The configuration of a config block comes into force before the block is written, and its metadata says so.
Status Chain::adopt_config(const common::Block& block) {
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
  host_.use(bundle_);
  return {};
}

void Chain::maybe_snapshot() {
  if (bytes_since_snapshot_ < snapshot_interval_bytes_ || !last_block_bytes_ || failure_) return;
  const raft::Index index = last_block_index_;
  if (index > core_->log().applied()) return;
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

void Chain::fail_with(Error error) {
  if (failure_) return;
  serving_ = just_elected_ = false;
  is_leader_.set(0);
  LOG_ERROR(logger_, "Chain halted: {}", to_string(error));
  failure_ = std::move(error);
}

}  // namespace selvage::order
