#include "tools/selvage/explain.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

namespace selvage::tools::selvage_program {
namespace {

struct Said {
  int code = 0;
  std::string out;
  std::string err;
};

Said run_explain(const Arguments& arguments, const std::string& input = "") {
  std::istringstream in(input);
  std::ostringstream out, err;
  Said said;
  said.code = explain(arguments, in, {out, err});
  said.out = out.str();
  said.err = err.str();
  return said;
}

constexpr const char* kStory =
    "Handshake failed with fatal error SSL_ERROR_SSL: error:14094412:SSL routines:ssl3_read_bytes:sslv3 alert bad "
    "certificate";

TEST(Explain, TranslatesWhatUsersHaveBeenSeeingForYears) {
  auto said = run_explain({kStory});
  EXPECT_EQ(said.code, 0);
  EXPECT_NE(said.out.find("the connection spoke TLS"), std::string::npos) << said.out;
  EXPECT_NE(said.out.find("TLS-01  the client sent no certificate"), std::string::npos);
  EXPECT_NE(said.out.find("CORE_PEER_TLS_CLIENTCERT_FILE"), std::string::npos);
}

TEST(Explain, ReadsTheLineFromItsWordsOrFromInput) {
  EXPECT_EQ(run_explain({"PKIX", "path", "building", "failed"}).out,
            run_explain({}, "PKIX path building failed\n").out);
}

TEST(Explain, AnswersMachinesInJson) {
  auto said = run_explain({"--json", kStory});
  auto json = nlohmann::json::parse(said.out);
  EXPECT_EQ(json["codes"][0]["code"], "TLS-01");
  EXPECT_FALSE(json["codes"][0]["fixes"].empty());
  EXPECT_EQ(nlohmann::json::parse(run_explain({"--json", "all is well"}).out)["codes"].size(), 0u);
}

TEST(Explain, SaysWhenItKnowsNothing) {
  EXPECT_EQ(run_explain({"all is well"}).code, 1);
  EXPECT_EQ(run_explain({}, " \n").code, 2);
  EXPECT_EQ(run_explain({"--bogus"}).code, 2);
  EXPECT_EQ(run_explain({"TLS-51"}).out.find("likely"), std::string::npos);
}

}  // namespace
}  // namespace selvage::tools::selvage_program
