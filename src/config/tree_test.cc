#include "config/tree.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace selvage::config {
namespace {

constexpr char kYaml[] = R"(# a comment
peer:
  id: jdoe
  tls:
    enabled: false
    cert:
      file: tls/server.crt
  empty:
  list:
    - a
    - b
)";

Tree tree_of(std::string_view yaml, const Environment& environment = {}) {
  auto tree = Tree::parse(yaml, "/etc/fabric/core.yaml", "CORE", environment);
  EXPECT_TRUE(tree) << (tree ? "" : to_string(tree.error()));
  return *tree;
}

TEST(Tree, ValuesAreFoundByDottedPathInAnyCase) {
  const Tree tree = tree_of(kYaml);
  ASSERT_NE(tree.find("PEER.Tls.Cert.FILE"), nullptr);
  EXPECT_EQ(tree.find("peer.tls.cert.file")->text, "tls/server.crt");
  EXPECT_EQ(tree.find("peer.tls.nothing"), nullptr);
  EXPECT_EQ(tree.find("peer.id.deeper"), nullptr);
}

TEST(Tree, EveryValueKnowsItsLine) {
  const Tree tree = tree_of(kYaml);
  EXPECT_EQ(tree.find("peer.tls.cert.file")->origin.to_string(), "peer.tls.cert.file (core.yaml:7)");
  EXPECT_EQ(tree.find("peer.empty")->origin.line, 8);
}

TEST(Tree, EnvironmentWinsAndIsNamedAsTheOrigin) {
  const Tree tree = tree_of(kYaml, {{"CORE_PEER_TLS_CERT_FILE", "/other.crt"}});
  EXPECT_EQ(tree.find("peer.tls.cert.file")->text, "/other.crt");
  EXPECT_EQ(tree.find("peer.tls.cert.file")->origin.to_string(), "CORE_PEER_TLS_CERT_FILE");
  EXPECT_EQ(tree.root().find("peer")->find("tls")->find("cert")->find("file")->text, "/other.crt");
}

TEST(Tree, EnvironmentSetsKeysThatTheFileDoesNotName) {
  const Tree tree = tree_of(kYaml, {{"CORE_PEER_TLS_SERVERHOSTOVERRIDE", "peer0"}});
  ASSERT_NE(tree.find("peer.tls.serverhostoverride"), nullptr);
  EXPECT_EQ(tree.find("peer.tls.serverhostoverride")->text, "peer0");
}

TEST(Tree, EmptyVariablesAndThoseOfOthersChangeNothing) {
  const Tree tree = tree_of(kYaml, {{"CORE_PEER_ID", ""}, {"ORDERER_PEER_ID", "x"}, {"peer_id", "y"}});
  EXPECT_EQ(tree.find("peer.id")->text, "jdoe");
}

TEST(Tree, MergeKeysFillInWhatTheMapDoesNotSay) {
  const Tree tree = tree_of(R"(
base: &base
  a: 1
  b: 2
second: &second
  b: 20
  c: 30
one:
  b: mine
  <<: *base
both:
  <<: [*base, *second]
)");
  EXPECT_EQ(tree.find("one.a")->text, "1");
  EXPECT_EQ(tree.find("one.b")->text, "mine");
  EXPECT_EQ(tree.find("both.b")->text, "2");
  EXPECT_EQ(tree.find("both.c")->text, "30");
  EXPECT_EQ(tree.find("one.<<"), nullptr);
}

TEST(Tree, MistakesInTheFileAreNamedWithTheirLine) {
  const auto twice = Tree::parse("a: 1\nb: 2\na: 3\n", "core.yaml", "CORE", {});
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().message, "core.yaml:3: mapping key \"a\" already defined");
  const auto broken = Tree::parse("a: [1\nb: 2\n", "core.yaml", "CORE", {});
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().message.substr(0, 10), "core.yaml:");
  EXPECT_FALSE(Tree::parse("- just\n- a list\n", "core.yaml", "CORE", {}));
  EXPECT_FALSE(Tree::parse("a: {<<: text}\n", "core.yaml", "CORE", {}));
}

TEST(Tree, BytesThatAreNoUtf8AreNoYaml) {
  const auto refused = Tree::parse("peer:\n  id: \"caf\xe9\"\n", "core.yaml", "CORE", {});
  ASSERT_FALSE(refused);
  EXPECT_NE(to_string(refused.error()).find("not valid yaml: holds bytes that are no UTF-8"), std::string::npos);
  EXPECT_NE(to_string(refused.error()).find("core.yaml:2"), std::string::npos) << to_string(refused.error());
  EXPECT_EQ(tree_of("peer: {id: \"caf\xc3\xa9\"}").find("peer.id")->text, "caf\xc3\xa9");
  EXPECT_EQ(tree_of(std::string_view("\xff\xfe" "a\0:\0 \0b\0", 10)).find("a")->text, "b");
}

TEST(Tree, ARefusalIsOneLineWhateverItQuotes) {
  const auto refused = Tree::parse("peer:\n  id: \"a\\\rb\"\n", "core.yaml", "CORE", {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(to_string(refused.error()).find('\r'), std::string::npos) << to_string(refused.error());
}

TEST(Tree, AliasesOfAliasesDoNotExhaustMemory) {
  std::string yaml = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    yaml += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int k = 0; k < 9; ++k) yaml += "," + before;
    yaml += "]\n";
  }
  const auto tree = Tree::parse(yaml, "core.yaml", "CORE", {});
  ASSERT_FALSE(tree);
  EXPECT_NE(tree.error().message.find("too large"), std::string::npos);
}

TEST(Tree, RelativePathsAreRelativeToTheFile) {
  const Tree tree = tree_of(kYaml);
  EXPECT_EQ(tree.absolute("tls/server.crt"), "/etc/fabric/tls/server.crt");
  EXPECT_EQ(tree.absolute("../x"), "/etc/x");
  EXPECT_EQ(tree.absolute("/abs"), "/abs");
  EXPECT_EQ(tree.absolute(""), "");
}

TEST(Tree, PrintsWhatIsInForceWithoutSecrets) {
  const Tree tree = tree_of("peer:\n  Name: x\n  list: [a, {k: v}]\n  none:\n  pin: 1234\n  empty: \"\"\n  text: \"a: b\"\n", {{"CORE_PEER_NAME", "y"}});
  EXPECT_EQ(tree.to_yaml(),
            "peer:\n    empty: \"\"\n    list:\n        - a\n        - k: v\n    name: y\n    none: null\n    pin: \"***\"\n    text: \"a: b\"\n");
  EXPECT_TRUE(Tree::parse(tree.to_yaml(), "again", "", {}));
}

class FindFile : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "selvage_config_XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    std::ofstream(folder_ + "/core.yaml") << "peer: {id: x}\n";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string folder_;
};

TEST_F(FindFile, LooksInFabricCfgPath) {
  EXPECT_EQ(find_file("core", {{"FABRIC_CFG_PATH", folder_}}).value(), folder_ + "/core.yaml");
}

TEST_F(FindFile, SaysWhereItLookedAndWhatToSet) {
  const auto missing = find_file("orderer", {{"FABRIC_CFG_PATH", folder_}});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::kNotFound);
  EXPECT_EQ(missing.error().message, "Config File \"orderer\" Not Found in \"[" + folder_ + "]\"");
  EXPECT_NE(missing.error().hint.find("FABRIC_CFG_PATH"), std::string::npos);
  EXPECT_EQ(find_file("core", {{"FABRIC_CFG_PATH", folder_ + "/none"}}).error().message,
            "FABRIC_CFG_PATH " + folder_ + "/none does not exist");
}

}  // namespace
}  // namespace selvage::config
