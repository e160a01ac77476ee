#include "os/log_sink.h"

#include <gtest/gtest.h>

namespace selvage::os {
namespace {

class LogFormatTest : public ::testing::Test {
 protected:
  void SetUp() override {
    setenv("TZ", "UTC", 1);
    tzset();
  }
  std::string line(std::string_view format) const {
    const log::Record record{time_, 31, log::Level::kWarn, "gossip.comm", "connect", "dial failed\n", fields_};
    return LogFormat::parse(format).value().line(record);
  }
  SystemTime time_{std::chrono::nanoseconds(1700000000120456789)};
  log::Fields fields_{{"peer", "127.0.0.1:7051"}};
};

TEST_F(LogFormatTest, DefaultIsFabricsAndEqualToThatOfBase) {
  const log::Record record{time_, 31, log::Level::kWarn, "gossip.comm", "connect", "dial failed\n", fields_};
  EXPECT_EQ(line(""), log::format_default(record));
  EXPECT_EQ(line(""),
            "\x1b[33m2023-11-14 22:13:20.120 UTC 001f WARN\x1b[0m [gossip.comm] \x1b[33;1mconnect\x1b[0m -> dial failed "
            "peer=127.0.0.1:7051\n");
}

TEST_F(LogFormatTest, VerbsTakeWidthsAndPrecisions) {
  EXPECT_EQ(line("%{id:06d}|%{id}|%{level:8s}|%{module:-14s}|%{shortfunc:.3s}"),
            "000031|31|    WARN|gossip.comm   |con peer=127.0.0.1:7051\n");
}

TEST_F(LogFormatTest, TimeFollowsGosReferenceLayout) {
  EXPECT_EQ(line("%{time}"), "2023-11-14T22:13:20.12Z peer=127.0.0.1:7051\n");
  EXPECT_EQ(line("%{time:Mon Jan _2 03:04:05.000000 PM -07:00 06}"),
            "Tue Nov 14 10:13:20.120456 PM +00:00 23 peer=127.0.0.1:7051\n");
  EXPECT_EQ(line("%{time:2006.01.02}"), "2023.11.14 peer=127.0.0.1:7051\n");
}

TEST_F(LogFormatTest, WhatIsNoVerbStaysText) {
  EXPECT_EQ(line("%{nothing} 100% %{message"), "%{nothing} 100% %{message peer=127.0.0.1:7051\n");
}

TEST_F(LogFormatTest, JsonAndLogfmtCarryTheFields) {
  EXPECT_EQ(line("json"),
            "{\"level\":\"warn\",\"ts\":1700000000.1204567,\"name\":\"gossip.comm\",\"caller\":\"connect\","
            "\"msg\":\"dial failed\",\"peer\":\"127.0.0.1:7051\"}\n");
  EXPECT_EQ(line("logfmt"),
            "ts=1700000000.1204567 level=warn name=gossip.comm caller=connect msg=\"dial failed\" peer=127.0.0.1:7051\n");
}

TEST_F(LogFormatTest, BadOptionsAreRefusedNotPrinted) {
  EXPECT_EQ(LogFormat::parse("%{color:blink}").error().message, "invalid color option: blink");
  EXPECT_FALSE(LogFormat::parse("%{message:n}"));
  EXPECT_FALSE(LogFormat::parse("%{id:s}"));
  EXPECT_FALSE(LogFormat::parse("%{id:%x}"));
}

}  // namespace
}  // namespace selvage::os
