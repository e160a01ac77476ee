#include "shim/composite_key.h"

#include <gtest/gtest.h>

namespace selvage::shim {
namespace {

TEST(CompositeKey, IsWhatTheOtherShimsMake) {
  auto key = make_composite_key("owner~id", {"ann", "7"});
  ASSERT_TRUE(key);
  EXPECT_EQ(*key, std::string("\0owner~id\0ann\0"
                              "7\0",
                              16));
}

TEST(CompositeKey, SplitsIntoItsParts) {
  auto parts = split_composite_key(*make_composite_key("kind", {"", "b", "c"}));
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts->object_type, "kind");
  EXPECT_EQ(parts->attributes, (std::vector<std::string>{"", "b", "c"}));
}

TEST(CompositeKey, RefusesPartsThatWouldEndAPart) {
  EXPECT_FALSE(make_composite_key("kind", {std::string("a\0b", 3)}));
  EXPECT_FALSE(make_composite_key("kind", {"\xf4\x8f\xbf\xbf"}));
}

TEST(CompositeKey, RefusesWhatIsNoUtf8) {
  EXPECT_FALSE(make_composite_key("kind", {"\xff"}));
  EXPECT_FALSE(make_composite_key("kind", {"\xc3"}));          // cut short
  EXPECT_FALSE(make_composite_key("kind", {"\xed\xa0\x80"}));  // a surrogate
  EXPECT_TRUE(make_composite_key("kind", {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"}));
}

TEST(CompositeKey, RangeHoldsKeysWithThosePartsOnly) {
  auto range = composite_key_range("kind", {"a"});
  ASSERT_TRUE(range);
  const auto inside = [&](const std::string& key) { return key >= range->first && key < range->second; };
  EXPECT_TRUE(inside(*make_composite_key("kind", {"a", "x"})));
  EXPECT_TRUE(inside(*make_composite_key("kind", {"a", "\xf4\x8f\xbf\xbe"})));
  EXPECT_FALSE(inside(*make_composite_key("kind", {"b", "x"})));
  EXPECT_FALSE(inside(*make_composite_key("kinds", {"a"})));
}

TEST(CompositeKey, WhatIsNoneIsRefusedBySplit) {
  EXPECT_FALSE(split_composite_key("plain"));
  EXPECT_FALSE(split_composite_key(""));
  EXPECT_FALSE(split_composite_key(std::string("\0unfinished", 11)));
}

TEST(SimpleKey, MustNotLookLikeACompositeOne) {
  EXPECT_TRUE(check_simple_key("a"));
  EXPECT_TRUE(check_simple_key(""));
  EXPECT_FALSE(check_simple_key(*make_composite_key("kind", {})));
}

}  // namespace
}  // namespace selvage::shim
