// One channel of a peer: its ledger with everything that keeps it growing and reads from it.
//
//   orderer -> puller's thread: verify, prepare signatures -> a short line -> commit thread: validate, commit -> listeners
//
// The signatures of the next blocks are checked while this one is written. What the other stages see of the channel are
// the interfaces of chaincode/channels.h and deliver/serve/source.h.
//
// A block that cannot be validated or stored ends the peer (Failed): nothing is acknowledged that is not on disk. Where it
// is a validation plugin that gives no judgement, this channel stops and the others go on, as in Fabric.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"
#include "base/metrics.h"
#include "base/result.h"
#include "channel/bundle.h"
#include "chaincode/channels.h"
#include "commit/committer.h"
#include "deliver/pull/pull_worker.h"
#include "deliver/serve/change_signal.h"
#include "deliver/serve/source.h"
#include "ledger/ledger.h"
#include "node/peer/channel_metrics.h"
#include "validate/validator.h"

namespace selvage::node {

class PeerChannel final : public chaincode::Channel, public deliver::Source, private deliver::BlockSink {
 public:
  struct Settings {
    size_t blocks_ahead_max = 8;           // verified and not yet committed
    size_t bytes_ahead_max = 32u << 20;    // the same in bytes; one block may always wait
    uint64_t transient_blocks_max = 20000;  // peer.gossip.pvtData.transientstoreMaxBlockRetention
    bool pull_invalid = true;               // not peer.gossip.pvtData.skipPullingInvalidTransactionsDuringCommit
  };
  // Called on the channel's threads; must not destroy the channel.
  struct Events {
    std::function<void(const channel::BundlePtr& bundle)> config_changed;  // at start and with each config block
    std::function<void(const std::string& channel)> lifecycle_changed;  // a block wrote to `_lifecycle`
    std::function<void(const std::string& channel, uint64_t height)> committed;  // after each block; may be empty
    std::function<void(const std::string& channel, const Error& error)> failed;
    // No orderer answered for peer.deliveryclient.reconnectTotalTimeThreshold and this peer pulls no more until lead(true)
    // after a lead(false). Not set: it goes on trying.
    std::function<void(const std::string& channel)> gave_up = nullptr;
  };
  struct Parts {  // references outlive the channel
    std::shared_ptr<ledger::Ledger> ledger;
    const commit::CollectionAccess& collections;
    metrics::Provider& metrics;
    validate::Parallel parallel;
    identity::SignatureMemory* signatures = nullptr;  // may be null
    commit::PrivateDataSource* private_source = nullptr;  // may be null
    std::shared_ptr<const plugin::Plugins> plugins = nullptr;  // null: the built-in ones
  };

  // With the configuration of the ledger's last config block. Errors: kDataLoss, kFailedPrecondition (a capability that
  // this program does not have).
  [[nodiscard]] static Result<std::shared_ptr<PeerChannel>> make(Settings settings, Parts parts, Events events);
  ~PeerChannel() override;  // stop()

  // Starts committing, and with `lead` also pulling from the ordering service.
  void start(deliver::PullSettings pull, wire::Signer signer, const Clock& clock, Random& random, bool lead = true);
  // From now on this peer pulls from the ordering service, or does not. After start(); any thread, may wait a moment.
  void lead(bool lead);
  // A block from elsewhere than the ordering service, verified here against the channel's configuration like one from there:
  // ok when it was taken or we have it already; kOutOfRange when it is not the next one. May wait (backpressure).
  Status offer(std::shared_ptr<::common::Block> block);
  // Behind the last block that is stored or on its way to the ledger.
  [[nodiscard]] uint64_t next_number();
  // Ends both; a block in work is finished. Twice is fine.
  void stop();

  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] const std::shared_ptr<ledger::Ledger>& shared_ledger() const { return ledger_; }
  [[nodiscard]] commit::Committer& committer() { return committer_; }

  // chaincode::Channel, deliver::Source
  [[nodiscard]] std::shared_ptr<const channel::Bundle> bundle() const override;
  [[nodiscard]] ledger::Ledger& ledger() override { return *ledger_; }
  [[nodiscard]] std::unique_ptr<ledger::TxSimulator> new_simulator(const std::string& txid) override;
  [[nodiscard]] uint64_t height() const override { return ledger_->height(); }
  [[nodiscard]] Result<std::shared_ptr<const ::common::Block>> block(uint64_t number) const override;
  [[nodiscard]] bool failing() const override { return false; }
  [[nodiscard]] std::unique_ptr<deliver::Subscription> subscribe(std::function<void()> changed) override;

 private:
  PeerChannel(Settings settings, Parts parts, Events events, channel::BundlePtr bundle);

  // deliver::BlockSink, on the puller's thread.
  [[nodiscard]] Position position() override;
  Status accept(std::shared_ptr<::common::Block> block) override;
  Status hand_over(std::shared_ptr<::common::Block> block);  // with feeding_ held

  // One block of the line.
  struct Waiting {
    std::shared_ptr<const ::common::Block> block;
    std::shared_ptr<const validate::PreparedBlock> prepared;
    size_t bytes = 0;
  };
  void run();
  Status validate_and_commit(Waiting waiting);
  void fail_channel(uint64_t number, const Error& error);
  void committed(const commit::CommitNotice& notice);

  const std::string id_;
  const Settings settings_;
  const Events events_;
  const std::shared_ptr<ledger::Ledger> ledger_;
  const log::Logger logger_;
  const ChannelMetrics metrics_;
  commit::Committer committer_;
  std::unique_ptr<commit::Subscription> on_commit_;
  deliver::ChangeSignal changed_;
  validate::Validator validator_;
  channel::BundlePtr next_bundle_;  // made by the block in work; the commit thread's

  mutable std::mutex mutex_;
  channel::BundlePtr bundle_;  // in force
  Position handed_over_;       // behind the last block of the line
  std::condition_variable line_changed_;
  std::deque<Waiting> line_;
  size_t line_bytes_ = 0;
  bool stopping_ = false;
  bool failed_ = false;

  std::mutex feeding_;  // one block after the other, whoever has it
  std::mutex leading_;
  std::function<std::unique_ptr<deliver::Puller>()> make_puller_;
  std::unique_ptr<deliver::Puller> puller_;
  std::thread thread_;
};

}  // namespace selvage::node
