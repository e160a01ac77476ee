// External builders: what their programs are given, what is kept, what a failure says. Builders are shell scripts.
#include "chaincode/builder/builds_runner.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "chaincode/builder/posix_build_files.h"
#include "lifecycle/package.h"

namespace selvage::chaincode {
namespace {

namespace fs = std::filesystem;

constexpr const char* kId = "basic_1:abc";

class BuildsTest : public testing::Test {
 protected:
  void SetUp() override {
    good("good");
    package_.metadata = {"golang", "", "basic_1"};
    package_.metadata_json = R"({"type":"golang","label":"basic_1"})";
    package_.code = *lifecycle::make_tar_gz({{"src/main.sh", "#!/bin/sh\n", 0755}, {"data.txt", "data", 0600}});
  }
  // A builder that takes every package: it copies the sources and says what it saw.
  void good(const std::string& name) {
    script(name, "detect", "test -f $1/data.txt && test -f $2/metadata.json");
    script(name, "build", "cp -rp $1/. $3 && cp $2/metadata.json $3 && env | cut -d= -f1 | sort > $3/env && echo building >&2");
    script(name, "release", "mkdir -p $2/statedb && echo index > $2/statedb/index.json");
    script(name, "run", "sleep 100");
  }
  void script(const std::string& name, const std::string& program, const std::string& body) {
    fs::create_directories(root_.path() / name / "bin");
    ASSERT_TRUE(write_file(root_.path() / name / "bin" / program, "#!/bin/sh\n" + body + "\n", 0755));
  }
  std::unique_ptr<Builds> builds(const std::vector<std::string>& names) {
    BuildsSettings settings;
    settings.directory = (root_.path() / "builds").string();
    settings.timeout = timeout_;
    for (const auto& name : names) settings.builders.push_back({name, (root_.path() / name).string(), {"SELVAGE_TEST_SEEN"}});
    return std::make_unique<Builds>(settings);
  }
  std::string refusal(const std::vector<std::string>& names) {
    auto built = builds(names)->build(kId, package_);
    return built ? "built" : built.error().message;
  }
  [[nodiscard]] fs::path kept() const { return root_.path() / "builds" / "basic_1-abc"; }

  ScratchFolder root_ = *ScratchFolder::make("selvage-builds");
  lifecycle::Package package_;
  std::chrono::nanoseconds timeout_ = std::chrono::seconds(60);
};

TEST_F(BuildsTest, WhatTheFirstBuilderThatKnowsThePackageMadeIsKept) {
  good("other");
  script("other", "detect", "exit 1");
  auto all = builds({"other", "absent", "good"});
  auto built = all->build(kId, package_);
  ASSERT_TRUE(built) << to_string(built.error());
  ASSERT_TRUE(built->has_value());
  EXPECT_EQ((*built)->builder->name(), "good");
  EXPECT_EQ((*built)->output, kept() / "bld");
  EXPECT_EQ(*read_file(kept() / "build-info.json"), R"({"builder_name":"good"})");
  EXPECT_EQ(*read_file(kept() / "bld" / "metadata.json"), package_.metadata_json);
  EXPECT_EQ(*read_file(kept() / "release" / "statedb" / "index.json"), "index\n");
  EXPECT_EQ(::access((kept() / "bld" / "src" / "main.sh").c_str(), X_OK), 0);
  EXPECT_FALSE(*(*built)->connection_json());
}

TEST_F(BuildsTest, ABuildIsDoneOnceAndOutlivesThePeer) {
  ASSERT_TRUE(builds({"good"})->build(kId, package_));
  script("good", "build", "exit 7");
  auto again = builds({"good"})->build(kId, package_);
  ASSERT_TRUE(again) << to_string(again.error());
  EXPECT_EQ((*again)->release, kept() / "release");
}

TEST_F(BuildsTest, ABuildWhoseBuilderIsGoneIsNotRun) {
  ASSERT_TRUE(builds({"good"})->build(kId, package_));
  good("new");
  EXPECT_EQ(refusal({"new"}), "existing build could not be restored: chaincode 'basic_1:abc' was already built with builder "
                              "'good', but that builder is no longer available");
}

TEST_F(BuildsTest, AFailureSaysWhichProgramAndHowItEnded) {
  script("good", "build", "exit 3");
  EXPECT_EQ(refusal({"good"}), "external builder failed to build: external builder 'good' failed: exit status 3");
  good("good");
  script("good", "release", "exit 4");
  EXPECT_EQ(refusal({"good"}), "external builder failed to release: builder 'good' release failed: exit status 4");
  EXPECT_FALSE(fs::exists(kept()));
}

TEST_F(BuildsTest, WithoutAReleaseProgramNothingIsReleased) {
  fs::remove(root_.path() / "good" / "bin" / "release");
  EXPECT_EQ(refusal({"good"}), "built");
  EXPECT_TRUE(fs::is_empty(kept() / "release"));
}

TEST_F(BuildsTest, APackageThatNoBuilderKnowsIsNobodys) {
  script("good", "detect", "exit 1");
  auto built = builds({"good"})->build(kId, package_);
  ASSERT_TRUE(built);
  EXPECT_FALSE(built->has_value());
}

TEST_F(BuildsTest, TheEnvironmentIsWhatIsAlwaysHandedOnAndWhatIsNamed) {
  ::setenv("SELVAGE_TEST_SEEN", "1", 1);
  ::setenv("SELVAGE_TEST_HIDDEN", "1", 1);
  ASSERT_TRUE(builds({"good"})->build(kId, package_));
  const Bytes names = *read_file(kept() / "bld" / "env");
  EXPECT_NE(names.find("SELVAGE_TEST_SEEN\n"), Bytes::npos) << names;
  EXPECT_NE(names.find("PATH\n"), Bytes::npos) << names;
  EXPECT_EQ(names.find("SELVAGE_TEST_HIDDEN"), Bytes::npos) << names;
}

TEST_F(BuildsTest, AProgramThatDoesNotEndIsKilled) {
  timeout_ = std::chrono::milliseconds(300);
  script("good", "build", "sleep 100");
  EXPECT_EQ(refusal({"good"}), "external builder failed to build: external builder 'good' failed: signal: killed");
}

TEST_F(BuildsTest, LinksThatLeaveTheBuildAreRefused) {
  script("good", "build", "ln -s /etc/passwd $3/passwd");
  EXPECT_NE(refusal({"good"}).find("refusing to copy absolute symlink"), std::string::npos);
  script("good", "build", "ln -s ../../outside $3/outside");
  EXPECT_NE(refusal({"good"}).find("pointing outside of source root"), std::string::npos);
  EXPECT_FALSE(fs::exists(kept()));
  script("good", "build", "mkdir $3/a && ln -s ../b $3/a/inside && echo > $3/b");
  EXPECT_EQ(refusal({"good"}), "built");
  EXPECT_TRUE(fs::is_symlink(kept() / "bld" / "a" / "inside"));
}

TEST_F(BuildsTest, AReleasedConnectionMakesItAService) {
  script("good", "release", "mkdir -p $2/chaincode/server && echo '{}' > $2/chaincode/server/connection.json");
  auto built = builds({"good"})->build(kId, package_);
  ASSERT_TRUE(built);
  EXPECT_EQ(**(*built)->connection_json(), "{}\n");
}

TEST_F(BuildsTest, TheBuiltInBuilderNeedsNoPrograms) {
  auto built = builds({"ccaas_builder"})->build(kId, package_);
  ASSERT_TRUE(built);
  EXPECT_FALSE(built->has_value());
}

TEST_F(BuildsTest, TellsAProcessWhereItsPeerIs) {
  RunConfig config{"basic:1", "127.0.0.1:7052", "cert\n", "key\n", "root\n", "Org1MSP"};
  EXPECT_EQ(config.to_json(), R"({"chaincode_id":"basic:1","peer_address":"127.0.0.1:7052","client_cert":"cert\n",)"
                              R"("client_key":"key\n","root_cert":"root\n","mspid":"Org1MSP"})");
}

}  // namespace
}  // namespace selvage::chaincode
