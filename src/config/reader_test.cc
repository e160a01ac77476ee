#include "config/reader.h"

#include <gtest/gtest.h>

namespace selvage::config {
namespace {

using namespace std::chrono_literals;

Tree tree_of(std::string_view yaml, const Environment& environment = {}) {
  return Tree::parse(yaml, "/etc/fabric/orderer.yaml", "ORDERER", environment).value();
}

TEST(Values, DurationsAreGos) {
  EXPECT_EQ(parse_duration("1m30s"), 90s);
  EXPECT_EQ(parse_duration("1.5h"), 90min);
  EXPECT_EQ(parse_duration("100ms"), 100ms);
  EXPECT_EQ(parse_duration("-2s"), -2s);
  EXPECT_EQ(parse_duration("5"), 5ns);
  EXPECT_EQ(parse_duration("1us2ns"), 1002ns);
  for (const char* bad : {"", "s", "1x", "1m 30s", "1h-3m", "99999999h", "nan", "nans", "inf", "infs"}) EXPECT_FALSE(parse_duration(bad)) << bad;
}

TEST(Values, SizesArePowersOf1024) {
  EXPECT_EQ(parse_bytes("1 MB"), 1u << 20);
  EXPECT_EQ(parse_bytes("512 KB"), 512u << 10);
  EXPECT_EQ(parse_bytes("512kb"), 512u << 10);
  EXPECT_EQ(parse_bytes("2G"), 2ull << 30);
  EXPECT_EQ(parse_bytes("104857600"), 104857600u);
  for (const char* bad : {"", "MB", "1 TB", "-1", "1.5 MB", "99999999999999 GB"}) EXPECT_FALSE(parse_bytes(bad)) << bad;
}

TEST(Values, ListsComeInThreeForms) {
  const std::vector<std::string> expected{"a", "b"};
  for (const char* form : {"[a,b]", "[a, b]", "[ \"a\", 'b' ]", "a,b", "a, b", "a b", "  a\tb\n"}) {
    EXPECT_EQ(parse_list(form), expected) << form;
  }
  EXPECT_TRUE(parse_list("[]").empty());
  EXPECT_TRUE(parse_list("").empty());
  EXPECT_EQ(parse_list("one"), std::vector<std::string>{"one"});
}

TEST(Reader, DefaultsStandWhereTheFileSaysNothing) {
  const Tree tree = tree_of("a:\nb: ~\nc: \"\"\n");
  Reader read(tree);
  EXPECT_EQ(read.number("a", 7), 7);
  EXPECT_EQ(read.duration("b", 3s), 3s);
  EXPECT_EQ(read.text("c", "x"), "");
  EXPECT_EQ(read.flag("none", true), true);
  EXPECT_TRUE(read.status());
}

TEST(Reader, ReadsEachKind) {
  const Tree tree = tree_of("n: 0x10\nf: true\nd: 2m\ns: 1 MB\nl: [x, y]\np: tls/ca.crt\nq: 1.6\n");
  Reader read(tree);
  EXPECT_EQ(read.number("n", 0), 16);
  EXPECT_EQ(read.flag("f"), true);
  EXPECT_EQ(read.duration("d", 0s), 2min);
  EXPECT_EQ(read.bytes("s", 0), 1u << 20);
  EXPECT_EQ(read.list("l"), (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(read.path("p").path, "/etc/fabric/tls/ca.crt");
  EXPECT_EQ(read.path("p").origin.to_string(), "p (orderer.yaml:6)");
  EXPECT_DOUBLE_EQ(read.fraction("q", 0), 1.6);
  EXPECT_TRUE(read.status_exact());
}

TEST(Reader, AWrongValueIsOneLineWithSettingFileAndRemedy) {
  const Tree tree = tree_of("General:\n  ListenPort: 99999\n  TLS:\n    Enabled: yes\n", {{"ORDERER_GENERAL_KEEPALIVE", "x"}});
  Reader read(tree);
  (void)read.number("General.ListenPort", 7050, 0, 65535);
  EXPECT_EQ(to_string(read.status().error()),
            "General.ListenPort (orderer.yaml:2): \"99999\" is no whole number from 0 to 65535; set it to such a number");
  Reader again(tree);
  (void)again.flag("General.TLS.Enabled");
  EXPECT_EQ(to_string(again.status().error()),
            "General.TLS.Enabled (orderer.yaml:4): \"yes\" is neither true nor false; set it to true or false");
  Reader third(tree);
  (void)third.duration("General.Keepalive", 1s);
  EXPECT_EQ(to_string(third.status().error()),
            "ORDERER_GENERAL_KEEPALIVE: \"x\" is no duration; set it to a duration like 30s, 1m30s or 500ms");
}

TEST(Reader, KeysThatNobodyReadAreFoundOut) {
  const Tree tree = tree_of("General:\n  TLS:\n    Enabled: true\n    Enabeld: true\n  Void:\nConsensus:\n  Any: thing\n");
  Reader read(tree);
  (void)read.flag("General.TLS.Enabled");
  read.accept("Consensus");
  const auto status = read.status_exact();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message, "'General.TLS' has invalid keys: Enabeld");
  EXPECT_EQ(status.error().cause, "/etc/fabric/orderer.yaml:4");
}

TEST(Reader, AWholeUnknownGroupIsFoundOut) {
  const Tree tree = tree_of("General: {ListenPort: 1}\nKafka: {Retry: 1}\n");
  Reader read(tree);
  (void)read.number("General.ListenPort", 0);
  EXPECT_EQ(read.status_exact().error().message, "'' has invalid keys: Kafka");
}

TEST(Reader, RecordsComeFromTheFileOrFromYamlInTheEnvironment) {
  const char* yaml = "b:\n  - name: x\n    path: /p\n";
  const Tree plain = tree_of(yaml);
  Reader read(plain);
  ASSERT_EQ(read.records("b").size(), 1u);
  for (const char* text : {"[{name: y, path: /q}]", "- name: y\n  path: /q\n"}) {
    const Tree tree = tree_of(yaml, {{"ORDERER_B", text}});
    Reader from_environment(tree);
    const auto records = from_environment.records("b");
    ASSERT_EQ(records.size(), 1u) << text;
    EXPECT_EQ(records[0].find("name")->text, "y");
    EXPECT_EQ(records[0].find("Path")->text, "/q");
  }
  const Tree wrong = tree_of(yaml, {{"ORDERER_B", "just text"}});
  Reader from_environment(wrong);
  EXPECT_TRUE(from_environment.records("b").empty());
  EXPECT_FALSE(from_environment.status());
}

}  // namespace
}  // namespace selvage::config
