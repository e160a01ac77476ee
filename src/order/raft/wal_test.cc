#include "order/raft/wal.h"

#include <gtest/gtest.h>

#include "kit/faulty_disk.h"

namespace selvage::order::raft {
namespace {

using test::FaultyDisk;

constexpr NodeId kNode = 1;

WalSettings small() {
  WalSettings settings;
  settings.directory = "/wal/ch1";
  settings.snapshot_directory = "/snap/ch1";
  settings.segment_bytes_max = 400;
  return settings;
}

Entry entry(Index index, Term term = 1) {
  return {Entry::Kind::kNormal, term, index, std::make_shared<const Bytes>("block " + std::to_string(index))};
}

std::unique_ptr<Wal> open(Disk& disk, NodeId id = kNode) {
  auto wal = Wal::open(disk, small(), id);
  EXPECT_TRUE(wal) << to_string(wal.error());
  return wal ? std::move(*wal) : nullptr;
}

// A log with entries 1 to `last`, all of them synced.
void fill(Wal& wal, Index last, Index first = 1) {
  for (Index i = first; i <= last; ++i) ASSERT_TRUE(wal.save({entry(i)}, HardState{1, kNode, i}, true));
}

std::string last_segment(Disk& disk) { return "/wal/ch1/" + disk.list("/wal/ch1")->back(); }

TEST(Wal, GivesBackWhatWasSaved) {
  FaultyDisk disk;
  EXPECT_EQ(*Wal::owner(disk, small().directory), std::nullopt);
  fill(*open(disk), 30);
  EXPECT_EQ(*Wal::owner(disk, small().directory), kNode);
  EXPECT_GT(disk.list("/wal/ch1")->size(), 2u);  // several segments
  const Restart restart = open(disk)->take_restart();
  ASSERT_EQ(restart.entries.size(), 30u);
  EXPECT_EQ(*restart.entries[29].data, "block 30");
  EXPECT_EQ(restart.hard_state, (HardState{1, kNode, 30}));
}

TEST(Wal, SyncedRoundsSurviveEveryKindOfCrash) {
  for (auto tear : {FaultyDisk::Tear::kDropAll, FaultyDisk::Tear::kPrefix, FaultyDisk::Tear::kSectors,
                    FaultyDisk::Tear::kKeepAll}) {
    for (uint64_t seed = 1; seed <= 20; ++seed) {
      FaultyDisk disk(seed);
      auto wal = open(disk);
      fill(*wal, 5 + seed);
      ASSERT_TRUE(wal->save({entry(6 + seed), entry(7 + seed)}, std::nullopt, false));  // not promised to anybody
      disk.crash(tear);
      wal = open(disk);
      ASSERT_NE(wal, nullptr);
      const Restart restart = wal->take_restart();
      ASSERT_GE(restart.entries.size(), 5 + seed);
      for (Index i = 0; i < restart.entries.size(); ++i) {
        ASSERT_EQ(*restart.entries[i].data, "block " + std::to_string(i + 1));
      }
      // What is written after the cut is not lost with it.
      const Index next = restart.entries.size() + 1;
      fill(*wal, next + 3, next);
      disk.crash(tear);
      ASSERT_EQ(open(disk)->take_restart().entries.size(), next + 3);
    }
  }
}

TEST(Wal, CutsOffATornTail) {
  FaultyDisk disk;
  fill(*open(disk), 3);
  disk.content(last_segment(disk)).append("\x30\x00\x00\x00\x01\x02", 6);
  auto wal = open(disk);
  EXPECT_EQ(wal->torn_bytes(), 6u);
  EXPECT_EQ(wal->take_restart().entries.size(), 3u);
  wal.reset();
  EXPECT_EQ(open(disk)->torn_bytes(), 0u);
}

TEST(Wal, RefusesDamageBeforeTheTail) {
  FaultyDisk disk;
  fill(*open(disk), 30);
  const std::string first = "/wal/ch1/" + disk.list("/wal/ch1")->front();
  disk.content(first)[60] ^= 1;
  const auto wal = Wal::open(disk, small(), kNode);
  ASSERT_FALSE(wal);
  EXPECT_EQ(wal.error().code, Code::kDataLoss);
  EXPECT_PRED_FORMAT2(testing::IsSubstring, first, wal.error().message);
}

TEST(Wal, RefusesAMissingSegment) {
  FaultyDisk disk;
  fill(*open(disk), 40);
  ASSERT_TRUE(disk.remove("/wal/ch1/" + disk.list("/wal/ch1")->at(1)));
  EXPECT_FALSE(Wal::open(disk, small(), kNode));
}

TEST(Wal, BelongsToOneNode) {
  FaultyDisk disk;
  fill(*open(disk), 1);
  const auto wal = Wal::open(disk, small(), 2);
  ASSERT_FALSE(wal);
  EXPECT_EQ(wal.error().code, Code::kFailedPrecondition);
}

// Whose it is decides whether a consenter that comes back goes on with it or begins anew: no guess is good enough.
TEST(Wal, AHeadThatIsDamagedIsNoEmptyLog) {
  FaultyDisk disk;
  fill(*open(disk), 30);
  const std::string path = last_segment(disk);
  const auto names = *disk.list("/wal/ch1");
  for (const std::string& name : names) {
    if ("/wal/ch1/" + name == path) continue;
    ASSERT_TRUE(disk.remove("/wal/ch1/" + name));
  }
  auto bytes = *disk.read(path);
  EXPECT_EQ(*Wal::owner(disk, small().directory), kNode);
  // As much as a crash may leave of a first write.
  ASSERT_TRUE(disk.write_atomically(path, bytes.substr(0, 20)));
  EXPECT_EQ(*Wal::owner(disk, small().directory), std::nullopt);
  bytes[12] = static_cast<char>(bytes[12] ^ 1);
  ASSERT_TRUE(disk.write_atomically(path, bytes + Bytes(5000, 'x')));
  const auto owner = Wal::owner(disk, small().directory);
  ASSERT_FALSE(owner);
  EXPECT_EQ(owner.error().code, Code::kDataLoss);
  const auto wal = Wal::open(disk, small(), kNode);
  ASSERT_FALSE(wal);
  EXPECT_EQ(wal.error().code, Code::kDataLoss);
}

TEST(Wal, NewerEntriesReplaceOlderOnes) {
  FaultyDisk disk;
  auto wal = open(disk);
  fill(*wal, 5);
  ASSERT_TRUE(wal->save({entry(3, 2), entry(4, 2)}, HardState{2, 0, 2}, true));
  wal.reset();
  const Restart restart = open(disk)->take_restart();
  ASSERT_EQ(restart.entries.size(), 4u);
  EXPECT_EQ(restart.entries[1].term, 1u);
  EXPECT_EQ(restart.entries[2].term, 2u);
}

TEST(Wal, StartsFromItsSnapshotAndForgetsWhatIsBehind) {
  FaultyDisk disk;
  auto wal = open(disk);
  fill(*wal, 20);
  const size_t before = disk.list("/wal/ch1")->size();
  for (Index at : {10, 15, 18}) {
    ASSERT_TRUE(wal->save_snapshot({{{kNode}}, at, 1, std::make_shared<const Bytes>("state")}));
  }
  EXPECT_LT(disk.list("/wal/ch1")->size(), before);
  EXPECT_EQ(disk.list("/snap/ch1")->size(), 2u);
  fill(*wal, 25, 21);
  disk.crash(FaultyDisk::Tear::kDropAll);
  const Restart restart = open(disk)->take_restart();
  EXPECT_EQ(restart.snapshot.index, 18u);
  EXPECT_EQ(*restart.snapshot.data, "state");
  EXPECT_EQ(restart.snapshot.membership.voters, std::vector<NodeId>{kNode});
  ASSERT_EQ(restart.entries.size(), 7u);
  EXPECT_EQ(restart.entries[0].index, 19u);
}

TEST(Wal, ASnapshotAheadOfTheLogReplacesIt) {
  FaultyDisk disk;
  auto wal = open(disk);
  fill(*wal, 5);
  ASSERT_TRUE(wal->save_snapshot({{{1, 2}}, 50, 3, nullptr}));
  ASSERT_TRUE(wal->save({entry(51, 3)}, HardState{3, 0, 51}, true));
  wal.reset();
  const Restart restart = open(disk)->take_restart();
  EXPECT_EQ(restart.snapshot.index, 50u);
  ASSERT_EQ(restart.entries.size(), 1u);
  EXPECT_EQ(restart.hard_state.commit, 51u);
}

TEST(Wal, AfterAFaultNothingIsAcknowledgedAnyMore) {
  for (auto fault : {FaultyDisk::Fault::kNoSpace, FaultyDisk::Fault::kIoError}) {
    for (uint64_t at = 0; at < 12; ++at) {
      FaultyDisk disk;
      auto wal = open(disk);
      disk.fail_after(at, fault);
      Index acknowledged = 0;
      for (Index i = 1; i <= 12; ++i) {
        const bool saved = wal->save({entry(i)}, HardState{1, kNode, i}, true).has_value();
        ASSERT_FALSE(saved && acknowledged + 1 != i) << "acknowledged after a fault";
        if (saved) acknowledged = i;
      }
      ASSERT_TRUE(disk.fault_happened());
      EXPECT_LT(acknowledged, 12u);
      disk.crash(FaultyDisk::Tear::kDropAll);
      wal = open(disk);
      ASSERT_NE(wal, nullptr);
      EXPECT_GE(wal->take_restart().entries.size(), acknowledged);
    }
  }
}

TEST(Wal, CrashesWhileANewSegmentBeginsAreMadeGood) {
  for (uint64_t at = 0; at < 40; ++at) {
    FaultyDisk disk(at);
    auto wal = open(disk);
    disk.fail_after(at, FaultyDisk::Fault::kIoError);
    Index acknowledged = 0;
    for (Index i = 1; i <= 20; ++i) {
      if (!wal->save({entry(i)}, HardState{1, kNode, i}, true)) break;
      acknowledged = i;
    }
    disk.crash(FaultyDisk::Tear::kPrefix);
    wal = open(disk);
    ASSERT_NE(wal, nullptr) << at;
    ASSERT_GE(wal->take_restart().entries.size(), acknowledged) << at;
  }
}

}  // namespace
}  // namespace selvage::order::raft
