#include <gtest/gtest.h>

#include <sstream>

#include "peer/lifecycle/lifecycle.pb.h"
#include "peer/proposal_response.pb.h"
#include "tools/cobra.h"
#include "tools/cryptogen/go_template.h"
#include "tools/go_flags.h"
#include "tools/go_text.h"
#include "tools/kingpin.h"

namespace selvage::tools {
namespace {

kingpin::App good_app() {
  kingpin::App app;
  app.name = "tool";
  app.help = "A tool";
  app.flags = {{"address", "Where", 'a', "", true, false, false}};
  app.groups = {{"channel", "Channels"}};
  app.commands = {{"channel join",
                   "Join",
                   {{"id", "Which", 'c', "", false, false, false}, {"wait", "Wait", 0, "", false, true, false}}},
                  {"version", "Version", {{"style", "Style", 0, "long", false, false, false}}}};
  return app;
}

std::string refusal(const std::vector<std::string>& words) {
  auto parsed = kingpin::parse(good_app(), words);
  return parsed ? "" : parsed.error().message;
}

TEST(Kingpin, TakesFlagsInEveryFormAndPlace) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"channel", "join", "--address=x", "--id", "y", "--wait"},
        {"-a", "x", "channel", "join", "-cy", "--wait"},
        {"channel", "-ax", "join", "-c", "y", "--wait"}}) {
    auto parsed = kingpin::parse(good_app(), words);
    ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
    EXPECT_EQ(parsed->command, "channel join");
    EXPECT_EQ(parsed->values["address"], "x");
    EXPECT_EQ(parsed->values["id"], "y");
    EXPECT_EQ(parsed->values["wait"], "true");
  }
  auto parsed = kingpin::parse(good_app(), {"version", "-a", "x"});
  EXPECT_EQ(parsed->values["style"], "long");
}

TEST(Kingpin, RefusesInTheWordsOfFabricsTools) {
  EXPECT_EQ(refusal({"bogus"}), "expected command but got \"bogus\"");
  EXPECT_EQ(refusal({"channel"}), "must select a subcommand of 'channel'");
  EXPECT_EQ(refusal({"channel", "join", "--bogus"}), "unknown long flag '--bogus'");
  EXPECT_EQ(refusal({"channel", "join", "-z"}), "unknown short flag '-z'");
  EXPECT_EQ(refusal({"channel", "join", "--id"}), "expected argument for flag '--id'");
  EXPECT_EQ(refusal({"channel", "join"}), "required flag --address not provided");
  EXPECT_EQ(refusal({"channel", "join", "-a", "x", "more"}), "unexpected more");
}

TEST(Kingpin, ExplainsTheProgramWithoutWords) {
  EXPECT_EQ(kingpin::parse(good_app(), {"version", "--help"})->usage,
            "usage: tool version [<flags>]\n\nVersion\n\nFlags:\n"
            "      --help             Show context-sensitive help (also try --help-long and\n"
            "                         --help-man).\n"
            "  -a, --address=ADDRESS  Where\n"
            "      --style=\"long\"     Style\n\n");
  EXPECT_NE(kingpin::parse(good_app(), {})->usage.find("Commands:\n  help [<command>...]\n    Show help.\n"),
            std::string::npos);
}

TEST(GoFlags, TakeOneDashOrTwo) {
  const std::vector<go_flags::Flag> flags{{"profile", "Which"}, {"version", "Version", true}};
  auto parsed = go_flags::parse(flags, {"-profile", "a", "--version", "rest"});
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->text("profile"), "a");
  EXPECT_EQ(parsed->text("version"), "true");
  EXPECT_EQ(parsed->rest, std::vector<std::string>{"rest"});
  EXPECT_EQ(go_flags::parse(flags, {"-profile=b"})->text("profile"), "b");
  EXPECT_EQ(go_flags::parse(flags, {"-bogus"}).error().message, "flag provided but not defined: -bogus");
  EXPECT_EQ(go_flags::parse(flags, {"-profile"}).error().message, "flag needs an argument: -profile");
}

struct Ran {
  int code;
  std::string out, err;
};

// peer channel join, with a global flag and one that may come several times.
Ran run_cobra(const Arguments& words, std::function<Status(cobra::Call&)> body) {
  cobra::Command join{"join [file]",
                      "Joins.",
                      "Joins a channel.",
                      {{"block", 'b', cobra::Kind::kText, "Block", ""},
                       {"peer", 0, cobra::Kind::kTexts, "Peers", ""},
                       {"wait", 0, cobra::Kind::kDuration, "Time", "3s"}},
                      {},
                      {},
                      std::move(body),
                      nullptr};
  cobra::Command channel{"channel", "Channels.", "Channels.", {}, {{"tls", 0, cobra::Kind::kSwitch, "Use TLS", ""}},
                         {join},    nullptr,     nullptr};
  cobra::Command root;
  root.use = "peer";
  root.commands = {channel};
  std::ostringstream out, err;
  const int code = cobra::run(root, words, {out, err});
  return {code, out.str(), err.str()};
}

TEST(Cobra, FlagsMayStandAnywhere) {
  bool ran = false;
  auto body = [&](cobra::Call& call) -> Status {
    ran = true;
    EXPECT_EQ(call.path(), "peer channel join");
    EXPECT_EQ(call.text("block"), "b1");
    EXPECT_TRUE(call.flag("tls"));
    EXPECT_EQ(call.texts("peer"), (std::vector<std::string>{"p", "q"}));
    EXPECT_EQ(call.duration("wait"), std::chrono::seconds(3));
    EXPECT_EQ(call.arguments(), std::vector<std::string>{"word"});
    return {};
  };
  EXPECT_EQ(run_cobra({"channel", "--tls", "join", "word", "-b", "b1", "--peer=p", "--peer", "q"}, body).code, 0);
  EXPECT_TRUE(ran);
}

TEST(Cobra, AWrongCallShowsErrorAndUsage) {
  auto never = [](cobra::Call&) -> Status { return {}; };
  const Ran unknown = run_cobra({"channel", "join", "--bogus"}, never);
  EXPECT_EQ(unknown.code, 1);
  EXPECT_TRUE(unknown.err.starts_with("Error: unknown flag: --bogus\nUsage:\n  peer channel join [file] [flags]\n"))
      << unknown.err;
  EXPECT_NE(unknown.err.find("\nGlobal Flags:\n      --tls   Use TLS\n"), std::string::npos) << unknown.err;
  EXPECT_EQ(run_cobra({"bogus"}, never).err,
            "Error: unknown command \"bogus\" for \"peer\"\nRun 'peer --help' for usage.\n");
  EXPECT_TRUE(
      run_cobra({"channel", "join", "--wait", "x"}, never)
          .err.starts_with("Error: invalid argument \"x\" for \"--wait\" flag: time: invalid duration \"x\"\n"));
}

TEST(Cobra, AnErrorOfTheWorkItselfShowsNoUsage) {
  const Ran ran = run_cobra({"channel", "join"}, [](cobra::Call& call) -> Status {
    call.silence_usage();
    return fail(Code::kUnknown, "no", "because", "do this");
  });
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.err, "Error: no: because; do this\n");
}

TEST(GoTemplate, ReplacesFieldsAndNothingElse) {
  const std::map<std::string, std::string> fields{{"Hostname", "peer0"}, {"Domain", "org1"}};
  EXPECT_EQ(*cryptogen::expand_template("{{.Hostname}}.alt.{{ .Domain }}", fields), "peer0.alt.org1");
  EXPECT_EQ(*cryptogen::expand_template("a {{- .Domain -}} b", fields), "aorg1b");
  EXPECT_FALSE(cryptogen::expand_template("{{.Nope}}", fields).has_value());
  EXPECT_FALSE(cryptogen::expand_template("{{range .Hostname}}", fields).has_value());
  EXPECT_FALSE(cryptogen::expand_template("{{.Hostname", fields).has_value());
}

TEST(GoText, PrintsAResponseAsTheSuitesMatchIt) {
  ::protos::Response response;
  response.set_status(200);
  response.set_payload("ok \"k\"\n\x01");
  EXPECT_EQ(go_text(response), R"(status:200 payload:"ok \"k\"\n\x01")");
  EXPECT_EQ(go_text(::protos::Response()), "");
}

TEST(GoText, JsonHasProtoNamesAndOneofsAsGoStructsHaveThem) {
  ::lifecycle::QueryApprovedChaincodeDefinitionResult result;
  result.set_sequence(1);
  result.mutable_source()->mutable_local_package()->set_package_id("cc:1");
  EXPECT_EQ(go_json(result, ""), R"({"sequence":1,"source":{"Type":{"LocalPackage":{"package_id":"cc:1"}}}})");
}

}  // namespace
}  // namespace selvage::tools
