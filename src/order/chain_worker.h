// One channel of an orderer at work: the thread that owns its Chain, the queue in front of it, its ledger, and what
// Deliver reads (node/orderer makes a deliver::Source of it).
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/disk.h"
#include "channel/bundle.h"
#include "ledger/blocks/block_store.h"
#include "order/catch_up_worker.h"
#include "order/chain.h"
#include "order/cluster/members.h"
#include "order/msg_processor.h"
#include "order/own_certificate.h"
#include "order/raft/wal.h"

namespace selvage::order {

namespace cluster {
class Transport;
}

enum class ChainStatus { kActive, kInactive, kFailed };

class ChainWorker final : private Chain::Host, private CatchUp::Host {
 public:
  struct Settings {
    raft::NodeId id = raft::kNone;
    std::chrono::nanoseconds tick_interval{};
    raft::WalSettings wal;
    size_t queued_max = 2000;              // messages in line; then order() says kFull
    size_t queued_bytes_max = 64u << 20;
    size_t received_max = 4000;            // messages of other consenters in line; more are dropped, as Raft allows
    size_t received_bytes_max = 256u << 20;
    bool joining = false;                  // Chain::Settings
    std::chrono::nanoseconds eviction_suspicion = std::chrono::minutes(10);  // Consensus.EvictionSuspicion
  };
  struct Parts {  // all outlive the worker
    Disk& disk;
    Random& random;
    const MsgProcessor& processor;
    ChainMetrics& metrics;
    wire::Signer signer;
    cluster::Transport* transport = nullptr;  // null: there are no other consenters
    MakeBlockSource make_source;              // may be empty
    std::optional<OwnCertificate> server_certificate;  // ours, to be found among the consenters
    // This node is no consenter any more and its chain has halted. On the chain's thread, once: must only post work.
    std::function<void()> on_evicted;
  };
  // Called whenever another configuration is in force, on the chain's thread and once from start().
  using OnBundle = std::function<void(const channel::BundlePtr&)>;
  // Called after each change of height(), bundle() or failing(), on the thread that made it: it must only post work.
  using OnChange = std::function<void()>;

  // `bundle` is the configuration in force at the end of `store`, which is not empty. Opens the log.
  [[nodiscard]] static Result<std::unique_ptr<ChainWorker>> make(Settings settings, Parts parts,
                                                                 std::shared_ptr<ledger::BlockStore> store,
                                                                 channel::BundlePtr bundle, OnBundle on_bundle,
                                                                 OnChange on_change);
  // stop()
  ~ChainWorker() override;

  // Returns once the chain has read its log; a single consenter leads by then. Waits ten seconds at the most.
  void start();
  // The thread ends; readers go on with what is there. Twice is fine.
  void stop();

  enum class Taken { kYes, kNoLeader, kStopped, kFull, kNotForwarded };
  // Puts a checked message in line, here or at the leader. kYes: it will be ordered unless a node stops or the leader
  // changes. kFull: try again when `room` was called, once, on another thread; the submission is left as it was.
  // kNotForwarded: the leader is not reached, `why` (may be null) says why.
  [[nodiscard]] Taken order(Submission& submission, std::function<void()> room, std::string* why = nullptr);
  // "no Raft leader": what Fabric tells a client. `why` as order() gave it.
  [[nodiscard]] static std::string refusal(Taken taken, const std::string& why);

  // From another consenter, `sender`. kResourceExhausted: dropped.
  Status step(raft::NodeId sender, raft::Message message, Bytes metadata);
  // The other consenters; never null.
  [[nodiscard]] cluster::MembersPtr members() const;
  [[nodiscard]] MsgProcessor::ConsensusView consensus() const;
  [[nodiscard]] ChainStatus status() const;
  // Why it failed; empty when it did not.
  [[nodiscard]] std::string failure() const;

  [[nodiscard]] uint64_t height() const { return store_->height(); }
  [[nodiscard]] const std::shared_ptr<ledger::BlockStore>& store() const { return store_; }
  // kNotFound at or above the height.
  [[nodiscard]] Result<std::shared_ptr<const common::Block>> block(uint64_t number) const {
    return store_->block(number);
  }
  // The configuration in force; never null.
  [[nodiscard]] channel::BundlePtr bundle() const;
  // Stopped, failed, or without a leader: nothing will be added for now.
  [[nodiscard]] bool failing() const;
  // Chain::removed()
  [[nodiscard]] bool evicted() const;

 private:
  ChainWorker(Settings settings, Parts parts, std::shared_ptr<ledger::BlockStore> store, channel::BundlePtr bundle,
              OnBundle on_bundle, OnChange on_change);
  void main();
  void take_submissions(std::unique_lock<std::mutex>& lock);
  void take_received(std::unique_lock<std::mutex>& lock);
  void forward_waiting(std::unique_lock<std::mutex>& lock);
  void wait_for_leader(Submission submission);
  [[nodiscard]] size_t waiting_max() const;
  void suspect_eviction(SteadyTime now);
  void publish();
  void changed() const;
  bool post(std::function<void()> task, size_t bytes = 0);
  void send_failed(raft::NodeId to, const std::string& why);

  // Chain::Host, on the chain's thread
  Status append(std::shared_ptr<const common::Block> block) override;
  void use(channel::BundlePtr bundle) override;
  void send(std::vector<raft::Message> messages) override;
  void consensus_changed(MsgProcessor::ConsensusView view) override;
  void members_changed(const etcdraft::BlockMetadata& ids, const etcdraft::ConfigMetadata& config) override;
  void send_metadata(Bytes metadata) override;
  void pull_blocks_until(uint64_t number) override;
  void forward(Submission submission) override;

  // CatchUp::Host, on its thread
  BlockSource::Position position() override;
  Status take_block(std::shared_ptr<common::Block> block) override;
  void evicted_by_others() override;
  void behind(uint64_t number) override;

  struct Gate {  // between callbacks of others and this worker's end
    std::mutex mutex;
    ChainWorker* worker;
  };
  struct Forward {
    Submission submission;
    SteadyTime until;
  };

  const Settings settings_;
  Parts parts_;
  const std::shared_ptr<ledger::BlockStore> store_;
  const OnBundle on_bundle_;
  const OnChange on_change_;
  std::unique_ptr<raft::Wal> wal_;
  std::unique_ptr<Chain> chain_;
  const std::string channel_;
  log::Logger logger_;
  std::shared_ptr<Gate> gate_;
  std::unique_ptr<CatchUp> catch_up_;
  std::thread thread_;

  // Of the chain's thread
  Bytes metadata_;
  std::set<raft::NodeId> told_metadata_;
  std::set<raft::NodeId> unreachable_;  // said so already
  std::optional<SteadyTime> leaderless_since_;
  int suspicions_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool started_ = false;
  bool running_ = false;  // the chain has started
  bool stopping_ = false;
  bool stopped_ = false;
  raft::SoftState soft_;             // as the thread last knew it
  std::optional<Error> failure_;
  bool removed_ = false;
  bool had_leader_ = false;
  bool tolerant_ = false;  // more than two consenters
  std::condition_variable taken_;  // a pulled block
  std::deque<std::pair<std::function<void()>, size_t>> received_;
  size_t received_bytes_ = 0;
  std::deque<Forward> forwards_;
  cluster::MembersPtr members_;
  std::deque<Submission> queue_;
  size_t queued_bytes_ = 0;
  std::vector<std::function<void()>> waiting_for_room_;
  channel::BundlePtr bundle_;
  MsgProcessor::ConsensusView consensus_;
};

}  // namespace selvage::order
