#include "base/bytes.h"

#include <gtest/gtest.h>

namespace selvage {
namespace {

TEST(Bytes, HexGoesBothWays) {
  const Bytes bytes("\x00\x7f\xff\x10", 4);
  EXPECT_EQ(to_hex(bytes), "007fff10");
  EXPECT_EQ(from_hex("007FfF10"), bytes);
}

TEST(Bytes, HexRefusesOddLengthsAndOtherCharacters) {
  EXPECT_FALSE(from_hex("abc"));
  EXPECT_FALSE(from_hex("0g"));
}

TEST(Bytes, Base64IsThatOfRfc4648) {
  const std::pair<const char*, const char*> cases[] = {{"", ""},          {"f", "Zg=="},     {"fo", "Zm8="},
                                                       {"foo", "Zm9v"},   {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="},
                                                       {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, coded] : cases) {
    EXPECT_EQ(to_base64(plain), coded);
    EXPECT_EQ(from_base64(coded), plain);
  }
}

TEST(Bytes, Base64PaddingMayBeLeftOutButNotWrong) {
  EXPECT_EQ(from_base64("Zm8"), "fo");
  EXPECT_FALSE(from_base64("Zm8=="));
  EXPECT_FALSE(from_base64("Zm9v="));
  EXPECT_FALSE(from_base64("Z"));
  EXPECT_FALSE(from_base64("Zm 9v"));
  EXPECT_FALSE(from_base64("Zm-_"));
}

TEST(Bytes, EscapeLeavesOneSafeLine) {
  EXPECT_EQ(escape("plain text"), "plain text");
  EXPECT_EQ(escape("a\n\x1b[31m\"\\"), "a\\x0a\\x1b[31m\\x22\\x5c");
}

TEST(Bytes, EscapeCutsAtTheLimitAndNeverInsideAnEscape) {
  EXPECT_EQ(escape("abcdef", 4), "abcd...");
  EXPECT_EQ(escape("abc\n", 5), "abc...");
}

}  // namespace
}  // namespace selvage
