#include "ledger/blocks/block_store.h"

#include <gtest/gtest.h>

#include <thread>

#include "common/common.pb.h"
#include "crypto/hash.h"
#include "kit/faulty_disk.h"
#include "ledger/blocks/block_file.h"
#include "wire/block.h"
#include "wire/marshal.h"

namespace selvage::ledger {
namespace {

using test::FaultyDisk;

// A chain of blocks with a few transactions each, as long as a test asks for.
::common::Block make_block(uint64_t number, const Bytes& previous, size_t transaction_bytes = 700) {
  ::common::Block block = wire::make_block(number, previous);
  for (int i = 0; i < 3; ++i) {
    block.mutable_data()->add_data(std::string(transaction_bytes, static_cast<char>('a' + i)) + std::to_string(number));
  }
  block.mutable_header()->set_data_hash(wire::data_hash(block.data()));
  wire::init_metadata(block);
  block.mutable_metadata()->set_metadata(::common::SIGNATURES, Bytes(700, 's'));  // no hash covers it
  return block;
}

struct Store {
  explicit Store(FaultyDisk& disk, uint64_t file_bytes_max = 5000) : disk(disk) {
    settings.directory = "chains/ch";
    settings.file_bytes_max = file_bytes_max;
    settings.cache_bytes_max = 1;  // nearly everything is read from the files
    settings.channel = "ch";
  }
  Status open() {
    blocks.reset();
    auto opened = BlockStore::open(disk, settings);
    if (!opened) return fail(std::move(opened).error());
    blocks = std::move(*opened);
    return {};
  }
  Status append() { return blocks->append(make_block(blocks->height(), blocks->last_hash())); }

  FaultyDisk& disk;
  BlockStore::Settings settings;
  std::unique_ptr<BlockStore> blocks;
};

void expect_whole_chain(const BlockStore& blocks) {
  Bytes previous;
  for (uint64_t number = 0; number < blocks.height(); ++number) {
    const ::common::Block want = make_block(number, previous);
    const auto block = blocks.block(number);
    ASSERT_TRUE(block) << number << ": " << to_string(block.error());
    EXPECT_EQ(wire::marshal(**block), wire::marshal(want)) << number;
    const auto bytes = blocks.block_bytes(number);
    ASSERT_TRUE(bytes);
    EXPECT_EQ(**bytes, wire::marshal(want));
    previous = wire::header_hash(want.header());
  }
  EXPECT_EQ(blocks.last_hash(), previous);
}

TEST(BlockFile, ARecordHasFabricsBytes) {
  ::common::Block block;
  block.mutable_header()->set_number(300);
  block.mutable_header()->set_data_hash("DH");
  block.mutable_header()->set_previous_hash("P");
  block.mutable_data()->add_data("tx");
  block.mutable_metadata()->add_metadata("");
  block.mutable_metadata()->add_metadata("m");
  const Bytes record = encode_record(block);
  EXPECT_EQ(to_hex(record), "0f" "ac02" "024448" "0150" "01" "027478" "02" "00" "016d");
  const auto parsed = parse_record(BytesView(record).substr(1));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(to_block_bytes(*parsed), wire::marshal(block));
}

TEST(BlockStore, ServesWhatWasAppendedAcrossFilesAndRestarts) {
  FaultyDisk disk;
  Store store(disk);
  ASSERT_TRUE(store.open());
  for (int i = 0; i < 12; ++i) ASSERT_TRUE(store.append());
  expect_whole_chain(*store.blocks);
  EXPECT_TRUE(disk.exists("chains/ch/blockfile_000005"));
  ASSERT_TRUE(store.open());
  EXPECT_EQ(store.blocks->height(), 12u);
  expect_whole_chain(*store.blocks);
}

TEST(BlockStore, RefusesABlockThatDoesNotFollow) {
  FaultyDisk disk;
  Store store(disk);
  ASSERT_TRUE(store.open());
  ASSERT_TRUE(store.append());
  EXPECT_EQ(store.blocks->append(make_block(2, store.blocks->last_hash())).error().code, Code::kInvalidArgument);
  EXPECT_EQ(store.blocks->append(make_block(1, "something else")).error().code, Code::kInvalidArgument);
  EXPECT_FALSE(store.blocks->broken());
  EXPECT_TRUE(store.append());
}

TEST(BlockStore, SaysWhichBlockItDoesNotHave) {
  FaultyDisk disk;
  Store store(disk);
  ASSERT_TRUE(store.open());
  const auto block = store.blocks->block(7);
  ASSERT_FALSE(block);
  EXPECT_EQ(block.error().code, Code::kNotFound);
  EXPECT_EQ(block.error().message, "no such block number [7] in index");
}

TEST(BlockStore, LosesNothingAcknowledgedWhateverACrashLeavesOfTheRest) {
  for (const auto tear : {FaultyDisk::Tear::kDropAll, FaultyDisk::Tear::kPrefix, FaultyDisk::Tear::kSectors,
                          FaultyDisk::Tear::kKeepAll}) {
    for (uint64_t seed = 0; seed < 25; ++seed) {
      FaultyDisk disk(seed);
      Store store(disk);
      ASSERT_TRUE(store.open());
      uint64_t acknowledged = 0;
      disk.only("blockfile_");
      disk.fail_after(seed, FaultyDisk::Fault::kIoError);  // dies in the middle of a write or a sync
      while (store.append()) ++acknowledged;
      ASSERT_TRUE(disk.fault_happened());
      EXPECT_EQ(store.blocks->height(), acknowledged);
      disk.crash(tear);
      const auto opened = store.open();
      ASSERT_TRUE(opened) << to_string(opened.error());
      EXPECT_GE(store.blocks->height(), acknowledged);
      EXPECT_LE(store.blocks->height(), acknowledged + 1);
      expect_whole_chain(*store.blocks);
      EXPECT_TRUE(store.append());
      expect_whole_chain(*store.blocks);
    }
  }
}

TEST(BlockStore, TakesNoMoreBlocksAfterTheDiskFailed) {
  for (const auto fault : {FaultyDisk::Fault::kIoError, FaultyDisk::Fault::kNoSpace}) {
    FaultyDisk disk;
    Store store(disk);
    ASSERT_TRUE(store.open());
    ASSERT_TRUE(store.append());
    disk.fail_after(0, fault);
    EXPECT_FALSE(store.append());
    EXPECT_TRUE(store.blocks->broken());
    EXPECT_EQ(store.blocks->height(), 1u);
    EXPECT_EQ(store.append().error().code, Code::kFailedPrecondition);
    EXPECT_TRUE(store.blocks->block(0));
    EXPECT_FALSE(store.blocks->block(1));
  }
}

TEST(BlockStore, RebuildsTheIndexOfNumbers) {
  FaultyDisk disk;
  Store store(disk);
  ASSERT_TRUE(store.open());
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(store.append());
  store.blocks.reset();
  ASSERT_TRUE(disk.remove("chains/ch/numbers"));
  ASSERT_TRUE(store.open());
  EXPECT_EQ(store.blocks->height(), 8u);
  expect_whole_chain(*store.blocks);
}

// As after a power cut: the end of the file reached the disk, something before it did not.
TEST(BlockStore, RebuildsTheIndexOfNumbersFromTheFirstDamagedEntryOn) {
  FaultyDisk disk;
  Store store(disk);
  ASSERT_TRUE(store.open());
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(store.append());
  store.blocks.reset();
  disk.content("chains/ch/numbers").replace(28, 28 * 2, Bytes(28 * 2, '\0'));
  ASSERT_TRUE(store.open());
  EXPECT_EQ(store.blocks->height(), 8u);
  expect_whole_chain(*store.blocks);
}

TEST(BlockStore, DoesNotCutABlockThatWasOnceWhole) {
  FaultyDisk disk;
  Store store(disk, 1 << 20);
  ASSERT_TRUE(store.open());
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(store.append());
  store.blocks.reset();
  Bytes& file = disk.content("chains/ch/blockfile_000000");
  file[file.size() - 1500] = '!';  // the last block
  EXPECT_EQ(store.open().error().code, Code::kDataLoss);
  file[file.size() - 1500] = 'b';
  file[file.size() / 2] = '!';  // one in the middle, and no index to prove it
  ASSERT_TRUE(disk.remove("chains/ch/numbers"));
  EXPECT_EQ(store.open().error().code, Code::kDataLoss);
}

TEST(BlockStore, WaitsForABlockAndWakesOnStop) {
  FaultyDisk disk;
  Store store(disk);
  ASSERT_TRUE(store.open());
  std::atomic<uint64_t> seen = 0;
  const auto subscription = store.blocks->subscribe([&](uint64_t height) { seen = height; });
  std::jthread writer([&] { EXPECT_TRUE(store.append()); });
  EXPECT_TRUE(store.blocks->wait_for(0, {}));
  writer.join();
  EXPECT_EQ(seen, 1u);
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  EXPECT_FALSE(store.blocks->wait_for(1, stop.get_token()));
  EXPECT_FALSE(store.blocks->wait_for(1, {}, std::chrono::steady_clock::now()));
}

TEST(BlockStore, HidesABlockUntilItIsShown) {
  FaultyDisk disk;
  Store store(disk);
  ASSERT_TRUE(store.open());
  ASSERT_TRUE(store.blocks->append_hidden(std::make_shared<const ::common::Block>(make_block(0, ""))));
  EXPECT_EQ(store.blocks->height(), 0u);
  EXPECT_FALSE(store.blocks->block(0));
  store.blocks->show();
  EXPECT_EQ(store.blocks->height(), 1u);
  EXPECT_TRUE(store.blocks->block(0));
}

}  // namespace
}  // namespace selvage::ledger
