#include "os/posix_disk.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

namespace selvage::os {
namespace {

class PosixDisk : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "selvage_disk_XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string at(const std::string& name) const { return folder_ + "/" + name; }
  std::string folder_;
  Disk& disk_ = posix_disk();
};

TEST_F(PosixDisk, WhatIsAppendedIsReadBack) {
  auto file = disk_.open(at("a"), Disk::Open::kAppend).value();
  ASSERT_TRUE(file->append("hello "));
  ASSERT_TRUE(file->append("world"));
  ASSERT_TRUE(file->sync());
  EXPECT_EQ(file->size().value(), 11u);
  EXPECT_EQ(file->read_at(6, 5).value(), "world");
  EXPECT_EQ(file->read_at(6, 1u << 30).value(), "world");
  EXPECT_EQ(file->read_at(99, 5).value(), "");
}

TEST_F(PosixDisk, AppendGoesToTheEndAfterTruncation) {
  auto file = disk_.open(at("a"), Disk::Open::kAppend).value();
  ASSERT_TRUE(file->append("hello world"));
  ASSERT_TRUE(file->truncate(5));
  ASSERT_TRUE(file->append("!"));
  EXPECT_EQ(disk_.read(at("a")).value(), "hello!");
}

TEST_F(PosixDisk, MissingFilesAreNotFoundInGosWords) {
  const auto read = disk_.read(at("nothing"));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Code::kNotFound);
  EXPECT_EQ(read.error().message, "open " + at("nothing") + ": no such file or directory");
}

TEST_F(PosixDisk, WriteAtomicallyReplacesAndLeavesNothingBehind) {
  ASSERT_TRUE(disk_.write_atomically(at("a"), "one"));
  {
    auto left_by_a_crash = disk_.open(at("a.tmp"), Disk::Open::kAppend).value();
    ASSERT_TRUE(left_by_a_crash->append("garbage"));
  }
  ASSERT_TRUE(disk_.write_atomically(at("a"), "two"));
  EXPECT_EQ(disk_.read(at("a")).value(), "two");
  EXPECT_EQ(disk_.list(folder_).value(), std::vector<std::string>{"a"});
}

TEST_F(PosixDisk, ListIsSortedAndHasNoDots) {
  for (const char* name : {"b", "a", "c"}) ASSERT_TRUE(disk_.make_directories(at(name) + "/deep"));
  EXPECT_EQ(disk_.list(folder_).value(), (std::vector<std::string>{"a", "b", "c"}));
  ASSERT_TRUE(disk_.make_directories(at("a")));
  ASSERT_TRUE(disk_.remove_all(at("a")));
  EXPECT_FALSE(disk_.exists(at("a")));
  EXPECT_TRUE(disk_.exists(at("b")));
}

TEST_F(PosixDisk, RemovingAFullDirectoryIsRefused) {
  ASSERT_TRUE(disk_.make_directories(at("a/b")));
  EXPECT_EQ(disk_.remove(at("a")).error().code, Code::kAlreadyExists);
}

TEST_F(PosixDisk, ALockKeepsAnotherHolderOutUntilItIsGivenUp) {
  auto held = disk_.lock(at("lock")).value();
  // flock belongs to the open file, so a second one in this process stands for another process.
  EXPECT_EQ(disk_.lock(at("lock")).error().code, Code::kFailedPrecondition);
  held.reset();
  EXPECT_TRUE(disk_.lock(at("lock")));
}

TEST_F(PosixDisk, AFullDiskIsResourceExhausted) {
  if (::access("/dev/full", W_OK) != 0) GTEST_SKIP() << "no /dev/full here";
  auto file = disk_.open("/dev/full", Disk::Open::kAppend).value();
  EXPECT_EQ(file->append("x").error().code, Code::kResourceExhausted);
}

TEST_F(PosixDisk, DirectoriesSync) {
  ASSERT_TRUE(disk_.write_atomically(at("a"), "x"));
  ASSERT_TRUE(disk_.rename(at("a"), at("b")));
  EXPECT_TRUE(disk_.sync_directory(folder_));
  EXPECT_FALSE(disk_.sync_directory(at("none")));
}

}  // namespace
}  // namespace selvage::os
