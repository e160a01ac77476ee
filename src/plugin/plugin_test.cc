// Plugins as they are loaded: testdata/test_plugin.c, built as a plugin is.
#include <gtest/gtest.h>

#include <fstream>
#include <stdexcept>

#include "plugin/plugins.h"

namespace selvage::plugin {
namespace {

using testing::TempDir;
using Values = std::vector<std::optional<Bytes>>;

const std::string kLibrary = std::string(SELVAGE_BINARY_DIR) + "/bin/test_plugin.so";
const std::string kOfTomorrow = std::string(SELVAGE_BINARY_DIR) + "/bin/test_plugin_of_tomorrow.so";

class Peer final : public EndorsementHost {
 public:
  Result<Bytes> sign(BytesView message) override {
    if (broken) return fail(Code::kInternal, "no key");
    return "signed:" + Bytes(message);
  }
  Result<Values> state(const std::string& chaincode, const std::vector<std::string>& keys) override {
    if (unreadable) return fail(Code::kDataLoss, "state cannot be read");
    Values values;
    for (const std::string& key : keys) values.push_back(key == "mode" ? mode : std::nullopt);
    return values;
  }
  Result<Values> private_data(const std::string&, const std::string&, const std::vector<std::string>& keys) override {
    return Values(keys.size());
  }
  Result<std::vector<Bytes>> transient(const std::string&) override { return std::vector<Bytes>{}; }

  std::optional<Bytes> mode;
  bool broken = false;
  bool unreadable = false;
};

class EndorsementPlugins : public testing::Test {
 protected:
  Result<Endorsed> endorse(const std::string& channel = "ch") {
    return plugin_->endorse({channel, txid_, chaincode_, "proposal", "payload", "me"}, peer_);
  }
  std::string why() {
    auto endorsed = endorse();
    return endorsed ? "endorsed" : endorsed.error().message;
  }
  std::shared_ptr<EndorsementPlugin> plugin_ = *EndorsementPlugin::load(kLibrary);
  const std::string txid_ = "tx", chaincode_ = "basic";
  Peer peer_;
};

TEST_F(EndorsementPlugins, TheDefaultSignsThePayloadAsEscc) {
  auto endorsed = endorse();
  ASSERT_TRUE(endorsed) << endorsed.error().message;
  EXPECT_EQ(endorsed->endorser, "me");
  EXPECT_EQ(endorsed->signature, "signed:payloadme");
  EXPECT_FALSE(endorsed->payload);
}

TEST_F(EndorsementPlugins, APluginMayChangeWhatIsSignedAndWhoSigns) {
  peer_.mode = "payload";
  auto changed = endorse();
  ASSERT_TRUE(changed) << changed.error().message;
  EXPECT_EQ(changed->payload, "another payload");
  EXPECT_EQ(changed->signature, "signed:another payloadme");
  peer_.mode = "own";
  auto own = endorse();
  ASSERT_TRUE(own) << own.error().message;
  EXPECT_EQ(own->endorser, "somebody");
  EXPECT_EQ(own->signature, "signed:message");
}

TEST_F(EndorsementPlugins, ARefusalIsToldInThePluginsWords) {
  peer_.mode = "the moon is full";
  EXPECT_EQ(why(), "the moon is full");
}

TEST_F(EndorsementPlugins, WhoEndorsesNothingHasFailed) {
  peer_.mode = "nothing";
  EXPECT_EQ(why(), "the plugin gave no endorsement");
}

TEST_F(EndorsementPlugins, WhatThePeerCannotDoIsToldInItsWords) {
  peer_.broken = true;
  EXPECT_EQ(why(), "no key");
  peer_.unreadable = true;
  EXPECT_EQ(why(), "state cannot be read");
}

TEST_F(EndorsementPlugins, AChannelThatCannotBeOpenedIsSaid) {
  auto endorsed = endorse("closed");
  ASSERT_FALSE(endorsed);
  EXPECT_EQ(endorsed.error().message, "no room in this channel");
}

class Judge final : public ValidationHost {
 public:
  Result<Values> state(const std::string&, const std::vector<std::string>&) override {
    if (unreadable) return fail(Code::kDataLoss, "state cannot be read");
    return Values{mode};
  }
  Status scan(const std::string&, const std::string&, const std::string&,
              const std::function<bool(BytesView, BytesView)>& visit) override {
    for (int i = 0; i < 3 && visit("key", "value"); i++) scanned++;
    return {};
  }
  Result<std::map<std::string, Bytes>> metadata(const std::string&, const std::string&, const std::string&) override {
    return std::map<std::string, Bytes>{{"name", "value"}};
  }
  Status check_identity(BytesView) override { return fail(kRefused, "nobody"); }
  Status check_principal(BytesView, BytesView) override { return fail(kRefused, "nobody"); }
  Status check_signature(BytesView, BytesView, BytesView) override { return {}; }
  Status check_policy(BytesView, const std::vector<Signed>& signatures) override {
    if (signatures.size() == 1) return {};
    return fail(kRefused, "not one");
  }
  Status check_by_default() override { return by_default; }
  Result<Description> describe(BytesView) override { return Description{"Org1MSP", "id"}; }
  Result<Bytes> collection_policy(const std::string&, const std::string&) override { return Bytes("policy"); }
  bool has_capability(const std::string& name) override { return name == "V2_5"; }

  std::optional<Bytes> mode;
  Status by_default;
  bool unreadable = false;
  int scanned = 0;
};

class ValidationPlugins : public testing::Test {
 protected:
  std::string judge() {
    auto judged = plugin_->validate({channel_, "block", 9, 2, "envelope", channel_, channel_, "policy"}, judge_);
    if (judged) return "valid";
    return std::string(name_of(judged.error().code)) + ": " + judged.error().message;
  }
  std::shared_ptr<ValidationPlugin> plugin_ = *ValidationPlugin::load(kLibrary);
  const std::string channel_ = "ch";
  Judge judge_;
};

TEST_F(ValidationPlugins, TheDefaultJudges) {
  EXPECT_EQ(judge(), "valid");
  judge_.by_default = fail(kRefused, "too few");
  EXPECT_EQ(judge(), "PermissionDenied: too few");
}

TEST_F(ValidationPlugins, ARefusalAndABreakAreTwoThings) {
  judge_.mode = "because";
  EXPECT_EQ(judge(), "PermissionDenied: because");
  judge_.mode = "broken";
  EXPECT_EQ(judge(), "Aborted: broken");
  judge_.mode = "odd";
  EXPECT_EQ(judge(), "Aborted: the plugin gave no judgement");
}

// The plugin makes a refusal of it; peers with good disks would then differ from this one.
TEST_F(ValidationPlugins, StateThatCannotBeReadIsNeverARefusal) {
  judge_.unreadable = true;
  EXPECT_EQ(judge(), "Aborted: state cannot be read");
}

TEST_F(ValidationPlugins, EveryQuestionReachesThePeer) {
  judge_.mode = "everything";
  EXPECT_EQ(judge(), "PermissionDenied: scan o24 metadata oo identity rroo policy oo capability or at 2.0 of block 9");
  EXPECT_EQ(judge_.scanned, 3);
}

// A plugin's exceptions end at the border.
const selvage_validation_plugin kThrowing = {
    SELVAGE_PLUGIN_ABI_VERSION, nullptr,
    [](void*, selvage_validation_call*) -> int { throw std::runtime_error("out of the plugin"); }, nullptr};

TEST_F(ValidationPlugins, AnExceptionIsNoJudgement) {
  plugin_ = std::make_shared<ValidationPlugin>(kThrowing);
  EXPECT_EQ(judge(), "Aborted: the plugin gave no judgement");
}

TEST(ProposalPlugins, AFilterRefusesAndADecoratorAdds) {
  auto filter = *AuthFilter::load(kLibrary);
  EXPECT_TRUE(filter->check("proposal"));
  EXPECT_EQ(filter->check("come tomorrow").error().message, "not today");
  auto decorator = *Decorator::load(kLibrary);
  EXPECT_EQ(*decorator->decorate("proposal", "input"), "input\x12\x12\x0a\x06plugin\x12\x08was here");
  EXPECT_EQ(decorator->decorate("proposal", Bytes(200000, 'x')).error().message, "too long for this decorator");
}

Settings with_endorser(Handler handler) {
  Settings settings;
  handler.setting = "peer.handlers.endorsers.mine";
  settings.endorsers["mine"] = std::move(handler);
  return settings;
}

std::string load_says(const Settings& settings) {
  auto loaded = Plugins::load(settings);
  return loaded ? "loaded" : to_string(loaded.error());
}

TEST(Plugins, AreFoundByTheirNames) {
  Settings settings = with_endorser({"", "", kLibrary});
  settings.validators["vscc"] = {"peer.handlers.validators.vscc", "DefaultValidation", ""};
  settings.auth_filters = {{"peer.handlers.authFilters[0]", "DefaultAuth", ""},
                           {"peer.handlers.authFilters[1]", "TimeWindowCheck", ""},
                           {"peer.handlers.authFilters[2]", "", kLibrary}};
  settings.decorators = {{"peer.handlers.decorators[0]", "DefaultDecorator", ""},
                         {"peer.handlers.decorators[1]", "", kLibrary}};
  auto plugins = Plugins::load(settings);
  ASSERT_TRUE(plugins) << to_string(plugins.error());
  EXPECT_NE((*plugins)->endorser("mine")->library, nullptr);
  EXPECT_EQ((*plugins)->endorser("escc"), nullptr);
  EXPECT_EQ((*plugins)->validator("vscc")->library, nullptr);
  ASSERT_EQ((*plugins)->filters().size(), 2u);
  EXPECT_EQ((*plugins)->filters()[0].kind, Filter::Kind::kTimeWindow);
  EXPECT_EQ((*plugins)->filters()[1].kind, Filter::Kind::kLibrary);
  EXPECT_EQ((*plugins)->decorators().size(), 1u);
}

TEST(Plugins, WhatCannotBeLoadedIsSaidInOneLineWithItsSetting) {
  EXPECT_EQ(load_says(with_endorser({"", "", "/nowhere/plugin.so"}))
                .find("peer.handlers.endorsers.mine.library: Could not find plugin at path /nowhere/plugin.so"),
            0u);
  EXPECT_EQ(load_says(with_endorser({"", "", kOfTomorrow}))
                .find("peer.handlers.endorsers.mine.library: plugin " + kOfTomorrow +
                      " exports no function selvage_endorsement_plugin_table"),
            0u);
  EXPECT_EQ(load_says(with_endorser({"", "NoSuch", ""}))
                .find("peer.handlers.endorsers.mine.name: there is no built-in handler NoSuch"),
            0u);

  const std::string text = TempDir() + "/text.so";
  std::ofstream(text) << "no shared object";
  EXPECT_EQ(load_says(with_endorser({"", "", text}))
                .find("peer.handlers.endorsers.mine.library: Error opening plugin at path " + text + ": "),
            0u);
}

TEST(Plugins, AnotherVersionOfTheInterfaceIsRefused) {
  Settings settings;
  settings.auth_filters = {{"peer.handlers.authFilters[0]", "", kOfTomorrow}};
  EXPECT_EQ(load_says(settings).find("peer.handlers.authFilters[0].library: plugin " + kOfTomorrow +
                                     " was built for version 2 of the plugin interface, this peer has version 1"),
            0u);
}

TEST(Plugins, AGoPluginIsToldFromItsBytes) {
  const std::string go = TempDir() + "/go.so";
  std::ofstream(go) << "\x7f"
                       "ELF ... go:link.pkghashbytes.main ...";
  const std::string said = load_says(with_endorser({"", "", go}));
  EXPECT_EQ(said.find("peer.handlers.endorsers.mine.library: " + go +
                      " is a Go plugin, which only Go Fabric's peer can load"),
            0u)
      << said;
  EXPECT_NE(said.find("plugin_abi.h"), std::string::npos);
  EXPECT_EQ(said.find('\n'), std::string::npos);
}

}  // namespace
}  // namespace selvage::plugin
