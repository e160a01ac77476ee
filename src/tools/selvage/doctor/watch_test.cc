#include "tools/selvage/doctor/watch.h"

#include <gtest/gtest.h>

namespace selvage::tools::doctor {
namespace {

std::string page(const std::string& code) {
  return R"({"certificates_demanded": false, "visitors": [{"source": "10.0.0.7", "certificate": {"subject": "CN=app1", "issuer": "CN=ca",)"
         R"( "sha256": "ab", "not_after": "2030-01-01T00:00:00Z"}, "code": ")" + code + R"(", "cause": "because", "remedy": "do"}]})";
}

TEST(Watch, TellsEachVisitorOnceAndAgainWhenTheVerdictChanges) {
  std::map<std::string, std::string> known;
  auto first = news("peer0:9443", page("TLS-02"), known).value();
  EXPECT_EQ(first.lines, "REFUSED peer0:9443 10.0.0.7  CN=app1\n        issuer CN=ca, until 2030-01-01\n"
                         "        TLS-02: because\n        fix: do\n");
  EXPECT_EQ(first.refused, 1u);
  auto again = news("peer0:9443", page("TLS-02"), known).value();
  EXPECT_EQ(again.lines, "");
  EXPECT_EQ(again.refused, 1u);
  auto mended = news("peer0:9443", page(""), known).value();
  EXPECT_EQ(mended.lines, "ok      peer0:9443 10.0.0.7  CN=app1\n        issuer CN=ca, until 2030-01-01\n");
  EXPECT_EQ(mended.refused, 0u);
}

TEST(Watch, SaysWhenThePageIsAnother) {
  std::map<std::string, std::string> known;
  for (const char* page : {"", "[]", "{}", R"({"visitors": 3})"}) EXPECT_FALSE(news("peer0:9443", page, known));
  EXPECT_TRUE(news("peer0:9443", R"({"visitors": [3, null, {"certificate": 4}]})", known));
  EXPECT_NE(news("peer0:9443", R"({"certificates_demanded": true, "visitors": []})", known).value().lines.find("demanded already"), std::string::npos);
}

}  // namespace
}  // namespace selvage::tools::doctor
