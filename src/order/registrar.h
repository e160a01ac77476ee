// The channels of an orderer: found at start, joined and removed while it runs. Broadcast, Deliver and the participation
// API ask it for them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/disk.h"
#include "base/metrics.h"
#include "base/random.h"
#include "base/result.h"
#include "order/chain_worker.h"
#include "order/follower_worker.h"
#include "order/join_store.h"
#include "order/msg_processor.h"
#include "order/own_certificate.h"
#include "wire/signer.h"

namespace selvage::order {

// What the participation API tells of a channel.
struct ChannelInfo {
  std::string name;
  std::string consensus_relation;  // "consenter", "follower"
  std::string status;              // "active", "onboarding", "inactive", "failed"
  uint64_t height = 0;
};

// Safe from any thread.
class Registrar {
 public:
  struct Settings {
    std::string ledger_directory;    // FileLedger.Location
    std::string wal_directory;       // Consensus.WALDir
    std::string snapshot_directory;  // Consensus.SnapDir
    std::chrono::nanoseconds tick_interval_override{0};  // Consensus.TickIntervalOverride; 0: the channel's
    bool check_expiry = true;        // not General.Authentication.NoExpirationChecks
    std::chrono::nanoseconds eviction_suspicion = std::chrono::minutes(10);  // Consensus.EvictionSuspicion
  };
  struct Parts {  // references outlive the registrar
    Disk& disk;
    Random& random;
    const Clock& clock;
    metrics::Provider& metrics;
    wire::Signer signer;
    OwnCertificate server_certificate;  // by whose key we are told apart from other consenters
    ChainWorker::OnBundle on_bundle;         // a channel's configuration is in force (again)
    // Height, configuration or health of a channel changed; must only post work.
    std::function<void(const std::string& channel)> on_change;
    std::function<void(const std::string& channel)> on_removed;
    cluster::Transport* transport = nullptr;  // null: no channel with several consenters works
    MakeBlockSource make_source;              // empty: neither following nor catching up works
  };

  // Finishes joins and removals that a crash cut short and opens all channels; nothing is ordered before start().
  // Errors: kFailedPrecondition when another process uses the directory; one line that names the channel otherwise.
  [[nodiscard]] static Result<std::unique_ptr<Registrar>> open(Settings settings, Parts parts);
  ~Registrar();
  void start();
  void stop();

  // Null when this orderer is no consenter of such a channel.
  [[nodiscard]] std::shared_ptr<ChainWorker> chain(const std::string& channel) const;
  [[nodiscard]] const MsgProcessor& processor() const { return processor_; }

  // A message of this consenter of the channel arrived.
  void heard_of(const std::string& channel, raft::NodeId id);

  // The participation API. Errors have Fabric's words; the code tells them apart: kAlreadyExists, kNotFound, kAborted
  // (pending removal), kInternal (removal failed), kFailedPrecondition (only followed), kInvalidArgument.
  [[nodiscard]] std::vector<std::string> list() const;
  [[nodiscard]] Result<ChannelInfo> info(const std::string& channel) const;
  // `block` was checked by check_join_block (order/participation.h).
  [[nodiscard]] Result<ChannelInfo> join(const std::string& channel, const common::Block& block);
  // Has a CONFIG_UPDATE ordered. Returns once it is in line.
  [[nodiscard]] Result<ChannelInfo> update(const std::string& channel, const common::Envelope& envelope);
  Status remove(const std::string& channel);
  // "newest", "oldest", "config" or a number.
  [[nodiscard]] Result<std::shared_ptr<const common::Block>> fetch(const std::string& channel,
                                                                   const std::string& block) const;

  // Name and reason of each channel that failed; for /healthz.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> failures() const;

 private:
  Registrar(Settings settings, Parts parts, JoinStore joins, std::unique_ptr<DiskLock> lock);
  Status load();
  Result<std::shared_ptr<ledger::BlockStore>> open_store(const std::string& channel);
  Result<std::shared_ptr<ChainWorker>> make_chain(const std::string& channel, channel::BundlePtr bundle,
                                                  std::shared_ptr<ledger::BlockStore> store);
  Result<std::shared_ptr<ChainWorker>> create_from(const std::string& channel, const common::Block& join_block);
  Result<std::shared_ptr<Follower>> make_follower(const std::string& channel, std::shared_ptr<ledger::BlockStore> store,
                                                  std::optional<common::Block> join_block, bool wary);
  Status load_join(const std::string& channel);
  Status load_channel(const std::string& channel);
  void switch_to_chain(const std::string& channel);
  void switch_to_follower(const std::string& channel);
  void post(std::function<void()> task);
  void run_tasks();
  Result<bool> begins_anew(const std::string& channel, raft::NodeId id);
  Status forget_log(const std::string& channel);
  Status remove_files(const std::string& channel);
  [[nodiscard]] std::string chain_directory(const std::string& channel) const;
  [[nodiscard]] ChannelInfo describe(const std::string& channel, const ChainWorker& chain) const;
  [[nodiscard]] ChannelInfo describe(const std::string& channel, const Follower& follower) const;
  [[nodiscard]] Status removal_state(const std::string& channel) const;
  void report(const ChannelInfo& channel);

  const Settings settings_;
  Parts parts_;
  JoinStore joins_;
  std::unique_ptr<DiskLock> lock_;
  MsgProcessor processor_;
  ChainMetrics chain_metrics_;
  metrics::Family<metrics::Gauge>& status_gauge_;
  metrics::Family<metrics::Gauge>& relation_gauge_;

  mutable std::mutex mutex_;
  std::mutex changing_;  // held by join and remove, which take their time
  std::map<std::string, std::shared_ptr<ChainWorker>> chains_;
  std::map<std::string, std::shared_ptr<Follower>> followers_;
  struct Removing {
    bool failed = false;
    std::string relation;
  };
  std::map<std::string, Removing> removing_;
  bool started_ = false;

  // Chains that become followers and the other way round, one at a time.
  std::mutex tasks_mutex_;
  std::condition_variable tasks_wake_;
  std::deque<std::function<void()>> tasks_;
  bool tasks_end_ = false;
  std::thread tasks_thread_;
};

}  // namespace selvage::order
