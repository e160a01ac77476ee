#include "ledger/offline.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "common/common.pb.h"
#include "kit/faulty_disk.h"
#include "ledger/ledger.h"
#include "ledger/old_heights.h"
#include "wire/block.h"
#include "wire/marshal.h"

namespace selvage::ledger {
namespace {

using test::FaultyDisk;

Bytes config_envelope(const std::string& channel) {
  ::common::ChannelHeader header;
  header.set_type(::common::CONFIG);
  header.set_channel_id(channel);
  ::common::Payload payload;
  payload.mutable_header()->set_channel_header(wire::marshal(header));
  payload.set_data("the configuration of " + channel);
  ::common::Envelope envelope;
  envelope.set_payload(wire::marshal(payload));
  return wire::marshal(envelope);
}

// Two channels, "one" with five blocks and "two" with two.
class Offline : public testing::Test {
 protected:
  Offline() {
    std::string name = (std::filesystem::temp_directory_path() / "selvage-offline-XXXXXX").string();
    root = ::mkdtemp(name.data());
    start();
    for (const std::string channel : {"one", "two"}) {
      ::common::Block genesis = wire::make_block(0, "");
      genesis.mutable_data()->add_data(config_envelope(channel));
      genesis.mutable_header()->set_data_hash(wire::data_hash(genesis.data()));
      EXPECT_TRUE(set->create(genesis));
    }
    for (int i = 0; i < 4; ++i) commit("one");
    commit("two");
  }
  ~Offline() override {
    set.reset();
    std::filesystem::remove_all(root);
  }

  void start() {
    LedgerSet::Settings settings;
    settings.root = root;
    settings.block_file_bytes_max = 600;  // several files
    auto opened = LedgerSet::open(disk, settings, metrics::disabled());
    ASSERT_TRUE(opened) << to_string(opened.error());
    set = std::move(*opened);
  }

  // A block with one write: key "k" has the block's number as value.
  void commit(const std::string& channel) {
    const auto ledger = set->find(channel);
    const uint64_t number = ledger->height();
    auto block = std::make_shared<::common::Block>(wire::make_block(number, ledger->info().current_hash));
    block->mutable_data()->add_data(config_envelope(channel));
    block->mutable_header()->set_data_hash(wire::data_hash(block->data()));
    while (block->metadata().metadata_size() < 5) block->mutable_metadata()->add_metadata();
    block->mutable_metadata()->set_metadata(2, Bytes(1, '\0'));
    BlockCommit commit;
    commit.block = block;
    commit.codes = Bytes(1, '\0');
    commit.tx_ids = {"tx" + std::to_string(number)};
    ASSERT_TRUE(ledger->commit(commit));
  }

  template <class Act>
  Status offline(Act act) {
    set.reset();
    auto ledgers = OfflineLedgers::open(disk, root);
    if (!ledgers) return fail(ledgers.error());
    return act(*ledgers);
  }
  uint64_t height(const std::string& channel) { return set->find(channel) ? set->find(channel)->height() : 0; }

  FaultyDisk disk;
  std::string root;
  std::unique_ptr<LedgerSet> set;
};

TEST_F(Offline, NeedsThePeerToBeOff) {
  const auto refused = OfflineLedgers::open(disk, root);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kFailedPrecondition);
  EXPECT_TRUE(refused.error().message.starts_with("as another peer node command is executing"));
}

TEST_F(Offline, APausedChannelIsLeftAloneUntilItIsResumed) {
  ASSERT_TRUE(offline([](auto& ledgers) { return ledgers.pause("one"); }));
  start();
  EXPECT_EQ(set->find("one"), nullptr);
  EXPECT_EQ(height("two"), 2u);
  ::common::Block genesis = wire::make_block(0, "");
  genesis.mutable_data()->add_data(config_envelope("one"));
  EXPECT_EQ(set->create(genesis).error().message, "ledger [one] already exists with state [INACTIVE]");
  ASSERT_TRUE(offline([](auto& ledgers) { return ledgers.resume("one"); }));
  start();
  EXPECT_EQ(height("one"), 5u);
}

TEST_F(Offline, ARollbackKeepsTheBlocksBelowAndTakesNewOnes) {
  ASSERT_TRUE(offline([](auto& ledgers) { return ledgers.roll_back("one", 2); }));
  start();
  EXPECT_EQ(height("one"), 3u);
  EXPECT_EQ(height("two"), 2u);
  EXPECT_FALSE(*set->find("one")->find_transaction("tx4"));
  const std::map<std::string, uint64_t> before = {{"one", 5}};
  EXPECT_EQ(*load_old_heights(disk, root, {"one", "two"}), before);
  commit("one");
  EXPECT_EQ(height("one"), 4u);
  EXPECT_TRUE(*set->find("one")->find_transaction("tx3"));
}

TEST_F(Offline, AResetLeavesTheFirstBlockOfEveryChannel) {
  ASSERT_TRUE(offline([](auto& ledgers) { return ledgers.reset(); }));
  start();
  EXPECT_EQ(height("one"), 1u);
  EXPECT_EQ(height("two"), 1u);
  ASSERT_TRUE(offline([](auto& ledgers) { return ledgers.reset(); }));  // nothing left to do
}

TEST_F(Offline, RebuildingBringsEverythingBack) {
  ASSERT_TRUE(offline([](auto& ledgers) { return ledgers.rebuild(); }));
  start();
  EXPECT_EQ(height("one"), 5u);
  const auto last = set->find("one")->blocks().block(4);
  ASSERT_TRUE(last);
  EXPECT_TRUE(set->find("one")->block_by_hash(wire::header_hash((*last)->header())));
}

TEST_F(Offline, AnUnjoinedChannelCanBeJoinedAnew) {
  ASSERT_TRUE(offline([](auto& ledgers) { return ledgers.unjoin("one"); }));
  start();
  EXPECT_EQ(set->find("one"), nullptr);
  ::common::Block genesis = wire::make_block(0, "");
  genesis.mutable_data()->add_data(config_envelope("one"));
  genesis.mutable_header()->set_data_hash(wire::data_hash(genesis.data()));
  ASSERT_TRUE(set->create(genesis));
  EXPECT_EQ(height("one"), 1u);
  EXPECT_EQ(height("two"), 2u);
}

TEST_F(Offline, WhatIsNotThereIsToldInFabricsWords) {
  ASSERT_TRUE(offline([](auto& ledgers) -> Status {
    EXPECT_EQ(ledgers.pause("none").error().message, "cannot update ledger status, ledger [none] does not exist");
    EXPECT_EQ(ledgers.unjoin("../x").error().message,
              "unjoin channel [../x]: cannot update ledger status, ledger [../x] does not exist");
    EXPECT_EQ(ledgers.roll_back("none", 1).error().message, "ledgerID [none] does not exist");
    EXPECT_EQ(ledgers.roll_back("one", 4).error().message,
              "target block number [4] should be less than the biggest block number [4]");
    return {};
  }));
}

}  // namespace
}  // namespace selvage::ledger
