// One channel's consensus on one node: submissions in, blocks out. Raft core, block cutter and block writer put together;
// the owner (order/chain_worker.h) brings messages, ticks and time, and everything it writes goes through Host and Wal.
//
// No thread and no clock: one owner, one thread. After failure() is set it does nothing any more.
#pragma once

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
  };

  struct Settings {
    raft::NodeId id = raft::kNone;
    std::chrono::nanoseconds tick_interval{};  // for the warning about slow disks
    uint64_t catch_up_entries = 4;             // kept behind a snapshot for followers that are a little late
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
  // Does everything that the calls above made necessary. Call it after one or more of them.
  void run();

  [[nodiscard]] std::optional<SteadyTime> batch_deadline() const { return batch_deadline_; }
  // Leader, with room for more blocks, and no config block in flight.
  [[nodiscard]] bool accepting() const { return serving_ && !config_in_flight_ && in_flight_ < max_in_flight_; }
  [[nodiscard]] raft::SoftState soft_state() const { return soft_; }
  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }

 private:
  Chain(Settings settings, channel::BundlePtr bundle, etcdraft::ConfigMetadata config, etcdraft::BlockMetadata ids,
        BlockWriter writer, const common::Block& newest, raft::Wal& wal, Host& host, const MsgProcessor& processor,
        Random& random, ChainMetrics& metrics);
  void propose(std::vector<Batch> batches);
  void round();
  void on_soft_state(const raft::SoftState& now);
  void apply(const std::vector<raft::Entry>& entries);
  void apply_change(const raft::Entry& entry);
  void apply_block(const raft::Entry& entry);
  Status adopt_config(const common::Block& block);
  void start_serving();
  void maybe_snapshot();
  void fail_with(Error error);
  void tell_consensus();

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
  raft::Payload last_block_bytes_;
  raft::Index last_block_index_ = 0;
  std::optional<Error> failure_;

  metrics::Gauge &is_leader_, &committed_block_, &snapshot_block_, &cluster_size_, &active_nodes_;
  metrics::Counter &leader_changes_, &proposal_failures_, &normal_received_, &config_received_;
  metrics::Histogram &persist_seconds_, &fill_seconds_;
};

}  // namespace selvage::order
