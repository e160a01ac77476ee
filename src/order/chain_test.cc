// A chain with its log and its ledger on a faulty disk, in one thread.
#include "order/chain.h"

#include <gtest/gtest.h>

#include "base/log.h"
#include "channel/bundle.h"
#include "common/configtx.pb.h"
#include "identity/signer.h"
#include "kit/channels.h"
#include "kit/faulty_disk.h"
#include "ledger/blocks/block_store.h"
#include "os/system_clock.h"
#include "orderer/configuration.pb.h"
#include "wire/block.h"
#include "wire/envelope.h"
#include "wire/marshal.h"

namespace selvage::order {
namespace {

[[maybe_unused]] const bool kQuiet = log::set_spec("fatal").has_value();

using test::FaultyDisk;

struct Network {
  Network() : processor(wire::signer_of(channel.orderer().orderer()), os::system_clock(), random, true) {}
  static test::ChannelOptions options() {
    test::ChannelOptions made;
    made.max_message_count = 3;
    made.batch_timeout = "1s";
    return made;
  }
  test::Channel channel{options()};
  test::SeededRandom random;
  MsgProcessor processor;
  ChainMetrics metrics{selvage::metrics::disabled()};
};

Network& network() {
  static Network made;
  return made;
}

// One life of the node's process.
class Life final : public Chain::Host {
 public:
  explicit Life(FaultyDisk& disk) {
    store_ = std::move(*ledger::BlockStore::open(disk, {.directory = "/ledger", .channel = "testchannel"}));
    if (store_->height() == 0) {
      EXPECT_TRUE(store_->append(network().channel.genesis_block()));
    }
    raft::WalSettings wal;
    wal.directory = "/wal";
    wal.snapshot_directory = "/snap";
    auto opened = raft::Wal::open(disk, wal, 1);
    if (!opened) {
      failure = opened.error();
      return;
    }
    wal_ = std::move(*opened);
    auto newest = store_->block(store_->height() - 1);
    const uint64_t config = (*newest)->header().number() == 0 ? 0 : *wire::last_config_index(**newest);
    auto bundle = channel::Bundle::from_block(**store_->block(config));
    auto made = Chain::make({.id = 1, .tick_interval = std::chrono::milliseconds(500)}, *bundle, **newest, *wal_, *this,
                            network().processor, wire::signer_of(network().channel.orderer().orderer()),
                            network().random, network().metrics);
    if (!made) {
      failure = made.error();
      return;
    }
    chain = std::move(*made);
    chain->start(now);
  }

  Status append(std::shared_ptr<const common::Block> block) override { return store_->append(std::move(block)); }
  void use(channel::BundlePtr bundle) override { in_force = std::move(bundle); }
  void send(std::vector<raft::Message> messages) override { ADD_FAILURE() << "nobody to send to"; }
  void consensus_changed(MsgProcessor::ConsensusView view) override { consensus = std::move(view); }

  uint64_t height() const { return store_->height(); }
  common::Block block(uint64_t number) const { return **store_->block(number); }
  void submit(const Bytes& envelope, bool config = false) {
    chain->submit({.envelope = envelope, .message_bytes = envelope.size(), .config = config, .validated_at = 0}, now);
    chain->run();
  }

  SteadyTime now{};
  std::unique_ptr<Chain> chain;
  channel::BundlePtr in_force;
  MsgProcessor::ConsensusView consensus;
  std::optional<Error> failure;

 private:
  std::unique_ptr<ledger::BlockStore> store_;
  std::unique_ptr<raft::Wal> wal_;
};

Bytes message(int number) {
  static const wire::Signer signer = wire::signer_of(network().channel.org(0).client());
  common::ConfigValue data;  // anything
  data.set_version(static_cast<uint64_t>(number));
  return wire::marshal(*wire::make_signed_envelope(common::ENDORSER_TRANSACTION, "testchannel", signer, data,
                                                   os::system_clock().now(), network().random));
}

TEST(Chain, LeadsAndServesAtOnceWhenItIsAlone) {
  FaultyDisk disk;
  Life life(disk);
  EXPECT_EQ(life.chain->soft_state().role, raft::Role::kLeader);
  EXPECT_TRUE(life.chain->accepting());
  EXPECT_EQ(life.consensus.active, std::vector<raft::NodeId>{1});
}

TEST(Chain, MakesBlocksThatFollowEachOther) {
  FaultyDisk disk;
  Life life(disk);
  for (int i = 0; i < 6; ++i) life.submit(message(i));
  ASSERT_EQ(life.height(), 3u);
  for (uint64_t n = 1; n < 3; ++n) {
    const auto block = life.block(n);
    EXPECT_EQ(block.header().previous_hash(), wire::header_hash(life.block(n - 1).header()));
    EXPECT_EQ(block.header().data_hash(), wire::data_hash(block.data()));
    EXPECT_EQ(block.data().data_size(), 3);
    EXPECT_TRUE(wire::check_well_formed(block.data()));
  }
}

TEST(Chain, SignsBlocksSoThatTheBlockValidationPolicyHolds) {
  FaultyDisk disk;
  Life life(disk);
  for (int i = 0; i < 3; ++i) life.submit(message(i));
  const auto block = life.block(1);
  const auto metadata = wire::metadata_of(block, common::SIGNATURES);
  ASSERT_TRUE(metadata);
  const auto& signature = metadata->signatures(0);
  const auto header = wire::parse<common::SignatureHeader>(signature.signature_header());
  const Bytes data = wire::orderer_signed_bytes(metadata->value(), signature.signature_header(), block.header());
  const policy::SignedData set{data, header->creator(), signature.signature()};
  EXPECT_TRUE(network().channel.bundle()->policies().find(policy::kBlockValidation)->evaluate(std::span(&set, 1)));
  etcdraft::BlockMetadata raft;
  ASSERT_TRUE(raft.ParseFromString(*wire::consenter_metadata(block)));
  EXPECT_EQ(raft.consenter_ids(0), 1u);
  EXPECT_EQ(raft.next_consenter_id(), 2u);
  EXPECT_EQ(raft.raft_index(), 3u);  // after one membership entry and the leader's empty one
  EXPECT_EQ(*wire::last_config_index(block), 0u);
}

TEST(Chain, CutsABatchWhenItsTimeIsOver) {
  FaultyDisk disk;
  Life life(disk);
  life.submit(message(1));
  EXPECT_EQ(life.height(), 1u);
  ASSERT_TRUE(life.chain->batch_deadline());
  EXPECT_EQ(*life.chain->batch_deadline() - life.now, std::chrono::seconds(1));
  life.chain->on_time(life.now + std::chrono::milliseconds(999));
  life.chain->run();
  EXPECT_EQ(life.height(), 1u);
  life.chain->on_time(life.now + std::chrono::seconds(1));
  life.chain->run();
  EXPECT_EQ(life.height(), 2u);
  EXPECT_FALSE(life.chain->batch_deadline());
}

TEST(Chain, GoesOnAfterARestartWhereItWas) {
  FaultyDisk disk;
  for (uint64_t round = 0; round < 4; ++round) {
    Life life(disk);
    ASSERT_FALSE(life.failure) << to_string(*life.failure);
    ASSERT_EQ(life.height(), 1 + 2 * round);
    for (int i = 0; i < 6; ++i) life.submit(message(i));
    ASSERT_EQ(life.height(), 3 + 2 * round);
  }
}

// What a reader saw in a block is in the same block after any crash.
TEST(Chain, NoBlockThatWasSeenIsLostOrChanged) {
  for (auto tear : {FaultyDisk::Tear::kDropAll, FaultyDisk::Tear::kPrefix, FaultyDisk::Tear::kSectors,
                    FaultyDisk::Tear::kKeepAll}) {
    for (uint64_t at = 0; at < 40; at += 3) {
      FaultyDisk disk(at);
      std::vector<Bytes> seen;
      {
        Life life(disk);
        disk.fail_after(at, at % 2 == 0 ? FaultyDisk::Fault::kNoSpace : FaultyDisk::Fault::kIoError);
        for (int i = 0; i < 30 && !life.chain->failure(); ++i) life.submit(message(i));
        for (uint64_t n = 1; n < life.height(); ++n) seen.push_back(wire::header_hash(life.block(n).header()));
        EXPECT_EQ(disk.fault_happened(), life.chain->failure().has_value());
        EXPECT_FALSE(life.chain->failure() && life.chain->accepting());
        disk.crash(tear);
      }
      Life life(disk);
      ASSERT_FALSE(life.failure) << to_string(*life.failure);
      ASSERT_GT(life.height(), seen.size());
      for (uint64_t n = 0; n < seen.size(); ++n) {
        ASSERT_EQ(wire::header_hash(life.block(n + 1).header()), seen[n]) << "block " << n + 1 << ", fault at " << at;
      }
      ASSERT_TRUE(life.chain->accepting());
      const uint64_t before = life.height();
      for (int i = 0; i < 3; ++i) life.submit(message(i));
      ASSERT_EQ(life.height(), before + 1);
    }
  }
}

TEST(Chain, RefusesToGoOnWithoutItsLog) {
  FaultyDisk disk;
  {
    Life life(disk);
    for (int i = 0; i < 3; ++i) life.submit(message(i));
  }
  ASSERT_TRUE(disk.remove_all("/wal"));
  Life life(disk);
  ASSERT_TRUE(life.failure);
  EXPECT_EQ(life.failure->code, Code::kFailedPrecondition);
}

TEST(Chain, AConfigurationHasABlockOfItsOwnAndIsInForceFromItOn) {
  FaultyDisk disk;
  {
    Life life(disk);
    life.submit(message(1));
    common::Config next = network().channel.config();
    orderer::BatchSize size;
    auto& value = (*(*next.mutable_channel_group()->mutable_groups())["Orderer"].mutable_values())["BatchSize"];
    ASSERT_TRUE(size.ParseFromString(value.value()));
    size.set_max_message_count(1);
    value.set_value(wire::marshal(size));
    const auto update = network().channel.signed_update(next, {&network().channel.orderer().admin()});
    const auto config =
        network().processor.process_config_update(update, *network().channel.bundle(), {life.consensus.ids, {1}});
    ASSERT_TRUE(config) << to_string(config.error());
    life.submit(wire::marshal(*config), true);
    ASSERT_EQ(life.height(), 3u);  // the message before it, and the configuration
    EXPECT_EQ(life.block(1).data().data_size(), 1);
    EXPECT_TRUE(wire::is_config_block(life.block(2)));
    EXPECT_EQ(*wire::last_config_index(life.block(1)), 0u);
    EXPECT_EQ(*wire::last_config_index(life.block(2)), 2u);
    ASSERT_TRUE(life.in_force);
    EXPECT_EQ(life.in_force->sequence(), 1u);
    life.chain->submit({.envelope = message(2), .message_bytes = 100, .config = false, .validated_at = 1}, life.now);
    life.chain->run();
    EXPECT_EQ(life.height(), 4u);  // batches of one now
    EXPECT_EQ(*wire::last_config_index(life.block(3)), 2u);
    // The same again under the new configuration: it does not apply any more, and is dropped.
    life.submit(wire::marshal(*config), true);
    EXPECT_EQ(life.height(), 4u);
    EXPECT_TRUE(life.chain->accepting());
  }
  Life again(disk);
  ASSERT_FALSE(again.failure) << to_string(*again.failure);
  EXPECT_EQ(again.height(), 4u);
  again.chain->submit({.envelope = message(3), .message_bytes = 100, .config = false, .validated_at = 1}, again.now);
  again.chain->run();
  EXPECT_EQ(again.height(), 5u);
}

}  // namespace
}  // namespace selvage::order
