#include "crypto/hash.h"

#include <gtest/gtest.h>

namespace selvage::crypto {
namespace {

TEST(Hash, GivesTheDigestsOfTheStandard) {
  EXPECT_EQ(to_hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(sha1("abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(to_hex(sha384("abc")).substr(0, 16), "cb00753f45a35e8b");
  EXPECT_EQ(to_hex(sha512("abc")).substr(0, 16), "ddaf35a193617aba");
}

TEST(Hash, OfPartsIsThatOfTheWhole) {
  EXPECT_EQ(sha256({"a", "", "bc"}), sha256("abc"));
  Sha256 running;
  running.update("ab");
  running.update("c");
  EXPECT_EQ(running.finish(), sha256("abc"));
  running.update("abc");  // starts afresh
  EXPECT_EQ(running.finish(), sha256("abc"));
}

TEST(Hash, ComparesInConstantTimeByLengthAndContent) {
  EXPECT_TRUE(equal_in_constant_time("abc", "abc"));
  EXPECT_FALSE(equal_in_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_in_constant_time("abc", "ab"));
}

}  // namespace
}  // namespace selvage::crypto
