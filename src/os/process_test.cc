#include "os/process.h"

#include <gtest/gtest.h>

#include <csignal>
#include <mutex>

namespace selvage::os {
namespace {

using std::chrono::seconds;

struct Lines {
  LineReader reader() {
    return [this](std::string_view line) { seen.emplace_back(line); };
  }
  std::vector<std::string> seen;  // read after the process ended
};

TEST(Process, OutputComesLineByLine) {
  Lines out;
  Lines err;
  const auto exit = run({{"/bin/sh", "-c", "printf 'one\\ntwo\\nthree'; echo oops >&2"}, {}, "", out.reader(), err.reader()}, seconds(20));
  ASSERT_TRUE(exit);
  EXPECT_TRUE(exit->ok());
  EXPECT_EQ(out.seen, (std::vector<std::string>{"one", "two", "three"}));
  EXPECT_EQ(err.seen, (std::vector<std::string>{"oops"}));
}

TEST(Process, TheChildSeesTheGivenEnvironmentAndDirectoryOnly) {
  ::setenv("SELVAGE_TEST_SECRET", "x", 1);
  ::setenv("SELVAGE_TEST_PASSED", "y", 1);
  Lines out;
  ProcessSettings settings{{"sh", "-c", "echo \"$SELVAGE_TEST_SECRET|$SELVAGE_TEST_PASSED|$A\"; pwd"},
                           environment_of({"SELVAGE_TEST_PASSED", "SELVAGE_TEST_UNSET"}), "/", out.reader(), {}};
  settings.environment.push_back("A=b c");
  ASSERT_TRUE(run(std::move(settings), seconds(20)));
  EXPECT_EQ(out.seen, (std::vector<std::string>{"|y|b c", "/"}));
}

TEST(Process, ExitsAreWordedAsGoDoes) {
  EXPECT_EQ(run({{"/bin/sh", "-c", "exit 3"}, {}, "", {}, {}}, seconds(20))->to_string(), "exit status 3");
  EXPECT_EQ(run({{"/bin/sh", "-c", "kill -9 $$"}, {}, "", {}, {}}, seconds(20))->to_string(), "signal: killed");
}

TEST(Process, AMissingProgramIsNotFound) {
  const auto exit = run({{"/no/such/program"}, {}, "", {}, {}}, seconds(20));
  ASSERT_FALSE(exit);
  EXPECT_EQ(exit.error().code, Code::kNotFound);
  EXPECT_EQ(exit.error().message, "fork/exec /no/such/program: no such file or directory");
}

TEST(Process, OneThatTakesTooLongIsKilled) {
  const auto exit = run({{"/bin/sleep", "100"}, {}, "", {}, {}}, std::chrono::milliseconds(50));
  ASSERT_FALSE(exit);
  EXPECT_EQ(exit.error().code, Code::kDeadlineExceeded);
}

TEST(Process, TerminateReachesTheWholeGroupAndKillsWhatStays) {
  Lines out;
  auto process = Process::start({{"/bin/sh", "-c", "trap '' TERM; echo ready; while :; do sleep 100; done"}, {}, "", out.reader(), {}}).value();
  EXPECT_FALSE(process->wait_for(std::chrono::milliseconds(50)));
  process->terminate(std::chrono::milliseconds(100));
  EXPECT_EQ(process->wait().signal, SIGKILL);
}

TEST(Process, AGrandchildThatKeepsThePipeOpenDoesNotHoldUsUp) {
  const auto exit = run({{"/bin/sh", "-c", "sleep 100 & exit 4"}, {}, "", {}, {}}, seconds(20));
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->status, 4);
}

}  // namespace
}  // namespace selvage::os
