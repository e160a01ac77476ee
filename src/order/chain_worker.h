// One channel of an orderer at work: the thread that owns its Chain, the queue in front of it, its ledger, and what
// Deliver reads (node/orderer makes a deliver::Source of it).
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/disk.h"
#include "channel/bundle.h"
#include "ledger/blocks/block_store.h"
#include "order/chain.h"
#include "order/msg_processor.h"
#include "order/raft/wal.h"

namespace selvage::order {

enum class ChainStatus { kActive, kInactive, kFailed };

class ChainWorker final : private Chain::Host {
 public:
  struct Settings {
    raft::NodeId id = raft::kNone;
    std::chrono::nanoseconds tick_interval{};
    raft::WalSettings wal;
    size_t queued_max = 2000;              // messages in line; then order() says kFull
    size_t queued_bytes_max = 64u << 20;
  };
  struct Parts {  // all outlive the worker
    Disk& disk;
    Random& random;
    const MsgProcessor& processor;
    ChainMetrics& metrics;
    wire::Signer signer;
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

  enum class Taken { kYes, kNoLeader, kStopped, kFull };
  // Puts a checked message in line. kYes: it will be ordered unless this node stops or loses the leadership. kFull: try
  // again when `room` was called, once, on the chain's thread; the submission is left as it was.
  [[nodiscard]] Taken order(Submission& submission, std::function<void()> room);
  [[nodiscard]] MsgProcessor::ConsensusView consensus() const;
  [[nodiscard]] ChainStatus status() const;
  // Why it failed; empty when it did not.
  [[nodiscard]] std::string failure() const;

  [[nodiscard]] uint64_t height() const { return store_->height(); }
  // kNotFound at or above the height.
  [[nodiscard]] Result<std::shared_ptr<const common::Block>> block(uint64_t number) const {
    return store_->block(number);
  }
  // The configuration in force; never null.
  [[nodiscard]] channel::BundlePtr bundle() const;
  // Stopped or failed: nothing will be added any more.
  [[nodiscard]] bool failing() const;

 private:
  ChainWorker(Settings settings, Parts parts, std::shared_ptr<ledger::BlockStore> store, channel::BundlePtr bundle,
              OnBundle on_bundle, OnChange on_change);
  void main();
  void take_submissions(std::unique_lock<std::mutex>& lock);
  void publish();
  void changed() const;

  // Chain::Host, on the chain's thread
  Status append(std::shared_ptr<const common::Block> block) override;
  void use(channel::BundlePtr bundle) override;
  void send(std::vector<raft::Message> messages) override;
  void consensus_changed(MsgProcessor::ConsensusView view) override;

  const Settings settings_;
  Parts parts_;
  const std::shared_ptr<ledger::BlockStore> store_;
  const OnBundle on_bundle_;
  const OnChange on_change_;
  std::unique_ptr<raft::Wal> wal_;
  std::unique_ptr<Chain> chain_;
  std::thread thread_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool started_ = false;
  bool running_ = false;  // the chain has started
  bool stopping_ = false;
  bool stopped_ = false;
  raft::SoftState soft_;             // as the thread last knew it
  std::optional<Error> failure_;
  std::deque<Submission> queue_;
  size_t queued_bytes_ = 0;
  std::vector<std::function<void()>> waiting_for_room_;
  channel::BundlePtr bundle_;
  MsgProcessor::ConsensusView consensus_;
};

}  // namespace selvage::order
