#include "base/log.h"

#include <gtest/gtest.h>

namespace selvage::log {
namespace {

struct Collect : Sink {
  void write(const Record& record) override { lines.push_back(format_default(record)); }
  std::vector<std::string> lines;
};

class Log : public ::testing::Test {
 protected:
  void SetUp() override { set_sink(sink_); }
  void TearDown() override {
    set_sink(nullptr);
    EXPECT_TRUE(set_spec("info"));
  }
  std::shared_ptr<Collect> sink_ = std::make_shared<Collect>();
};

TEST_F(Log, LineHasFabricsShapeWithColour) {
  const Fields fields{{"channel", "ch"}, {"node", "1"}};
  const SystemTime time{std::chrono::nanoseconds(1700000000123456789)};
  setenv("TZ", "UTC", 1);
  tzset();
  const Record record{time, 5, Level::kInfo, "orderer.x", "serve", "Raft leader changed: 0 -> 1\n", fields};
  EXPECT_EQ(format_default(record),
            "\x1b[34m2023-11-14 22:13:20.123 UTC 0005 INFO\x1b[0m [orderer.x] \x1b[34;1mserve\x1b[0m -> "
            "Raft leader changed: 0 -> 1 channel=ch node=1\n");
}

TEST_F(Log, LevelsAreCutToFourLettersAndHaveTheirColours) {
  const Record record{SystemTime{}, 1, Level::kError, "m", "f", "x", {}};
  EXPECT_NE(format_default(record).find("\x1b[31m"), std::string::npos);
  EXPECT_NE(format_default(record).find(" ERRO\x1b[0m"), std::string::npos);
}

TEST_F(Log, FieldsAreQuotedWhenTheyHoldSpaces) {
  std::string line;
  append_fields(line, {{"a", "x y"}, {"b", "q\"\n"}, {"c", ""}});
  EXPECT_EQ(line, " a=\"x y\" b=\"q\\\"\\n\" c=");
}

TEST_F(Log, DebugIsOffUntilTheSpecAsksForIt) {
  const Logger logger("gossip.state");
  LOG_DEBUG(logger, "hidden");
  EXPECT_TRUE(sink_->lines.empty());
  ASSERT_TRUE(set_spec("gossip=debug:info"));
  LOG_DEBUG(logger, "number {}", 7);
  ASSERT_EQ(sink_->lines.size(), 1u);
  EXPECT_NE(sink_->lines[0].find("-> number 7"), std::string::npos);
}

TEST_F(Log, LongestPrefixWinsAndATrailingDotMeansThatLoggerAlone) {
  ASSERT_TRUE(set_spec("error:a=warn:a.b=debug:a.c.=info"));
  EXPECT_TRUE(Logger("a.b.c").enabled(Level::kDebug));
  EXPECT_FALSE(Logger("a.x").enabled(Level::kInfo));
  EXPECT_TRUE(Logger("a.c").enabled(Level::kInfo));
  EXPECT_FALSE(Logger("a.c.d").enabled(Level::kInfo));
  EXPECT_FALSE(Logger("ab").enabled(Level::kWarn));
}

TEST_F(Log, SpecIsGivenBackNormalised) {
  ASSERT_TRUE(set_spec("b,a=DEBUG:WARNING"));
  EXPECT_EQ(spec(), "a=debug:b=debug:warn");
}

TEST_F(Log, BadSpecsAreRefusedInFabricsWordsAndChangeNothing) {
  ASSERT_TRUE(set_spec("error"));
  EXPECT_EQ(set_spec("a=b=c").error().message, "invalid logging specification 'a=b=c': bad segment 'a=b=c'");
  EXPECT_EQ(set_spec("=info").error().message,
            "invalid logging specification '=info': no logger specified in segment '=info'");
  EXPECT_EQ(set_spec("a..b=info").error().message, "invalid logging specification 'a..b=info': bad logger name 'a..b'");
  EXPECT_EQ(set_spec("Debug").error().message, "invalid logging specification 'Debug': bad segment 'Debug'");
  EXPECT_EQ(spec(), "error");
}

TEST_F(Log, EmptySpecMeansInfo) {
  ASSERT_TRUE(set_spec(""));
  EXPECT_EQ(spec(), "info");
}

TEST_F(Log, WithAddsFieldsToThisLoggerOnly) {
  const Logger plain("m");
  const Logger chain = plain.with("channel", "ch").with("node", 1);
  LOG_INFO(chain, "one");
  LOG_INFO(plain, "two");
  ASSERT_EQ(sink_->lines.size(), 2u);
  EXPECT_NE(sink_->lines[0].find("one channel=ch node=1\n"), std::string::npos);
  EXPECT_NE(sink_->lines[1].find("two\n"), std::string::npos);
}

int checked = 0;
int written = 0;
TEST_F(Log, ObserverSeesWhatPassesTheLevel) {
  set_observer([](Level, bool was_written) { ++(was_written ? written : checked); });
  const Logger logger("m");
  LOG_INFO(logger, "seen");
  LOG_DEBUG(logger, "not seen");
  set_observer(nullptr);
  EXPECT_EQ(checked, 1);
  EXPECT_EQ(written, 1);
}

}  // namespace
}  // namespace selvage::log
