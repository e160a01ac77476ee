// One orderer of the simulated network: the real chain, log and ledger over a disk that forgets. Lives and dies many
// times; the disk stays.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "kit/faulty_disk.h"
#include "ledger/blocks/block_store.h"
#include "order/chain.h"
#include "order/raft/wal.h"
#include "sim/consortium.h"
#include "sim/laws.h"

namespace selvage::sim {

// What travels between orderers.
struct Parcel {
  Bytes message;                                // raftpb.Message
  order::raft::Type type{};                     // of it
  Bytes metadata;                               // etcdraft.ClusterMetadata that goes with it
  std::optional<order::Submission> submission;  // instead of these: forwarded to the leader
};

class Orderer final : private order::Chain::Host {
 public:
  // The world as an orderer sees it.
  class Outside {
   public:
    virtual ~Outside() = default;
    virtual void send(Slot from, order::raft::NodeId to, Parcel parcel) = 0;
    // Calls pull() of this orderer, soon and then again until nothing is wanted.
    virtual void wants_blocks(Slot slot) = 0;
    // The configuration that this block brings is in force: its consenters have these ids.
    virtual void consenters(const etcdraft::BlockMetadata& ids, const std::vector<Slot>& slots) = 0;
    // This orderer knows of more entries that are committed.
    virtual void committed(Slot slot) = 0;
    // The chain gave up. The process has to be started anew.
    virtual void halted(Slot slot) = 0;
    [[nodiscard]] virtual SteadyTime now() const = 0;
    virtual void trace(const std::string& line) = 0;
  };
  struct Knobs {
    uint64_t segment_bytes_max = 4096;
    uint64_t catch_up_entries = 4;
  };
  Orderer(Slot slot, uint64_t seed, Knobs knobs, Random& random, Laws& laws, Outside& outside);
  ~Orderer() override;

  // The first block of its ledger, before the first start.
  void give(const ::common::Block& genesis);
  // `known`: with the key that the channel's configuration names. Without it the orderer only follows, whatever the
  // configuration says, until it is recognised.
  void start(bool known);
  void recognise() { known_ = true; }
  void crash(test::FaultyDisk::Tear tear);
  // A write or sync fails, this many of them from now.
  void fail_disk(uint64_t operations, test::FaultyDisk::Fault fault);

  void tick();
  void deliver(order::raft::NodeId from, Parcel parcel);
  void report(order::raft::NodeId to, bool snapshot, bool sent);
  // False when it does not take messages now.
  bool submit(const Bytes& envelope, bool config);
  void transfer_leadership(order::raft::NodeId to);
  // Takes up to `count` blocks from another orderer's ledger; true when more are wanted.
  bool pull(const Orderer& source, size_t count);
  // Another orderer's ledger says that we are no consenter any more, though we were cut off when it was agreed on.
  void notice_eviction(const Orderer& source);

  [[nodiscard]] Slot slot() const { return slot_; }
  [[nodiscard]] bool up() const { return store_ != nullptr; }
  // A number for each start: what was meant for an older life is void.
  [[nodiscard]] uint64_t life() const { return life_; }
  [[nodiscard]] bool consents() const { return chain_ != nullptr; }
  // The term that it leads in, as Raft sees it; 0: it does not.
  [[nodiscard]] order::raft::Term reigns() const;
  // Null unless it is at work.
  [[nodiscard]] const order::raft::Core* core() const { return chain_ && !chain_->failure() ? &chain_->core() : nullptr; }
  [[nodiscard]] bool accepting() const { return chain_ && chain_->accepting(); }
  [[nodiscard]] order::raft::NodeId id() const { return id_; }
  [[nodiscard]] uint64_t height() const { return store_ ? store_->height() : 0; }
  [[nodiscard]] const channel::BundlePtr& bundle() const { return bundle_; }
  [[nodiscard]] const order::MsgProcessor::ConsensusView& view() const { return view_; }
  [[nodiscard]] std::shared_ptr<const ::common::Block> block(uint64_t number) const;
  [[nodiscard]] std::string describe() const;
  [[nodiscard]] uint64_t snapshots_installed() const { return snapshots_installed_; }

 private:
  Status append(std::shared_ptr<const ::common::Block> block) override;
  void use(channel::BundlePtr bundle) override { bundle_ = std::move(bundle); }
  void send(std::vector<order::raft::Message> messages) override;
  void consensus_changed(order::MsgProcessor::ConsensusView view) override;
  void members_changed(const etcdraft::BlockMetadata& ids, const etcdraft::ConfigMetadata& config) override;
  void send_metadata(Bytes metadata) override;
  void pull_blocks_until(uint64_t number) override;
  void forward(order::Submission submission) override;

  void open_ledger();
  void open_chain();
  void settle();
  void follow();
  void take_block(const ::common::Block& block);

  const Slot slot_;
  const Knobs knobs_;
  Random& random_;
  Laws& laws_;
  Outside& outside_;
  test::FaultyDisk disk_;
  bool faulty_ = false;  // an error was asked for in this life

  bool known_ = true;
  uint64_t life_ = 0;
  std::unique_ptr<ledger::BlockStore> store_;
  std::unique_ptr<order::raft::Wal> wal_;
  std::unique_ptr<order::Chain> chain_;
  order::raft::NodeId id_ = order::raft::kNone;
  std::set<order::raft::NodeId> started_;  // ids that have a log
  channel::BundlePtr bundle_;
  order::MsgProcessor::ConsensusView view_;
  std::map<order::raft::NodeId, Bytes> metadata_;  // to go with the next message to each
  std::vector<order::raft::NodeId> others_;
  std::optional<uint64_t> pull_until_;
  Laws::Seen seen_;
  uint64_t snapshots_installed_ = 0;
};

}  // namespace selvage::sim
