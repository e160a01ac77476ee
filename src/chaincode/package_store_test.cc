#include "chaincode/package_store.h"

#include <gtest/gtest.h>

#include "kit/faulty_disk.h"
#include "lifecycle/package.h"

namespace selvage::chaincode {
namespace {

using test::FaultyDisk;

TEST(PackageStore, APackageIsFoundAgainUnderItsHash) {
  FaultyDisk disk;
  PackageStore store(disk, "peer/lifecycle/chaincodes");
  ASSERT_TRUE(store.open());
  auto id = store.save("basic_1.0", "package bytes");
  ASSERT_TRUE(id) << to_string(id.error());
  EXPECT_EQ(*id, lifecycle::package_id("basic_1.0", "package bytes"));
  EXPECT_EQ(*store.load(*id), "package bytes");
  EXPECT_EQ(*store.save("basic_1.0", "package bytes"), *id);
  auto listed = store.list();
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->size(), 1U);
  EXPECT_EQ((*listed)[0].label, "basic_1.0");
  EXPECT_TRUE(store.remove(*id));
  EXPECT_FALSE(store.has(*id));
}

TEST(PackageStore, AMissingPackageIsNamed) {
  FaultyDisk disk;
  PackageStore store(disk, "packages");
  ASSERT_TRUE(store.open());
  const std::string id = "basic:" + std::string(64, 'a');
  auto missing = store.load(id);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::kNotFound);
  EXPECT_EQ(missing.error().message, "chaincode install package '" + id + "' not found");
}

TEST(PackageStore, AnIdCannotReachOutOfTheFolder) {
  FaultyDisk disk;
  PackageStore store(disk, "packages");
  ASSERT_TRUE(store.open());
  ASSERT_TRUE(disk.make_directories("secret"));
  ASSERT_TRUE(disk.write_atomically("secret/key", "x"));
  for (const char* id : {"../secret/key", "", ":", "a:b", "../secret:key", "/etc:passwd"}) {
    EXPECT_FALSE(store.has(id)) << id;
    EXPECT_FALSE(store.load(id)) << id;
  }
}

TEST(PackageStore, ForeignFilesArePassedOver) {
  FaultyDisk disk;
  PackageStore store(disk, "packages");
  ASSERT_TRUE(store.open());
  ASSERT_TRUE(disk.write_atomically("packages/README", "x"));
  ASSERT_TRUE(disk.write_atomically("packages/basic.tar.gz", "x"));
  EXPECT_TRUE(store.list()->empty());
}

}  // namespace
}  // namespace selvage::chaincode
