// All channels of a peer: opened at start, joined while running; what chaincode, Deliver and trust see of them.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/random.h"
#include "chaincode/channels.h"
#include "commit/committer.h"
#include "deliver/pull/pull_worker.h"
#include "deliver/serve/source.h"
#include "ledger/ledger.h"
#include "node/peer/peer_channel.h"

namespace selvage::node {

// Any thread.
class PeerChannels final : public chaincode::Channels {
 public:
  struct Parts {  // references outlive it
    ledger::LedgerSet& ledgers;
    const commit::CollectionAccess& collections;
    metrics::Provider& metrics;
    const Clock& clock;
    Random& random;
    wire::Signer signer;
    deliver::PullSettings pull;
    PeerChannel::Settings channel;
    PeerChannel::Events events;
    validate::Parallel parallel;
    identity::SignatureMemory* signatures = nullptr;  // may be null
    bool lead = true;                                 // channels pull from the ordering service from their start
    commit::PrivateDataSource* private_source = nullptr;  // may be null
    std::shared_ptr<const plugin::Plugins> plugins = nullptr;  // null: the built-in ones
  };
  explicit PeerChannels(Parts parts);
  ~PeerChannels() override;  // stop()

  // Makes the channels of all ledgers there are; start() lets them grow. Between the two, everything that listens to
  // them may be joined on.
  Status open();
  void start();
  void stop();

  [[nodiscard]] std::shared_ptr<PeerChannel> peer_channel(const std::string& id) const;
  [[nodiscard]] const deliver::Sources& sources() const { return sources_; }

  // chaincode::Channels
  [[nodiscard]] std::shared_ptr<chaincode::Channel> find(const std::string& channel_id) override;
  [[nodiscard]] std::vector<std::string> names() const override;
  Status join(const std::string& channel_id, const ::common::Block& block) override;

 private:
  class SourcesView final : public deliver::Sources {
   public:
    explicit SourcesView(const PeerChannels& channels) : channels_(channels) {}
    [[nodiscard]] std::shared_ptr<deliver::Source> find(const std::string& channel) const override {
      return channels_.peer_channel(channel);
    }

   private:
    const PeerChannels& channels_;
  };
  [[nodiscard]] Result<std::shared_ptr<PeerChannel>> add(std::shared_ptr<ledger::Ledger> ledger);
  void start(PeerChannel& channel);

  Parts parts_;
  SourcesView sources_;
  std::mutex joining_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<PeerChannel>> channels_;
  bool started_ = false;
  bool stopped_ = false;
};

}  // namespace selvage::node
