#include "order/chain.h"

#include <fmt/ranges.h>

#include <chrono>
#include <utility>

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
  if (empty && newest.header().number() > 0 && !settings.joining) {
    return fail(Code::kFailedPrecondition,
                fmt::format("the raft log of channel {} is empty although its ledger has {} blocks",
                            chain->bundle_->channel_id(), newest.header().number() + 1),
                "",
                "restore Consensus.WALDir of this orderer; a consenter that lost its log must not go on under its id: "
                "have it removed from the channel's consenters, join the channel anew, and have it added again");
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
    auto block = wire::parse<common::Block>(restart.snapshot.data ? BytesView(*restart.snapshot.data) : BytesView());
    if (block) chain->snapshot_block_.set(static_cast<double>(block->header().number()));
    chain->found_snapshot_ = restart.snapshot;
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
  last_is_config_ = wire::is_config_block(newest);
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
  tell_members();
  // A crash may have come between a snapshot and the blocks up to it.
  if (!found_snapshot_.empty()) on_snapshot(std::exchange(found_snapshot_, {}));
  run();
  // A single voter need not wait for anybody.
  if (!failure_ && core_->membership().voters == std::vector<raft::NodeId>{settings_.id}) {
    core_->campaign();
    run();
  } else if (campaigner_) {
    LOG_INFO(logger_, "This node is picked to start campaign");
  }
}

void Chain::submit(Submission submission, SteadyTime now) {
  if (failure_ || !accepting()) return;
  if (!submission.forwarded) (submission.config ? config_received_ : normal_received_).add(1);
  const uint64_t sequence = bundle_->sequence();
  if (submission.config) return submit_config(std::move(submission));
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

void Chain::submit_config(Submission submission) {
  auto config = wire::parse<common::Envelope>(submission.envelope);
  if (!config) return;
  if (const uint64_t sequence = bundle_->sequence(); submission.validated_at < sequence) {
    LOG_WARN(logger_, "Config message was validated against {}, although current config seq has advanced ({})",
             submission.validated_at, sequence);
    auto again = processor_.reprocess_config(*config, *bundle_, {ids_, active_});
    if (!again) {
      proposal_failures_.add(1);
      LOG_ERROR(logger_, "Failed to order message: bad config message: {}", again.error().message);
      return;
    }
    submission.envelope = wire::marshal(*again);
    submission.validated_at = sequence;
    config = std::move(*again);
  }
  if (moves_ourselves(*config)) return abdicate(std::move(submission));
  std::vector<Batch> batches;
  if (cutter_.pending()) batches.push_back(cutter_.cut());
  batch_deadline_.reset();
  batches.emplace_back().push_back(std::move(submission.envelope));
  if (!propose(std::move(batches))) return;
  config_in_flight_ = true;
  LOG_INFO(logger_, "Received config transaction, pause accepting transaction till it is committed");
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

bool Chain::propose(std::vector<Batch> batches) {
  for (Batch& batch : batches) {
    const BlockCreator before = *creator_;
    auto block = std::make_shared<common::Block>(creator_->next(std::move(batch)));
    auto bytes = std::make_shared<const Bytes>(wire::marshal(*block));
    LOG_INFO(logger_, "Created block [{}], there are {} blocks in flight", block->header().number(), in_flight_);
    if (auto proposed = core_->propose(bytes); !proposed) {
      LOG_ERROR(logger_, "Failed to propose block [{}] to raft: {}", block->header().number(),
                proposed.error().message);
      creator_ = before;
      return false;
    }
    proposed_.emplace(bytes.get(), std::move(block));
    ++in_flight_;
  }
  return true;
}

void Chain::tick(SteadyTime now) {
  if (failure_ || removed_) return;
  track_active_nodes();  // before the tick, which may forget who was active
  core_->tick();
  ++ticks_;
  if (abdication_ && --abdication_->ticks_left <= 0) try_transfer();
  // A change that etcd's rules turned into an empty entry, or that was dropped, is proposed again.
  if (change_ && config_in_flight_ && core_->log().last() == core_->log().applied()) propose_change();
  const int every = std::max(2 * static_cast<int>(config_.options().heartbeat_tick()), 1);
  if (campaigner_ && soft_.leader == raft::kNone && ticks_ % every == 0) core_->campaign();
}

Status Chain::step(raft::Message message, SteadyTime now) {
  if (failure_) return fail(*failure_);
  if (message.to != settings_.id) {
    LOG_WARN(logger_, "Received msg to {}, my ID is probably wrong due to out of date, cowardly halting", message.to);
    halt_as_removed();
    return {};
  }
  return core_->step(std::move(message));
}

void Chain::report_unreachable(raft::NodeId id) {
  if (!failure_) core_->report_unreachable(id);
}

void Chain::report_snapshot(raft::NodeId id, bool sent) {
  if (!failure_) core_->report_snapshot(id, sent);
}

void Chain::halt_as_removed() {
  removed_ = true;
  serving_ = just_elected_ = false;
  is_leader_.set(0);
  active_nodes_.set(0);
}

void Chain::run() {
  while (!failure_ && !removed_ && core_->has_ready()) round();
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
  if (!early.empty()) send(std::move(early));
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
  if (ready.snapshot) on_snapshot(*ready.snapshot);
  if (ready.soft_state) on_soft_state(*ready.soft_state);
  apply(ready.committed);
  if (failure_) return;
  core_->advance();
  if (!late.empty()) send(std::move(late));
  if (change_to_propose_) propose_change();
  if (just_elected_) start_serving();
  maybe_snapshot();
}

void Chain::send(std::vector<raft::Message> messages) {
  for (raft::Message& message : messages) {
    // A snapshot travels with the members of today, not of when it was taken.
    if (message.snapshot) message.snapshot->membership = core_->membership();
  }
  host_.send(std::move(messages));
}

void Chain::fail_with(Error error) {
  if (failure_) return;
  serving_ = just_elected_ = false;
  is_leader_.set(0);
  LOG_ERROR(logger_, "Chain halted: {}", to_string(error));
  failure_ = std::move(error);
}

}  // namespace selvage::order
