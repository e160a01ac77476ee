#include "base/result.h"

#include <gtest/gtest.h>

#include "base/origin.h"

namespace selvage {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return fail(Code::kInvalidArgument, "odd number");
  return number / 2;
}
Result<int> quarter(int number) {
  SELVAGE_TRY(const int first, half(number));
  SELVAGE_TRY(const int second, half(first));
  return second;
}
Status check_quarter(int number) {
  SELVAGE_CHECK(quarter(number));
  return {};
}

TEST(Result, TryPassesValuesOnAndErrorsUp) {
  EXPECT_EQ(quarter(8).value(), 2);
  ASSERT_FALSE(quarter(6));
  EXPECT_EQ(quarter(6).error().message, "odd number");
  EXPECT_TRUE(check_quarter(4));
  EXPECT_EQ(check_quarter(3).error().code, Code::kInvalidArgument);
}

TEST(Error, OneLineHoldsMessageCauseAndHint) {
  EXPECT_EQ(to_string(Error{Code::kNotFound, "no file", "errno 2", "set X"}), "no file: errno 2; set X");
  EXPECT_EQ(to_string(Error{Code::kNotFound, "no file", "", ""}), "no file");
}

TEST(Error, ContextGoesBeforeTheMessageAndKeepsTheRest) {
  const Error outer = Error{Code::kNotFound, "no file", "errno 2", "set X"}.within("loading");
  EXPECT_EQ(outer.message, "loading: no file");
  EXPECT_EQ(outer.hint, "set X");
}

TEST(Code, NamesAreGos) {
  EXPECT_STREQ(name_of(Code::kCancelled), "Canceled");
  EXPECT_STREQ(name_of(Code::kUnauthenticated), "Unauthenticated");
}

TEST(Origin, NamesTheVariableOrTheLine) {
  EXPECT_EQ((Origin{"CORE_PEER_ID", "", 0}.to_string()), "CORE_PEER_ID");
  EXPECT_EQ((Origin{"peer.id", "/etc/fabric/core.yaml", 12}.to_string()), "peer.id (core.yaml:12)");
  EXPECT_EQ((Origin{"peer.id", "core.yaml", 0}.to_string()), "peer.id (core.yaml)");
}

}  // namespace
}  // namespace selvage
