// Keys, certificates and configurations of a channel, made once and shared by all runs of the simulation: the same ones
// in every process (sizes of signatures decide when a snapshot is taken), with the randomness of sim/dice.h.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "channel/bundle.h"
#include "common/common.pb.h"
#include "kit/channels.h"
#include "order/chain_metrics.h"
#include "order/msg_processor.h"
#include "sim/dice.h"
#include "wire/signer.h"

namespace selvage::sim {

// A machine that may be an orderer of the channel; what Raft calls a node gets a new id each time it is added.
using Slot = size_t;
constexpr size_t kSlots = 7;

class Consortium {
 public:
  [[nodiscard]] static Consortium& shared();
  // To be called before each run: what is random in it depends on nothing else.
  Dice& begin(uint64_t seed);

  struct Options {
    std::vector<Slot> consenters;
    uint64_t snapshot_interval_bytes = 1 << 20;
    uint32_t messages_max = 3;
    uint32_t preferred_bytes = 2 << 20;  // of a block, and of what Raft sends at once
    uint32_t election_ticks = 10;
  };
  [[nodiscard]] ::common::Block genesis(const Options& options);
  // The CONFIG envelope that makes `consenters` the consenters; as an orderer makes it out of an admin's update.
  [[nodiscard]] Result<Bytes> change_consenters(const channel::Bundle& current, const std::vector<Slot>& consenters,
                                                const order::MsgProcessor::ConsensusView& view);
  // One that changes the batch size only.
  [[nodiscard]] Result<Bytes> change_batches(const channel::Bundle& current, uint32_t messages_max,
                                             const order::MsgProcessor::ConsensusView& view);
  // The consenters of a configuration, in its order.
  [[nodiscard]] static std::vector<Slot> consenters_of(const channel::Bundle& bundle);
  // A normal message of a client.
  [[nodiscard]] const Bytes& message(uint64_t number) const { return messages_[number % messages_.size()]; }

  [[nodiscard]] const order::MsgProcessor& processor() const { return processor_; }
  // Signs nothing: blocks differ between orderers in what it says, and nobody here asks.
  [[nodiscard]] const wire::Signer& block_signer() const { return block_signer_; }
  [[nodiscard]] order::ChainMetrics& metrics() { return metrics_; }
  // The configuration in force after a config block; parsed once for all that ask.
  [[nodiscard]] channel::BundlePtr bundle_of(const ::common::Block& config_block);

 private:
  Consortium();
  [[nodiscard]] Result<::common::Envelope> signed_update(const ::common::Config& current, const ::common::Config& next);
  void set_consenters(::common::Config& config, const Options& options) const;
  Result<Bytes> update(const channel::Bundle& current, const ::common::Config& next,
                       const order::MsgProcessor::ConsensusView& view);

  struct FixedClock final : Clock {
    [[nodiscard]] SystemTime now() const override;
    [[nodiscard]] SteadyTime steady() const override { return {}; }
  };
  Dice dice_;  // first: makes keys predictable
  test::Channel channel_;
  std::vector<Bytes> pems_;
  FixedClock clock_;
  order::MsgProcessor processor_;
  wire::Signer block_signer_;
  order::ChainMetrics metrics_;
  std::vector<Bytes> messages_;
  std::vector<std::pair<Bytes, channel::BundlePtr>> bundles_;  // by header hash, newest last
};

}  // namespace selvage::sim
