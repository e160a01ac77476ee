// Chaincode as a child process: what it is told, and that neither it nor its session outlives the other. The builder and
// its chaincode are shell scripts that never register.
#include "chaincode/package_runner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "chaincode/builder/posix_build_files.h"
#include "chaincode/listener/listener_service.h"
#include "chaincode/session/deadlines_worker.h"
#include "chaincode/session/shim_session.h"
#include "lifecycle/package.h"
#include "os/posix_disk.h"
#include "os/system_clock.h"

namespace selvage::chaincode {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;

class PackageRunnerTest : public testing::Test {
 protected:
  void SetUp() override {
    script("detect", "exit 0");
    script("build", "touch $3/built");
    ASSERT_TRUE(packages_.open());
    package_ = *lifecycle::make_package({"script", "", "cc"}, *lifecycle::make_tar_gz({{"code", "x"}}));
    id_ = *packages_.save("cc", package_);
    ListenerSettings settings;
    settings.listen_address = settings.endpoint = "127.0.0.1:0";
    settings.mspid = "Org1MSP";
    listener_ = *ChaincodeListener::make(settings, os::system_clock(), metrics::disabled());
    ASSERT_TRUE(listener_->start());
    PackageRunnerSettings runner;
    runner.builds.directory = (root_.path() / "builds").string();
    runner.builds.builders = {{"scripts", (root_.path() / "scripts").string(), {}}};
    runner.stop_grace = milliseconds(300);
    runner_ = std::make_unique<PackageRunner>(runner, packages_, listener_.get());
    session_ = make_session();
  }
  std::shared_ptr<ShimSession> make_session() {
    return std::make_shared<ShimSession>(
        SessionSettings{}, id_,
        ShimSession::Parts{nullptr, metrics::disabled(), deadlines_, [](std::function<void()> task) { task(); }});
  }
  void script(const std::string& program, const std::string& body) {
    fs::create_directories(root_.path() / "scripts/bin");
    ASSERT_TRUE(write_file(root_.path() / "scripts/bin" / program, "#!/bin/sh\n" + body + "\n", 0755));
  }
  // A chaincode that writes its number and that of a process it started into `pids`, and goes on.
  void run_for_long(const std::string& before = "") {
    script("run", before + "sleep 1000 &\necho $$ $! >" + file("pids.new") + "\nmv " + file("pids.new") + " " + file("pids") +
                      "\nwait");
  }
  [[nodiscard]] std::string file(const std::string& name) const { return (root_.path() / name).string(); }
  // Waits for the file; its words as numbers.
  std::vector<pid_t> pids() {
    for (int i = 0; i < 2000 && !fs::exists(file("pids")); ++i) std::this_thread::sleep_for(milliseconds(10));
    std::istringstream in(read_file(file("pids")).value_or(""));
    std::vector<pid_t> out;
    for (pid_t pid; in >> pid;) out.push_back(pid);
    EXPECT_EQ(out.size(), 2U);
    return out;
  }
  // A killed grandchild is a zombie until somebody reaps it, which in a container may be nobody.
  static bool runs(pid_t pid) {
    const Bytes stat = read_file("/proc/" + std::to_string(pid) + "/stat").value_or("");
    const size_t place = stat.rfind(") ");
    return place != Bytes::npos && stat[place + 2] != 'Z';
  }
  static bool end(const std::vector<pid_t>& pids) {
    for (int i = 0; i < 2000; ++i) {
      if (std::none_of(pids.begin(), pids.end(), runs)) return true;
      std::this_thread::sleep_for(milliseconds(10));
    }
    return false;
  }
  std::string why_not_ready() {
    auto ready = session_->wait_ready(std::chrono::steady_clock::now() + seconds(30));
    return ready ? "ready" : ready.error().message;
  }

  ScratchFolder root_ = *ScratchFolder::make("selvage-runner");
  PackageStore packages_{os::posix_disk(), (root_.path() / "packages").string()};
  Bytes package_;
  std::string id_;
  std::unique_ptr<ChaincodeListener> listener_;
  std::unique_ptr<PackageRunner> runner_;
  Deadlines deadlines_;
  std::shared_ptr<ShimSession> session_;
};

TEST_F(PackageRunnerTest, AProcessIsToldWhereItsPeerIsAndHasAPairOfItsOwn) {
  run_for_long("test -f $1/built && cp $2/chaincode.json " + file("told") + "\necho $2 >" + file("artifacts") + "\n");
  auto connected = runner_->connect(id_, session_);
  ASSERT_TRUE(connected) << to_string(connected.error());
  const auto started = pids();
  const auto told = nlohmann::json::parse(*read_file(file("told")));
  EXPECT_EQ(told["chaincode_id"], id_);
  EXPECT_EQ(told["peer_address"], listener_->address());
  EXPECT_EQ(told["mspid"], "Org1MSP");
  for (const char* key : {"client_cert", "client_key", "root_cert"})
    EXPECT_NE(told[key].get<std::string>().find("-----BEGIN "), std::string::npos) << key;
  session_->close();
  EXPECT_TRUE(end(started));
  runner_->stop();
  std::string artifacts = *read_file(file("artifacts"));
  artifacts.pop_back();
  EXPECT_FALSE(fs::exists(artifacts));
}

TEST_F(PackageRunnerTest, TheEndOfTheProcessIsTheEndOfItsSession) {
  script("run", "exit 3");
  ASSERT_TRUE(runner_->connect(id_, session_));
  EXPECT_EQ(why_not_ready(), "failed to wait on container exit: builder 'scripts' run failed: exit status 3");
}

TEST_F(PackageRunnerTest, AProcessThatEndsWellHasEndedAllTheSame) {
  script("run", "exit 0");
  ASSERT_TRUE(runner_->connect(id_, session_));
  EXPECT_EQ(why_not_ready(), "container exited with 0");
}

TEST_F(PackageRunnerTest, WhatAScriptLeftBehindGoesWithIt) {
  script("run", "sleep 1000 &\necho $$ $! >" + file("pids"));
  ASSERT_TRUE(runner_->connect(id_, session_));
  EXPECT_EQ(why_not_ready(), "container exited with 0");
  EXPECT_TRUE(end(pids()));
}

TEST_F(PackageRunnerTest, StoppingEndsProcessesThatDoNotWantTo) {
  run_for_long("trap '' TERM\n");
  ASSERT_TRUE(runner_->connect(id_, session_));
  const auto started = pids();
  runner_->stop();
  EXPECT_TRUE(end(started));
  EXPECT_TRUE(session_->closed());
  auto late = runner_->connect(id_, make_session());
  EXPECT_FALSE(late);
}

TEST_F(PackageRunnerTest, ASecondStartEndsTheFirstProcess) {
  run_for_long();
  ASSERT_TRUE(runner_->connect(id_, session_));
  const auto first = pids();
  fs::remove(file("pids"));
  auto second = make_session();
  ASSERT_TRUE(runner_->connect(id_, second));
  EXPECT_TRUE(end(first));
  EXPECT_TRUE(session_->closed());
  EXPECT_EQ(pids().size(), 2U);
  EXPECT_FALSE(second->closed());
}

TEST_F(PackageRunnerTest, APackageThatNobodyBuildsIsRefusedAsWithoutDocker) {
  script("detect", "exit 1");
  auto refused = runner_->build(id_, package_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "docker build failed: docker build is disabled");
  script("detect", "exit 0");
  script("build", "exit 1");
  refused = runner_->build(id_, package_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "external builder failed: external builder failed to build: external builder 'scripts' failed: exit status 1");
}

}  // namespace
}  // namespace selvage::chaincode
