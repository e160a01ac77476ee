#include "channel/bundle.h"

#include <gtest/gtest.h>

#include "channel/config_update.h"
#include "channel/duration.h"
#include "common/configuration.pb.h"
#include "kit/channels.h"
#include "msp/msp_config.pb.h"
#include "orderer/configuration.pb.h"
#include "peer/configuration.pb.h"
#include "wire/marshal.h"

namespace selvage::channel {
namespace {

std::string why(const Status& status) { return status ? std::string("ok") : status.error().message; }
template <class T>
std::string why(const Result<T>& result) {
  return result ? std::string("ok") : result.error().message;
}

::common::ConfigGroup& group(::common::Config& config, const char* name) {
  return config.mutable_channel_group()->mutable_groups()->at(name);
}

void set_batch_count(::common::Config& config, uint32_t count) {
  auto& value = group(config, "Orderer").mutable_values()->at("BatchSize");
  ::orderer::BatchSize size;
  ASSERT_TRUE(size.ParseFromString(value.value()));
  size.set_max_message_count(count);
  value.set_value(wire::marshal(size));
}

TEST(Bundle, ReadsAConfigBlock) {
  test::Channel channel;
  auto bundle = Bundle::from_block(channel.genesis_block());
  ASSERT_TRUE(bundle) << why(bundle);
  EXPECT_EQ((*bundle)->channel_id(), "testchannel");
  EXPECT_EQ((*bundle)->sequence(), 0u);
  ASSERT_NE((*bundle)->orderer(), nullptr);
  EXPECT_EQ((*bundle)->orderer()->consensus_type, "etcdraft");
  EXPECT_EQ((*bundle)->orderer()->batch_size.max_message_count, 10u);
  EXPECT_EQ((*bundle)->orderer()->batch_timeout, std::chrono::milliseconds(200));
  EXPECT_EQ((*bundle)->orderer()->orgs.at("Orderer").endpoints, std::vector<std::string>{"127.0.0.1:7050"});
  ASSERT_NE((*bundle)->application(), nullptr);
  EXPECT_EQ((*bundle)->application()->mspids(), (std::vector<std::string>{"Org1MSP", "Org2MSP"}));
  EXPECT_TRUE((*bundle)->application()->capabilities.purge_private_data());
  EXPECT_TRUE((*bundle)->capabilities().consensus_type_bft());
  EXPECT_EQ(why((*bundle)->check_capabilities()), "ok");
  EXPECT_FALSE((*bundle)->has_consortiums());
}

TEST(Bundle, SaysWhoseTlsRootsTheseAre) {
  test::Channel channel;
  auto bundle = channel.bundle();
  ASSERT_EQ(bundle->org_tls_roots().size(), 3u);
  const OrgTlsRoots& orderer = bundle->org_tls_roots()[0];
  EXPECT_EQ(orderer.mspid, "OrdererMSP");
  EXPECT_TRUE(orderer.orderer_org);
  EXPECT_FALSE(orderer.application_org);
  const OrgTlsRoots& one = bundle->org_tls_roots()[1];
  EXPECT_EQ(one.org, "Org1");
  EXPECT_TRUE(one.application_org);
  ASSERT_EQ(one.roots.size(), 1u);
  EXPECT_TRUE(one.roots[0] == channel.org(0).tls_ca().certificate());
}

TEST(Bundle, AnUnknownCapabilityIsNamed) {
  test::Channel channel;
  ::common::Capabilities capabilities;
  (*capabilities.mutable_capabilities())["V9_9"];
  (*channel.config().mutable_channel_group()->mutable_values())["Capabilities"].set_value(wire::marshal(capabilities));
  // Without V1_4_2 or later the channel needs global orderer addresses.
  ::common::OrdererAddresses addresses;
  addresses.add_addresses("127.0.0.1:7050");
  (*channel.config().mutable_channel_group()->mutable_values())["OrdererAddresses"].set_value(wire::marshal(addresses));
  group(channel.config(), "Orderer").mutable_groups()->at("Orderer").mutable_values()->erase("Endpoints");
  for (auto& [name, org] : *group(channel.config(), "Application").mutable_groups()) {
    org.mutable_values()->at("MSP").set_value(
        wire::marshal(test::wrap([&] {
          auto msp = channel.org(name == "Org1" ? 0 : 1).fabric_config();
          msp.clear_fabric_node_ous();
          return msp;
        }())));
  }
  auto bundle = Bundle::from_config(channel.id(), channel.config());
  ASSERT_TRUE(bundle) << why(bundle);
  EXPECT_EQ(why((*bundle)->check_capabilities()), "Channel capability V9_9 is required but not supported");
}

TEST(Bundle, GlobalOrdererAddressesEndWithV3) {
  test::Channel channel;
  ::common::OrdererAddresses addresses;
  addresses.add_addresses("127.0.0.1:7050");
  (*channel.config().mutable_channel_group()->mutable_values())["OrdererAddresses"].set_value(wire::marshal(addresses));
  EXPECT_EQ(why(Bundle::from_config(channel.id(), channel.config())),
            "initializing channelconfig failed: global OrdererAddresses are not allowed with V3_0 capability, use org specific "
            "addresses only");
}

TEST(Bundle, RefusesWhatFabricRefuses) {
  {
    test::Channel channel;
    set_batch_count(channel.config(), 0);
    EXPECT_EQ(why(Bundle::from_config(channel.id(), channel.config())),
              "initializing channelconfig failed: could not create channel Orderer sub-group config: Attempted to set the "
              "batch size max message count to an invalid value: 0");
  }
  {
    test::Channel channel;
    (*channel.config().mutable_channel_group()->mutable_values())["Surprise"];
    EXPECT_EQ(why(Bundle::from_config(channel.id(), channel.config())),
              "initializing channelconfig failed: failed to deserialize values: Unexpected key Surprise");
  }
  {
    test::Channel channel;
    EXPECT_EQ(why(Bundle::from_config("Not.OK", channel.config())),
              "initializing configtx manager failed: bad channel ID: 'Not.OK' contains illegal characters");
  }
}

TEST(Bundle, AclsAreMadeAbsolute) {
  test::Channel channel;
  ::protos::ACLs acls;
  (*acls.mutable_acls())["event/Block"].set_policy_ref("Org1/Admins");
  (*acls.mutable_acls())["peer/Propose"].set_policy_ref("/Channel/Readers");
  auto& value = (*group(channel.config(), "Application").mutable_values())["ACLs"];
  value.set_value(wire::marshal(acls));
  value.set_mod_policy("Admins");
  auto bundle = channel.bundle();
  EXPECT_EQ(bundle->application()->acls.at("event/Block"), "/Channel/Application/Org1/Admins");
  EXPECT_EQ(bundle->application()->acls.at("peer/Propose"), "/Channel/Readers");
}

class ConfigUpdates : public testing::Test {
 protected:
  // The config after changing the batch size, an Orderer value.
  ::common::Config larger_batches() {
    ::common::Config next = channel_.config();
    set_batch_count(next, 77);
    return next;
  }
  test::Channel channel_;
};

TEST_F(ConfigUpdates, AnAuthorisedOneRaisesSequenceAndVersion) {
  const auto update = channel_.signed_update(larger_batches(), {&channel_.orderer().admin()});
  auto bundle = channel_.bundle();
  auto next = bundle->propose_update(update);
  ASSERT_TRUE(next) << why(next);
  EXPECT_EQ(next->config().sequence(), 1u);
  EXPECT_EQ(next->config().channel_group().groups().at("Orderer").values().at("BatchSize").version(), 1u);
  EXPECT_EQ(next->config().channel_group().groups().at("Orderer").version(), 0u);
  EXPECT_EQ(why(bundle->check_next(*next)), "ok");
  auto applied = Bundle::from_config(channel_.id(), next->config());
  ASSERT_TRUE(applied) << why(applied);
  EXPECT_EQ((*applied)->orderer()->batch_size.max_message_count, 77u);
  EXPECT_EQ(why(bundle->check_successor(**applied)), "ok");
}

TEST_F(ConfigUpdates, TheWrongSignersAreRefused) {
  const auto update = channel_.signed_update(larger_batches(), {&channel_.org(0).admin()});
  EXPECT_EQ(why(channel_.bundle()->propose_update(update)),
            "error authorizing update: error validating DeltaSet: policy for [Value]  /Channel/Orderer/BatchSize not "
            "satisfied: implicit policy evaluation failed - 0 sub-policies were satisfied, but this policy requires 1 of the "
            "'Admins' sub-policies to be satisfied");
}

TEST_F(ConfigUpdates, AnOldReadSetIsRefused) {
  const auto update = channel_.signed_update(larger_batches(), {&channel_.orderer().admin()});
  group(channel_.config(), "Orderer").set_version(5);
  EXPECT_EQ(why(channel_.bundle()->propose_update(update)),
            "error authorizing update: error validating ReadSet: proposed update requires that key [Group]  /Channel/Orderer "
            "be at version 0, but it is currently at version 5");
}

TEST_F(ConfigUpdates, AnOrganisationChangesItsOwnGroupAlone) {
  ::common::Config next = channel_.config();
  ::protos::AnchorPeers anchors;
  auto* anchor = anchors.add_anchor_peers();
  anchor->set_host("peer0.org1");
  anchor->set_port(7051);
  auto& value = (*group(next, "Application").mutable_groups()->at("Org1").mutable_values())["AnchorPeers"];
  value.set_value(wire::marshal(anchors));
  value.set_mod_policy("Admins");
  auto result = channel_.bundle()->propose_update(channel_.signed_update(next, {&channel_.org(0).admin()}));
  ASSERT_TRUE(result) << why(result);
  const auto& org = result->config().channel_group().groups().at("Application").groups().at("Org1");
  EXPECT_EQ(org.version(), 1u);  // its membership changed
  EXPECT_EQ(org.values().at("AnchorPeers").version(), 0u);
  EXPECT_EQ(org.values().at("MSP").value(), channel_.config().channel_group().groups().at("Application").groups().at("Org1")
                                                .values().at("MSP").value());
  auto bundle = Bundle::from_config(channel_.id(), result->config());
  ASSERT_TRUE(bundle) << why(bundle);
  EXPECT_EQ((*bundle)->application()->orgs.at("Org1").anchor_peers.at(0).host, "peer0.org1");
  EXPECT_FALSE(channel_.bundle()->propose_update(channel_.signed_update(next, {&channel_.org(1).admin()})));
}

TEST_F(ConfigUpdates, RemovingAnOrganisationNeedsTheMajorityOfAdmins) {
  ::common::Config next = channel_.config();
  group(next, "Application").mutable_groups()->erase("Org2");
  EXPECT_FALSE(channel_.bundle()->propose_update(channel_.signed_update(next, {&channel_.org(0).admin()})));
  auto result = channel_.bundle()->propose_update(
      channel_.signed_update(next, {&channel_.org(0).admin(), &channel_.org(1).admin()}));
  ASSERT_TRUE(result) << why(result);
  EXPECT_FALSE(result->config().channel_group().groups().at("Application").groups().contains("Org2"));
  EXPECT_EQ(result->config().channel_group().groups().at("Application").version(), 1u);
}

TEST_F(ConfigUpdates, AResultThatIsNotTheUpdatesIsRefused) {
  auto bundle = channel_.bundle();
  auto next = bundle->propose_update(channel_.signed_update(larger_batches(), {&channel_.orderer().admin()}));
  ASSERT_TRUE(next);
  set_batch_count(*next->mutable_config(), 78);
  EXPECT_EQ(why(bundle->check_next(*next)), "ConfigEnvelope LastUpdate did not produce the supplied config result");
  next->mutable_config()->set_sequence(7);
  EXPECT_EQ(why(bundle->check_next(*next)), "config currently at sequence 0, cannot validate config at sequence 7");
}

TEST_F(ConfigUpdates, NoDifferenceIsNoUpdate) {
  EXPECT_EQ(why(compute_config_update(channel_.config(), channel_.config())),
            "no differences detected between original and updated config");
}

TEST(Duration, IsGos) {
  EXPECT_EQ(*parse_go_duration("1.5h"), std::chrono::minutes(90));
  EXPECT_EQ(*parse_go_duration("2m30s"), std::chrono::seconds(150));
  EXPECT_EQ(*parse_go_duration("-300ms"), std::chrono::milliseconds(-300));
  EXPECT_EQ(*parse_go_duration("0"), std::chrono::nanoseconds(0));
  EXPECT_EQ(parse_go_duration("2").error().message, "time: missing unit in duration \"2\"");
  EXPECT_EQ(parse_go_duration("2x").error().message, "time: unknown unit \"x\" in duration \"2x\"");
  EXPECT_FALSE(parse_go_duration(""));
  EXPECT_FALSE(parse_go_duration("9999999999999h"));
}

}  // namespace
}  // namespace selvage::channel
