#include "rpc/http2/text.h"

#include <gtest/gtest.h>

#include "rpc/metadata.h"
#include "rpc/status.h"

namespace selvage::rpc {
namespace {

using namespace std::chrono_literals;

TEST(Timeout, ReadsEveryUnit) {
  EXPECT_EQ(parse_timeout("5H"), 5h);
  EXPECT_EQ(parse_timeout("5M"), 5min);
  EXPECT_EQ(parse_timeout("5S"), 5s);
  EXPECT_EQ(parse_timeout("5m"), 5ms);
  EXPECT_EQ(parse_timeout("5u"), 5us);
  EXPECT_EQ(parse_timeout("12345678n"), 12345678ns);
  EXPECT_GT(*parse_timeout("99999999H"), 24h * 365);
}

TEST(Timeout, RefusesWhatTheProtocolDoesNotKnow) {
  for (const char* text : {"", "S", "5", "-5S", "5s", "123456789n", " 5S", "5.5S"}) EXPECT_FALSE(parse_timeout(text)) << text;
}

TEST(Timeout, IsWrittenInTheFinestUnitThatFitsAndNeverTooShort) {
  EXPECT_EQ(format_timeout(5ns), "5n");
  EXPECT_EQ(format_timeout(99999999ns), "99999999n");
  EXPECT_EQ(format_timeout(100000001ns), "100001u");
  EXPECT_EQ(format_timeout(30s), "30000000u");
  EXPECT_EQ(format_timeout(-1s), "0n");
}

TEST(GoDuration, PrintsAsGoDoes) {
  EXPECT_EQ(go_duration(0ns), "0s");
  EXPECT_EQ(go_duration(17ns), "17ns");
  EXPECT_EQ(go_duration(1500ns), "1.5\xc2\xb5s");
  EXPECT_EQ(go_duration(1800us), "1.8ms");
  EXPECT_EQ(go_duration(1234567ns), "1.234567ms");
  EXPECT_EQ(go_duration(2500ms), "2.5s");
  EXPECT_EQ(go_duration(150s), "2m30s");
  EXPECT_EQ(go_duration(3600s), "1h0m0s");
}

TEST(Percent, CodesWhatIsNotPrintableAndBack) {
  EXPECT_EQ(percent_encode("100% sure\n\xc3\xa4"), "100%25 sure%0A%C3%A4");
  EXPECT_EQ(percent_decode("100%25 sure%0A%C3%A4"), "100% sure\n\xc3\xa4");
  EXPECT_EQ(percent_decode("%zz %4 %"), "%zz %4 %");
}

TEST(Details, SurviveTheWire) {
  Status status(Code::kAborted, "no", {{"type.googleapis.com/gateway.ErrorDetail", Bytes("\x0a\x01x", 3)}, {"t", ""}});
  Status read;
  ASSERT_TRUE(parse_details(encode_details(status), &read));
  EXPECT_EQ(read.code, status.code);
  EXPECT_EQ(read.message, status.message);
  ASSERT_EQ(read.details.size(), 2u);
  EXPECT_EQ(read.details[0].type_url, status.details[0].type_url);
  EXPECT_EQ(read.details[0].value, status.details[0].value);
  EXPECT_FALSE(parse_details("\x1a\x7f", &read));
}

TEST(Metadata, KeepsGrpcsOwnKeysFromApplications) {
  EXPECT_TRUE(Metadata::allowed("x-request-id"));
  for (const char* key : {"", "grpc-status", "te", "content-type", ":path", "Upper", "with space", "connection"}) {
    EXPECT_FALSE(Metadata::allowed(key)) << key;
  }
}

TEST(Metadata, FindsKeysWhateverTheirCaseWhenAdded) {
  Metadata metadata{{"X-One", "1"}};
  metadata.add("x-one", "2");
  EXPECT_EQ(metadata.first("x-one"), "1");
  EXPECT_EQ(metadata.all("x-one").size(), 2u);
  EXPECT_FALSE(metadata.first("x-two"));
}

}  // namespace
}  // namespace selvage::rpc
