#include "order/msg_processor.h"

#include <gtest/gtest.h>

#include "base/log.h"
#include "common/configtx.pb.h"
#include "kit/channels.h"
#include "order/consensus_metadata.h"
#include "orderer/configuration.pb.h"
#include "os/system_clock.h"
#include "wire/envelope.h"
#include "wire/marshal.h"

namespace selvage::order {
namespace {

[[maybe_unused]] const bool kQuiet = log::set_spec("fatal").has_value();

using testing::IsSubstring;

// A good message of a client of Org1; each test spoils one thing.
class MsgProcessorTest : public testing::Test {
 protected:
  static test::Channel& channel() {
    static test::Channel made;
    return made;
  }
  common::Envelope good(common::HeaderType type = common::ENDORSER_TRANSACTION) {
    return signed_by(wire::signer_of(channel().org(0).client()), type);
  }
  common::Envelope signed_by(const wire::Signer& signer, common::HeaderType type = common::ENDORSER_TRANSACTION) {
    common::ConfigValue data;
    data.set_version(7);
    return *wire::make_signed_envelope(type, channel().id(), signer, data, os::system_clock().now(), random_);
  }
  Status check(const common::Envelope& envelope, const channel::Bundle& bundle) {
    const Bytes bytes = wire::marshal(envelope);
    const auto message = read_message(bytes);
    if (!message) return fail(message.error());
    return processor_.check_normal(*message, bundle);
  }
  Status check(const common::Envelope& envelope) { return check(envelope, *channel().bundle()); }
  // The configuration with something changed in its Orderer group.
  common::Config with_orderer(const std::function<void(common::ConfigGroup&)>& change) {
    common::Config config = channel().config();
    change((*config.mutable_channel_group()->mutable_groups())["Orderer"]);
    return config;
  }
  Result<common::Envelope> update(const common::Config& next,
                                  const std::vector<const identity::SigningIdentity*>& signers) {
    return processor_.process_config_update(channel().signed_update(next, signers), *channel().bundle(), consensus());
  }
  MsgProcessor::ConsensusView consensus() {
    MsgProcessor::ConsensusView view;
    view.ids.add_consenter_ids(1);
    view.ids.set_next_consenter_id(2);
    view.active = {1};
    return view;
  }
  static common::Config with_consensus(const common::Config& from,
                                       const std::function<void(orderer::ConsensusType&, etcdraft::ConfigMetadata&)>& change) {
    common::Config config = from;
    auto& group = (*config.mutable_channel_group()->mutable_groups())["Orderer"];
    auto& value = (*group.mutable_values())["ConsensusType"];
    orderer::ConsensusType type;
    etcdraft::ConfigMetadata metadata;
    EXPECT_TRUE(type.ParseFromString(value.value()) && metadata.ParseFromString(type.metadata()));
    change(type, metadata);
    if (type.type() == "etcdraft") type.set_metadata(wire::marshal(metadata));
    value.set_value(wire::marshal(type));
    return config;
  }

  test::SeededRandom random_;
  MsgProcessor processor_{wire::signer_of(channel().orderer().orderer()), os::system_clock(), random_, true};
};

TEST_F(MsgProcessorTest, LetsAWriterThrough) { EXPECT_TRUE(check(good())); }

TEST_F(MsgProcessorTest, RefusesASignatureThatDoesNotHold) {
  auto envelope = good();
  envelope.mutable_signature()->back() ^= 1;
  const auto checked = check(envelope);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, Code::kPermissionDenied);
  EXPECT_EQ(checked.error().message,
            "implicit policy evaluation failed - 0 sub-policies were satisfied, but this policy requires 1 of the "
            "'Writers' sub-policies to be satisfied: permission denied");
}

TEST_F(MsgProcessorTest, RefusesAStranger) {
  test::Organization stranger("OrgXMSP");
  const auto checked = check(signed_by(wire::signer_of(stranger.client())));
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, Code::kPermissionDenied);
}

TEST_F(MsgProcessorTest, RefusesWhatIsLargerThanTheChannelAllows) {
  auto bundle = channel::Bundle::from_config(channel().id(), with_orderer([](common::ConfigGroup& group) {
    orderer::BatchSize size;
    auto& value = (*group.mutable_values())["BatchSize"];
    ASSERT_TRUE(size.ParseFromString(value.value()));
    size.set_absolute_max_bytes(100);
    size.set_preferred_max_bytes(100);
    value.set_value(wire::marshal(size));
  }));
  ASSERT_TRUE(bundle) << to_string(bundle.error());
  const auto checked = check(good(), **bundle);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, Code::kInvalidArgument);
  EXPECT_PRED_FORMAT2(IsSubstring, "bytes and exceeds maximum allowed 100 bytes", checked.error().message);
}

TEST_F(MsgProcessorTest, RefusesAnExpiredIdentityBeforeItChecksTheSignature) {
  class Late final : public Clock {
   public:
    SystemTime now() const override { return os::system_clock().now() + std::chrono::hours(24 * 365 * 100); }
    SteadyTime steady() const override { return {}; }
  } late;
  MsgProcessor processor(wire::signer_of(channel().orderer().orderer()), late, random_, true);
  auto envelope = good();
  envelope.mutable_signature()->back() ^= 1;
  const Bytes bytes = wire::marshal(envelope);
  const auto checked = processor.check_normal(*read_message(bytes), *channel().bundle());
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().message, "broadcast client identity expired");
}

TEST_F(MsgProcessorTest, RefusesNormalMessagesInMaintenance) {
  auto bundle = channel::Bundle::from_config(
      channel().id(), with_consensus(channel().config(), [](orderer::ConsensusType& type, etcdraft::ConfigMetadata&) {
        type.set_state(orderer::ConsensusType::STATE_MAINTENANCE);
      }));
  ASSERT_TRUE(bundle);
  const auto checked = check(good(), **bundle);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, Code::kUnavailable);
  EXPECT_EQ(checked.error().message, "normal transactions are rejected: maintenance mode");
}

TEST_F(MsgProcessorTest, ReadsNoMessageOutOfGarbage) {
  EXPECT_FALSE(read_message("\xff"));
  EXPECT_EQ(read_message("").error().message, "could not determine channel ID: header not set");
  common::Envelope envelope;
  common::Payload payload;
  payload.mutable_header();
  envelope.set_payload(wire::marshal(payload));
  EXPECT_EQ(read_message(wire::marshal(envelope)).error().message,
            "could not determine channel ID: channel header not set");
}

TEST_F(MsgProcessorTest, MakesTheNextConfigurationOutOfAnUpdate) {
  const auto next = with_orderer([](common::ConfigGroup& group) {
    orderer::BatchTimeout timeout;
    timeout.set_timeout("3s");
    (*group.mutable_values())["BatchTimeout"].set_value(wire::marshal(timeout));
  });
  const auto config = update(next, {&channel().orderer().admin()});
  ASSERT_TRUE(config) << to_string(config.error());
  common::ConfigEnvelope envelope;
  ASSERT_TRUE(wire::open_envelope_of(*config, common::CONFIG, envelope));
  EXPECT_EQ(envelope.config().sequence(), 1u);
  EXPECT_TRUE(channel().bundle()->check_next(envelope));
}

TEST_F(MsgProcessorTest, TellsWhoMayNotChangeWhatAsFabricDoes) {
  const auto next = with_orderer([](common::ConfigGroup& group) {
    orderer::BatchTimeout timeout;
    timeout.set_timeout("3s");
    (*group.mutable_values())["BatchTimeout"].set_value(wire::marshal(timeout));
  });
  const auto config = update(next, {&channel().org(0).admin()});
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, Code::kInvalidArgument);  // BAD_REQUEST
  EXPECT_PRED_FORMAT2(IsSubstring, "error applying config update to existing channel 'testchannel': error authorizing update",
                      config.error().message);
}

TEST_F(MsgProcessorTest, RefusesConsensusOptionsThatMakeNoSense) {
  const auto next = with_consensus(channel().config(), [](orderer::ConsensusType&, etcdraft::ConfigMetadata& metadata) {
    metadata.mutable_options()->set_election_tick(1);
    metadata.mutable_options()->set_heartbeat_tick(1);
  });
  const auto config = update(next, {&channel().orderer().admin()});
  ASSERT_FALSE(config);
  EXPECT_PRED_FORMAT2(IsSubstring,
                      "consensus metadata update for channel config update is invalid: invalid new config metadata: "
                      "ElectionTick (1) must be greater than HeartbeatTick (1)",
                      config.error().message);
}

TEST_F(MsgProcessorTest, RefusesAConsenterWhoseCertificateNobodyIssued) {
  test::Organization stranger("OrgXMSP");
  const auto next = with_consensus(channel().config(), [&](orderer::ConsensusType&, etcdraft::ConfigMetadata& metadata) {
    metadata.mutable_consenters(0)->set_client_tls_cert(stranger.client().certificate().pem());
  });
  const auto config = update(next, {&channel().orderer().admin()});
  ASSERT_FALSE(config);
  EXPECT_PRED_FORMAT2(IsSubstring, "has invalid certificate: verifying tls client cert with serial number",
                      config.error().message);
  EXPECT_PRED_FORMAT2(IsSubstring, "x509: certificate signed by unknown authority", config.error().message);
  EXPECT_PRED_FORMAT2(IsSubstring, "TLS-52", config.error().message);
  EXPECT_PRED_FORMAT2(IsSubstring, "OrdererMSP (Channel/Orderer/Orderer/MSP): ", config.error().message);
}

TEST_F(MsgProcessorTest, EntersMaintenanceOnlyWithNothingElseInTheUpdate) {
  auto next = with_consensus(channel().config(), [](orderer::ConsensusType& type, etcdraft::ConfigMetadata&) {
    type.set_state(orderer::ConsensusType::STATE_MAINTENANCE);
  });
  EXPECT_TRUE(update(next, {&channel().orderer().admin()}));
  orderer::BatchTimeout timeout;
  timeout.set_timeout("3s");
  auto& group = (*next.mutable_channel_group()->mutable_groups())["Orderer"];
  (*group.mutable_values())["BatchTimeout"].set_value(wire::marshal(timeout));
  const auto config = update(next, {&channel().orderer().admin()});
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().message,
            "config update for existing channel did not pass maintenance checks: config transaction inspection failed: "
            "config update contain more then just the ConsensusType value in the Orderer group");
}

TEST_F(MsgProcessorTest, ChangesItsConsensusTypeNeither) {
  const auto next = with_consensus(channel().config(), [](orderer::ConsensusType& type, etcdraft::ConfigMetadata&) {
    type.set_type("BFT");
    type.set_metadata("");
  });
  EXPECT_FALSE(update(next, {&channel().orderer().admin()}));
}

TEST_F(MsgProcessorTest, RefusesAConsenterThatIsNamedTwice) {
  const auto next = with_consensus(channel().config(), [&](orderer::ConsensusType&, etcdraft::ConfigMetadata& metadata) {
    auto* added = metadata.add_consenters();
    *added = metadata.consenters(0);
    added->set_port(9999);
  });
  const auto config = update(next, {&channel().orderer().admin()});
  ASSERT_FALSE(config);
  EXPECT_PRED_FORMAT2(IsSubstring, "duplicate consenter", config.error().message);
}

TEST(MembershipChanges, TellsRotationAdditionAndRemovalApart) {
  etcdraft::ConfigMetadata old_config;
  etcdraft::BlockMetadata ids;
  for (int i = 1; i <= 3; ++i) {
    auto* consenter = old_config.add_consenters();
    consenter->set_client_tls_cert("client " + std::to_string(i));
    ids.add_consenter_ids(static_cast<uint64_t>(i) * 10);
  }
  ids.set_next_consenter_id(40);
  {
    auto next = old_config;
    next.mutable_consenters(1)->set_client_tls_cert("renewed");
    const auto changes = membership_changes(ids, old_config, next);
    ASSERT_TRUE(changes);
    EXPECT_EQ(changes->rotated, 20u);
    EXPECT_FALSE(changes->change);
    EXPECT_EQ(changes->block_metadata.consenter_ids(1), 20u);
    EXPECT_TRUE(changes->loses_quorum({10, 20}));
    EXPECT_FALSE(changes->loses_quorum({10, 20, 30}));
  }
  {
    auto next = old_config;
    next.add_consenters()->set_client_tls_cert("new");
    const auto changes = membership_changes(ids, old_config, next);
    ASSERT_TRUE(changes);
    ASSERT_TRUE(changes->change);
    EXPECT_EQ(changes->change->node, 40u);
    EXPECT_EQ(changes->block_metadata.next_consenter_id(), 41u);
  }
  {
    auto next = old_config;
    next.mutable_consenters()->DeleteSubrange(0, 1);
    const auto changes = membership_changes(ids, old_config, next);
    ASSERT_TRUE(changes);
    EXPECT_EQ(changes->change->kind, raft::Change::Kind::kRemove);
    EXPECT_EQ(changes->change->node, 10u);
    EXPECT_EQ(changes->block_metadata.consenter_ids_size(), 2);
  }
  {
    auto next = old_config;
    next.add_consenters()->set_client_tls_cert("new");
    next.add_consenters()->set_client_tls_cert("newer");
    EXPECT_FALSE(membership_changes(ids, old_config, next));
  }
}

}  // namespace
}  // namespace selvage::order
