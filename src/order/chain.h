// One channel's consensus on one node: submissions in, blocks out. Raft core, block cutter and block writer put together;
// the owner (order/chain_worker.h) brings messages, ticks and time, and everything it writes goes through Host and Wal.
//
// No thread and no clock: one owner, one thread. After failure() is set it does nothing any more.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/result.h"
#include "channel/bundle.h"
#include "common/common.pb.h"
#include "order/block_cutter.h"
#include "order/block_writer.h"
#include "order/chain_metrics.h"
#include "order/msg_processor.h"
#include "order/raft/core.h"
#include "order/raft/wal.h"
#include "orderer/etcdraft/configuration.pb.h"
#include "orderer/etcdraft/metadata.pb.h"

namespace selvage::order {

struct Submission {
  Bytes envelope;             // marshalled as Go would
  size_t message_bytes = 0;   // payload and signature
  bool config = false;        // a CONFIG envelope, to have a block of its own
  uint64_t validated_at = 0;  // sequence of the configuration it was checked under
  bool forwarded = false;     // came from another consenter, and was counted there
};

class Chain {
 public:
  // What the chain needs from its owner; called from within its functions.
  class Host {
   public:
    virtual ~Host() = default;
    // The next block, durable on return.
    virtual Status append(std::shared_ptr<const common::Block> block) = 0;
    // This configuration is in force from the next block on.
    virtual void use(channel::BundlePtr bundle) = 0;
    virtual void send(std::vector<raft::Message> messages) = 0;
    // What consensus knows of itself changed; for checks of config updates on other threads.
    virtual void consensus_changed(MsgProcessor::ConsensusView view) = 0;

    // From here on only for channels with several consenters.
    // Who they are from now on: the others are to be spoken with.
    virtual void members_changed(const etcdraft::BlockMetadata& ids, const etcdraft::ConfigMetadata& config) {}
    // etcdraft.ClusterMetadata, to go once to each node with one of the messages that follow.
    virtual void send_metadata(Bytes metadata) {}
    // Blocks from the ledger's height up to and including `number` are needed from other orderers: hand each to
    // take_pulled(). A later call with a larger number replaces an earlier one.
    virtual void pull_blocks_until(uint64_t number) {}
    // For the leader, which is another node by now; the chain is done with it.
    virtual void forward(Submission submission) {}
  };

  struct Settings {
    raft::NodeId id = raft::kNone;
    std::chrono::nanoseconds tick_interval{};  // for the warning about slow disks
    uint64_t catch_up_entries = 4;             // kept behind a snapshot for followers that are a little late
    bool joining = false;                      // was added to a running cluster: an empty log is what it starts with
  };

  // `wal` was just opened. `newest` is the last block of the ledger. All references must outlive the chain.
  // Errors: kFailedPrecondition when the log of this node was lost, kInvalidArgument for a configuration without Raft.
  [[nodiscard]] static Result<std::unique_ptr<Chain>> make(Settings settings, channel::BundlePtr bundle,
                                                           const common::Block& newest, raft::Wal& wal, Host& host,
                                                           const MsgProcessor& processor, wire::Signer signer,
                                                           Random& random, ChainMetrics& metrics);

  // Starts, or restarts: replays what the log has, and as the only consenter becomes leader at once.
  void start(SteadyTime now);

  // Only when accepting(). Order of calls is order in the chain; a message that is not valid any more is dropped.
  void submit(Submission submission, SteadyTime now);
  void tick(SteadyTime now);
  // Cuts the batch whose time is over; a no-op before batch_deadline().
  void on_time(SteadyTime now);
  Status step(raft::Message message, SteadyTime now);
  // What Host::send could not deliver. report_snapshot() for each kSnapshot, delivered or not.
  void report_unreachable(raft::NodeId id);
  void report_snapshot(raft::NodeId id, bool sent);
  // Metadata that came with a message of `sender`.
  void take_metadata(raft::NodeId sender, BytesView metadata);
  // The next of the blocks that were asked for. Its place in the hash chain and its signatures were verified.
  Status take_pulled(std::shared_ptr<common::Block> block);
  // Others are at `number` though no leader tells us: asks for the blocks up to there.
  void catch_up_to(uint64_t number);
  // Others agree that this node is a consenter no more: it does nothing from now on.
  void halt_as_removed();
  // Does everything that the calls above made necessary. Call it after one or more of them.
  void run();

  [[nodiscard]] std::optional<SteadyTime> batch_deadline() const { return batch_deadline_; }
  // Leader, with room for more blocks, and no config block in flight.
  [[nodiscard]] bool accepting() const {
    return serving_ && !config_in_flight_ && !abdication_ && in_flight_ < max_in_flight_;
  }
  [[nodiscard]] raft::SoftState soft_state() const { return soft_; }
  // This node is a consenter no more, by a change that was agreed on or because it is spoken to under another id.
  [[nodiscard]] bool removed() const { return removed_; }
  [[nodiscard]] size_t cluster_size() const { return static_cast<size_t>(ids_.consenter_ids_size()); }
  [[nodiscard]] bool catching_up() const { return catch_up_.has_value(); }
  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }
  // For the simulation, which looks at logs and terms.
  [[nodiscard]] const raft::Core& core() const { return *core_; }

 private:
  Chain(Settings settings, channel::BundlePtr bundle, etcdraft::ConfigMetadata config, etcdraft::BlockMetadata ids,
        BlockWriter writer, const common::Block& newest, raft::Wal& wal, Host& host, const MsgProcessor& processor,
        Random& random, ChainMetrics& metrics);
  bool propose(std::vector<Batch> batches);
  void round();
  void on_soft_state(const raft::SoftState& now);
  void apply(const std::vector<raft::Entry>& entries);
  void apply_change(const raft::Entry& entry);
  void apply_block(const raft::Entry& entry);
  Status adopt_config(const common::Block& block, bool pulled);
  void submit_config(Submission submission);
  void start_serving();
  void become_leader();
  void become_follower();
  void propose_change();
  void track_active_nodes();
  [[nodiscard]] std::optional<raft::Change> change_in_flight() const;
  [[nodiscard]] bool moves_ourselves(const common::Envelope& config) const;
  void abdicate(Submission submission);
  void try_transfer();
  void send(std::vector<raft::Message> messages);
  void on_snapshot(const raft::Snapshot& snapshot);
  void caught_up();
  void maybe_snapshot();
  void fail_with(Error error);
  void tell_consensus();
  void tell_members();

  Settings settings_;
  channel::BundlePtr bundle_;
  etcdraft::ConfigMetadata config_;
  etcdraft::BlockMetadata ids_;
  BlockWriter writer_;
  raft::Wal& wal_;
  Host& host_;
  const MsgProcessor& processor_;
  Random& random_;
  log::Logger logger_;
  std::unique_ptr<raft::Core> core_;
  bool fresh_ = false;
  bool campaigner_ = false;  // starts the first election of a new channel
  int ticks_ = 0;

  BlockCutter cutter_;
  std::optional<SteadyTime> batch_deadline_;
  SteadyTime batch_started_{};
  std::optional<BlockCreator> creator_;  // while leader
  common::BlockHeader last_header_;      // of the newest written block
  // Blocks that we proposed, by the address of their bytes in the log: no need to parse them again.
  std::unordered_map<const Bytes*, std::shared_ptr<common::Block>> proposed_;
  raft::SoftState soft_;
  bool serving_ = false;
  bool just_elected_ = false;
  bool config_in_flight_ = false;
  size_t in_flight_ = 0;
  size_t max_in_flight_ = 1;

  raft::Index applied_index_ = 0;  // of the newest block in the ledger
  uint64_t bytes_since_snapshot_ = 0;
  uint64_t snapshot_interval_bytes_ = 0;
  raft::Snapshot found_snapshot_;  // on disk at start
  raft::Payload last_block_bytes_;
  raft::Index last_block_index_ = 0;
  std::optional<Error> failure_;

  // Of clusters with several nodes.
  std::vector<raft::NodeId> active_;  // as the leader sees them; tells config updates from losing the quorum
  int active_stable_ = 0;             // looks at the nodes that gave the same number
  std::optional<raft::Change> change_;  // of the newest config block; not agreed on yet
  bool change_to_propose_ = false;
  std::optional<uint64_t> catch_up_;  // the block that is pulled up to; entries wait in backlog_ till then
  std::deque<raft::Entry> backlog_;
  struct Abdication {
    Submission submission;
    int attempts = 0;
    int ticks_left = 0;
  };
  std::optional<Abdication> abdication_;  // a config message that is for another leader
  bool removed_ = false;
  bool last_is_config_ = false;

  metrics::Gauge &is_leader_, &committed_block_, &snapshot_block_, &cluster_size_, &active_nodes_;
  metrics::Counter &leader_changes_, &proposal_failures_, &normal_received_, &config_received_;
  metrics::Histogram &persist_seconds_, &fill_seconds_;
};

}  // namespace selvage::order
