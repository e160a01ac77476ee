#include "validate/validator.h"

#include <gtest/gtest.h>

#include <mutex>
#include <set>

#include "common/common.pb.h"
#include "common/policies.pb.h"
#include "identity/signature_memory.h"
#include "kit/channels.h"
#include "kit/definitions.h"
#include "kit/transactions.h"
#include "ledger/rwset/kvrwset/kv_rwset.pb.h"
#include "ledger/rwset/rwset.pb.h"
#include "lifecycle/definition.h"
#include "lifecycle/keys.h"
#include "os/worker_pool.h"
#include "peer/chaincode_event.pb.h"
#include "peer/collection.pb.h"
#include "peer/policy.pb.h"
#include "peer/transaction.pb.h"
#include "policy/signature_policy.h"
#include "validate/pool_worker.h"
#include "wire/marshal.h"

namespace selvage::validate {
namespace {

using ::protos::TxValidationCode;

std::string name(uint8_t code) { return ::protos::TxValidationCode_Name(static_cast<TxValidationCode>(code)); }

using test::Draft;

class Validate : public testing::Test {
 protected:
  Validate() { define("basic", {}); }

  void define(const std::string& chaincode, const std::string& policy_text, const Bytes& collections = "",
              const std::string& plugin = "") {
    lifecycle::Parameters parameters;
    parameters.collections = collections;
    parameters.validation_plugin = plugin;
    if (!policy_text.empty()) {
      ::protos::ApplicationPolicy policy;
      *policy.mutable_signature_policy() = *policy::parse_signature_policy(policy_text);
      parameters.validation_parameter = wire::marshal(policy);
    }
    test::define(channel_, chaincode, parameters, state_);
  }

  Draft good() { return test::good_draft(channel_); }

  ::common::Envelope transaction(const Draft& draft) {
    test::Transaction made = test::make_transaction(channel_, draft, random_);
    last_tx_id_ = made.id;
    return made.envelope;
  }

  // The signature of `creator` over a payload that was changed after all.
  static ::common::Envelope resign(::common::Payload payload, const identity::SigningIdentity& creator) {
    ::common::Envelope envelope;
    envelope.set_payload(wire::marshal(payload));
    envelope.set_signature(*creator.sign(envelope.payload()));
    return envelope;
  }
  static ::common::Payload open(const ::common::Envelope& envelope) {
    ::common::Payload payload;
    EXPECT_TRUE(payload.ParseFromString(envelope.payload()));
    return payload;
  }

  Result<BlockResult> validate(const std::vector<Bytes>& transactions) {
    auto block = std::make_shared<const ::common::Block>(channel_.block(5, "previous", transactions));
    return validator_->validate(block, channel_.bundle(), state_,
                               [this](const std::string& id) -> Result<bool> { return known_ids_.count(id) > 0; });
  }
  std::string codes(const std::vector<::common::Envelope>& transactions) {
    std::vector<Bytes> bytes;
    for (const auto& transaction : transactions) bytes.push_back(wire::marshal(transaction));
    auto result = validate(bytes);
    if (!result) return "error: " + result.error().message;
    std::string out;
    for (const auto& transaction : result->transactions) out += (out.empty() ? "" : " ") + name(transaction.code);
    return out;
  }
  std::string code(const Draft& draft) { return codes({transaction(draft)}); }

  test::Channel channel_;
  test::SeededRandom random_{7};
  ledger::MemoryState state_;
  std::set<std::string> known_ids_;
  std::string last_tx_id_;
  std::unique_ptr<Validator> validator_ = std::make_unique<Validator>(channel_.id(), sequential());
};

TEST_F(Validate, AGoodTransactionIsValid) {
  EXPECT_EQ(code(good()), "VALID");
  auto result = validate({wire::marshal(transaction(good()))});
  ASSERT_TRUE(result);
  const TransactionResult& only = result->transactions.at(0);
  EXPECT_EQ(only.tx_id, last_tx_id_);
  EXPECT_EQ(only.chaincode, "basic");
  EXPECT_EQ(only.header_type, ::common::ENDORSER_TRANSACTION);
  ASSERT_NE(only.rw_set, nullptr);
  EXPECT_EQ(only.rw_set->namespaces.at(0).name, "basic");
  EXPECT_EQ(result->next_bundle, nullptr);
}

TEST_F(Validate, OneOrganisationIsNotTheMajority) {
  Draft draft = good();
  draft.endorsers.pop_back();
  EXPECT_EQ(code(draft), "ENDORSEMENT_POLICY_FAILURE");
}

TEST_F(Validate, ClientsDoNotEndorse) {
  Draft draft = good();
  draft.endorsers = {&channel_.org(0).client(), &channel_.org(1).client()};
  EXPECT_EQ(code(draft), "ENDORSEMENT_POLICY_FAILURE");
}

TEST_F(Validate, EnvelopesThatDoNotParseGetTheirCodes) {
  EXPECT_EQ(name(validate({"\xff"})->transactions[0].code), "INVALID_OTHER_REASON");
  ::common::Envelope envelope = transaction(good());
  envelope.set_payload("\xff");
  EXPECT_EQ(codes({envelope}), "BAD_PAYLOAD");
  envelope.set_payload("");
  EXPECT_EQ(codes({envelope}), "BAD_COMMON_HEADER");
}

TEST_F(Validate, HeadersAreChecked) {
  const ::common::Envelope envelope = transaction(good());
  const auto with = [&](auto change) {
    ::common::Payload payload = open(envelope);
    ::common::ChannelHeader header;
    EXPECT_TRUE(header.ParseFromString(payload.header().channel_header()));
    change(header);
    payload.mutable_header()->set_channel_header(wire::marshal(header));
    return codes({resign(payload, channel_.org(0).client())});
  };
  EXPECT_EQ(with([](auto& header) { header.set_type(::common::MESSAGE); }), "BAD_COMMON_HEADER");
  EXPECT_EQ(with([](auto& header) { header.set_epoch(1); }), "BAD_COMMON_HEADER");
  EXPECT_EQ(with([](auto& header) { header.set_type(::common::CONFIG_UPDATE); }), "UNSUPPORTED_TX_PAYLOAD");
  EXPECT_EQ(with([](auto& header) { header.set_tx_id("another"); }), "BAD_PROPOSAL_TXID");
  EXPECT_EQ(with([](auto& header) { header.set_channel_id("elsewhere"); }), "BAD_CREATOR_SIGNATURE");
  // The header is part of what endorsers signed over.
  EXPECT_EQ(with([](auto& header) { header.set_version(3); }), "INVALID_ENDORSER_TRANSACTION");
}

TEST_F(Validate, TheCreatorMustBeAMemberAndHaveSigned) {
  ::common::Envelope envelope = transaction(good());
  envelope.set_signature("nonsense");
  EXPECT_EQ(codes({envelope}), "BAD_CREATOR_SIGNATURE");
  test::Organization stranger("Org9MSP");
  Draft draft = good();
  draft.creator = &stranger.client();
  EXPECT_EQ(code(draft), "BAD_CREATOR_SIGNATURE");
  const identity::SigningIdentity nobody = channel_.org(0).member("nobody", "");
  draft.creator = &nobody;
  EXPECT_EQ(code(draft), "BAD_CREATOR_SIGNATURE");
}

TEST_F(Validate, ATransactionIdIsUsedOnce) {
  const ::common::Envelope envelope = transaction(good());
  EXPECT_EQ(codes({envelope, envelope}), "VALID DUPLICATE_TXID");
  known_ids_.insert(last_tx_id_);
  EXPECT_EQ(codes({envelope}), "DUPLICATE_TXID");
}

TEST_F(Validate, AnInvalidOneDoesNotUseUpItsId) {
  Draft weak = good();
  weak.endorsers.pop_back();
  const ::common::Envelope envelope = transaction(weak);
  EXPECT_EQ(codes({envelope, envelope}), "ENDORSEMENT_POLICY_FAILURE ENDORSEMENT_POLICY_FAILURE");
}

TEST_F(Validate, ChaincodeNamesMustAgreeAndBeDefined) {
  Draft draft = good();
  draft.chaincode = "missing";
  EXPECT_EQ(code(draft), "INVALID_CHAINCODE");
  draft = good();
  draft.answered_by = "other";
  EXPECT_EQ(code(draft), "INVALID_CHAINCODE");
  draft = good();
  draft.version.clear();
  EXPECT_EQ(code(draft), "INVALID_CHAINCODE");
  draft = good();
  ::protos::ChaincodeEvent event;
  event.set_chaincode_id("other");
  draft.events = wire::marshal(event);
  EXPECT_EQ(code(draft), "INVALID_OTHER_REASON");
}

TEST_F(Validate, AReadWriteSetThatIsNoneIsRefused) {
  Draft draft = good();
  auto* ns = draft.extra.add_ns_rwset();
  ns->set_namespace_("basic");
  EXPECT_EQ(code(draft), "ILLEGAL_WRITESET");
  ns->set_namespace_("other");
  ns->set_rwset("\xff");
  EXPECT_EQ(code(draft), "BAD_RWSET");
}

TEST_F(Validate, EveryWrittenNamespaceHasItsOwnPolicy) {
  define("strict", "AND('Org1MSP.admin','Org2MSP.admin')");
  ::kvrwset::KVRWSet kv;
  kv.add_reads()->set_key("seen");
  Draft draft = good();
  auto* ns = draft.extra.add_ns_rwset();
  ns->set_namespace_("strict");
  ns->set_rwset(wire::marshal(kv));
  EXPECT_EQ(code(draft), "VALID");  // it only reads
  kv.add_writes()->set_key("written");
  ns->set_rwset(wire::marshal(kv));
  EXPECT_EQ(code(draft), "ENDORSEMENT_POLICY_FAILURE");
  ns->set_namespace_("lscc");
  EXPECT_EQ(code(draft), "INVALID_CHAINCODE");
}

TEST_F(Validate, LifecycleIsGuardedByItsOwnPolicyAndItsCollectionsByTheirOrganisations) {
  Draft draft = good();
  draft.chaincode = "_lifecycle";
  EXPECT_EQ(code(draft), "VALID");
  draft.endorsers.pop_back();
  EXPECT_EQ(code(draft), "ENDORSEMENT_POLICY_FAILURE");
  draft.keys.clear();
  draft.collection = "_implicit_org_Org1MSP";
  EXPECT_EQ(code(draft), "VALID");
  draft.collection = "_implicit_org_Org2MSP";
  EXPECT_EQ(code(draft), "ENDORSEMENT_POLICY_FAILURE");
  draft.collection = "_implicit_org_Org9MSP";
  EXPECT_EQ(code(draft), "ENDORSEMENT_POLICY_FAILURE");
  draft.collection = "secrets";
  EXPECT_EQ(code(draft), "ENDORSEMENT_POLICY_FAILURE");
}

TEST_F(Validate, ACollectionMayHaveAPolicyOfItsOwn) {
  ::protos::CollectionConfigPackage package;
  auto* own = package.add_config()->mutable_static_collection_config();
  own->set_name("own");
  *own->mutable_endorsement_policy()->mutable_signature_policy() = *policy::parse_signature_policy("OR('Org2MSP.peer')");
  package.add_config()->mutable_static_collection_config()->set_name("plain");
  define("private", "", wire::marshal(package));
  Draft draft = good();
  draft.chaincode = "private";
  draft.keys.clear();
  draft.collection = "own";
  draft.endorsers = {&channel_.org(1).peer()};
  EXPECT_EQ(code(draft), "VALID");
  draft.keys = {"public"};
  EXPECT_EQ(code(draft), "ENDORSEMENT_POLICY_FAILURE");  // the public key needs the chaincode's policy
  draft.keys.clear();
  draft.collection = "plain";
  EXPECT_EQ(code(draft), "ENDORSEMENT_POLICY_FAILURE");
}

TEST_F(Validate, AKeyWithAParameterIsJudgedByItAlone) {
  const Bytes parameter = wire::marshal(*policy::parse_signature_policy("OR('Org1MSP.peer')"));
  state_.put("basic", "k1", ledger::StateValue{"v", ledger::encode_metadata({{"VALIDATION_PARAMETER", parameter}}), {}});
  Draft draft = good();
  draft.endorsers = {&channel_.org(0).peer()};
  EXPECT_EQ(code(draft), "VALID");
  draft.endorsers = {&channel_.org(1).peer()};
  EXPECT_EQ(code(draft), "ENDORSEMENT_POLICY_FAILURE");
  draft.endorsers = {&channel_.org(0).peer()};
  draft.keys = {"k1", "k2"};
  EXPECT_EQ(code(draft), "ENDORSEMENT_POLICY_FAILURE");  // k2 needs the chaincode's policy
}

TEST_F(Validate, AParameterChangedInTheBlockMakesLaterWritesInvalid) {
  Draft changes = good();
  changes.keys.clear();
  changes.metadata_keys = {"k1"};
  EXPECT_EQ(codes({transaction(changes), transaction(good())}), "VALID ENDORSEMENT_POLICY_FAILURE");
  EXPECT_EQ(codes({transaction(good()), transaction(changes)}), "VALID VALID");
  changes.endorsers.pop_back();  // it fails itself, and changes nothing
  EXPECT_EQ(codes({transaction(changes), transaction(good())}), "ENDORSEMENT_POLICY_FAILURE VALID");
}

TEST_F(Validate, AKeyWhoseParameterIsNoPolicyStopsTheChannel) {
  state_.put("basic", "k1", ledger::StateValue{"v", ledger::encode_metadata({{"VALIDATION_PARAMETER", "\xff"}}), {}});
  EXPECT_TRUE(code(good()).starts_with("error: could not translate policy")) << code(good());
}

TEST_F(Validate, AnUnknownPluginStopsTheChannel) {
  define("odd", "", "", "custom");
  Draft draft = good();
  draft.chaincode = "odd";
  EXPECT_EQ(code(draft), "error: plugin with name custom couldn't be used: plugin with name custom wasn't found");
}

// src/plugin/testdata/test_plugin.c judges as the chaincode's key "mode" says.
class ValidatePlugin : public Validate {
 protected:
  ValidatePlugin() {
    plugin::Settings settings;
    settings.validators["vscc"] = {"peer.handlers.validators.vscc", "DefaultValidation", ""};
    settings.validators["custom"] = {"peer.handlers.validators.custom", "", std::string(SELVAGE_BINARY_DIR) + "/bin/test_plugin.so"};
    auto plugins = plugin::Plugins::load(settings);
    EXPECT_TRUE(plugins) << to_string(plugins.error());
    validator_ = std::make_unique<Validator>(channel_.id(), sequential(), nullptr, *plugins);
    define("judged", "", "", "custom");
  }
  void set_mode(const std::string& mode) { state_.put("judged", "mode", ledger::StateValue{mode, {}, {}}); }
  Draft judged() {
    Draft draft = good();
    draft.chaincode = "judged";
    return draft;
  }
};

TEST_F(ValidatePlugin, JudgesInPlaceOfTheDefault) {
  Draft alone = judged();
  alone.endorsers.pop_back();
  set_mode("all");
  EXPECT_EQ(code(alone), "VALID");
  set_mode("default");
  EXPECT_EQ(code(alone), "ENDORSEMENT_POLICY_FAILURE");
  EXPECT_EQ(code(judged()), "VALID");
  set_mode("never");
  EXPECT_EQ(codes({transaction(judged()), transaction(good())}), "ENDORSEMENT_POLICY_FAILURE VALID");
}

TEST_F(ValidatePlugin, WithoutAJudgementTheChannelStops) {
  set_mode("broken");
  auto result = validate({wire::marshal(transaction(judged()))});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kAborted);
  EXPECT_EQ(result.error().message, "broken");
}

TEST_F(ValidatePlugin, IsToldWhatItAsksFor) {
  set_mode("everything");
  auto result = validate({wire::marshal(transaction(good())), wire::marshal(transaction(judged()))});
  ASSERT_TRUE(result) << result.error().message;
  // Nobody's identity is refused, and so is a set without a signature; collection "c" is not in the definition.
  EXPECT_EQ(result->transactions[1].reason,
            "scan o14 metadata oo identity rrrr policy rr capability or at 1.0 of block 5");
}

TEST_F(Validate, AConfigTransactionGivesTheNextBundle) {
  ::common::Config next = channel_.config();
  auto& group = *next.mutable_channel_group()->mutable_groups()->at("Application").mutable_groups();
  group.erase("Org2");
  const auto update = channel_.signed_update(next, {&channel_.org(0).admin(), &channel_.org(1).admin()});
  const ::common::Envelope config = channel_.config_envelope(update);
  auto result = validate({wire::marshal(config)});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(name(result->transactions[0].code), "VALID");
  EXPECT_EQ(result->transactions[0].header_type, ::common::CONFIG);
  EXPECT_FALSE(result->transactions[0].tx_id.empty());
  ASSERT_NE(result->next_bundle, nullptr);
  EXPECT_EQ(result->next_bundle->sequence(), 1u);
  EXPECT_EQ(result->next_bundle->application()->orgs.size(), 1u);

  channel_.config().set_sequence(9);
  EXPECT_EQ(codes({config}), "error: error validating config which passed initial validity checks: config currently at "
                             "sequence 9, cannot validate config at sequence 1");
}

TEST_F(Validate, APreparedBlockIsPreparedAgainForAnotherBundle) {
  auto block = std::make_shared<const ::common::Block>(channel_.block(5, "", {wire::marshal(transaction(good()))}));
  auto before = channel_.bundle();
  auto prepared = validator_->prepare(block, before);
  // Meanwhile a config block has taken the creator's organisation away.
  channel_.config().mutable_channel_group()->mutable_groups()->at("Application").mutable_groups()->erase("Org1");
  const auto none = [](const std::string&) -> Result<bool> { return false; };
  auto result = validator_->finish(prepared, channel_.bundle(), state_, none);
  ASSERT_TRUE(result);
  EXPECT_EQ(name(result->transactions[0].code), "BAD_CREATOR_SIGNATURE");
  result = validator_->finish(prepared, before, state_, none);
  EXPECT_EQ(name(result->transactions[0].code), "VALID");
}

TEST_F(Validate, AnotherBundleOfTheSameConfigurationWillDo) {
  int prepared = 0;
  Validator counting(channel_.id(), [&](size_t count, const std::function<void(size_t)>& work) {
    prepared++;
    sequential()(count, work);
  });
  auto block = std::make_shared<const ::common::Block>(channel_.block(5, "", {wire::marshal(transaction(good()))}));
  const auto none = [](const std::string&) -> Result<bool> { return false; };
  auto first = counting.prepare(block, channel_.bundle());
  auto result = counting.finish(first, channel_.bundle(), state_, none);
  ASSERT_TRUE(result);
  EXPECT_EQ(name(result->transactions[0].code), "VALID");
  EXPECT_EQ(prepared, 1);
}

TEST_F(Validate, ThePoolGivesTheSameCodes) {
  os::WorkerPool pool(3, "validate");
  identity::SignatureMemory memory;
  Validator parallel(channel_.id(), on_pool(pool, 3), &memory);
  std::vector<Bytes> transactions;
  std::string expected;
  for (int i = 0; i < 40; i++) {
    Draft draft = good();
    if (i % 3 == 0) draft.endorsers.pop_back();
    transactions.push_back(wire::marshal(transaction(draft)));
  }
  auto block = std::make_shared<const ::common::Block>(channel_.block(5, "", transactions));
  const auto none = [](const std::string&) -> Result<bool> { return false; };
  for (int round = 0; round < 2; round++) {  // the second time the signatures are known
    auto result = parallel.validate(block, channel_.bundle(), state_, none);
    ASSERT_TRUE(result);
    for (int i = 0; i < 40; i++) {
      EXPECT_EQ(name(result->transactions[static_cast<size_t>(i)].code), i % 3 == 0 ? "ENDORSEMENT_POLICY_FAILURE" : "VALID");
    }
  }
}

TEST(SignatureMemory, ForgetsTheOldestAndMixesUpNothing) {
  identity::SignatureMemory memory(4);
  const auto key = [](const char* text) { return identity::SignatureMemory::key("id", text, "signature"); };
  memory.add(key("a"));
  EXPECT_TRUE(memory.contains(key("a")));
  EXPECT_FALSE(memory.contains(key("b")));
  for (const char* text : {"b", "c", "d", "e", "f"}) memory.add(key(text));
  EXPECT_FALSE(memory.contains(key("a")));
  EXPECT_TRUE(memory.contains(key("f")));
  EXPECT_NE(identity::SignatureMemory::key("ab", "c", "d"), identity::SignatureMemory::key("a", "bc", "d"));
}

}  // namespace
}  // namespace selvage::validate
