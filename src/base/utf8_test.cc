#include "base/utf8.h"

#include <gtest/gtest.h>

namespace selvage {
namespace {

TEST(Utf8, WhatIsUtf8StaysAsItIs) {
  for (const char* text : {"", "plain", "\xc3\xa9", "\xe2\x82\xac", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(is_utf8(text));
    EXPECT_EQ(to_utf8(text), text);
  }
}

TEST(Utf8, EachByteThatIsNoneBecomesTheReplacementCharacter) {
  const std::string mark = "\xef\xbf\xbd";
  EXPECT_EQ(to_utf8("a\xff\xfe"
                    "b"),
            "a" + mark + mark + "b");
  EXPECT_EQ(to_utf8("\xe2\x82"), mark + mark);             // cut short
  EXPECT_EQ(to_utf8("\xc0\x80"), mark + mark);             // overlong
  EXPECT_EQ(to_utf8("\xed\xa0\x80"), mark + mark + mark);  // a surrogate
  EXPECT_EQ(to_utf8("\x80\xc3\xa9"), mark + "\xc3\xa9");
}

}  // namespace
}  // namespace selvage
