// The endorsing half of a peer with everything real but the network: lifecycle, cscc, qscc, texts of refusals. Chaincode
// processes are test/interop/chaincode's affair.
#include "node/peer/endorsement.h"

#include <gtest/gtest.h>

#include "kit/local_peer.h"
#include "lifecycle/package.h"
#include "peer/query.pb.h"
#include "peer/transaction.pb.h"
#include "common/ledger.pb.h"

namespace selvage::node {
namespace {

using test::LocalPeer;

// A package whose chaincode nobody serves: good enough for lifecycle.
Bytes ccaas_package(const std::string& label = "basic", const std::string& connection =
                                                            R"({"address":"127.0.0.1:1","dial_timeout":"200ms"})") {
  Bytes code = *lifecycle::make_tar_gz({{"connection.json", connection}});
  return *lifecycle::make_package({"ccaas", "", label}, code);
}

Result<protos::ProposalResponse> process(LocalPeer& peer, const protos::SignedProposal& proposal) {
  return peer.endorsement().endorser().process(proposal);
}

TEST(Endorsement, AChannelIsJoinedOnceAndListed) {
  LocalPeer peer;
  auto listed = peer.administer("cscc", {"GetChannels"});
  ASSERT_EQ(listed.response().status(), 200) << listed.response().message();
  protos::ChannelQueryResponse channels;
  ASSERT_TRUE(channels.ParseFromString(listed.response().payload()));
  ASSERT_EQ(channels.channels_size(), 1);
  EXPECT_EQ(channels.channels(0).channel_id(), "testchannel");
  EXPECT_FALSE(listed.has_endorsement());
  auto again = peer.administer("cscc", {"JoinChain", peer.channel().genesis_block().SerializeAsString()});
  EXPECT_EQ(again.response().status(), 500);
  EXPECT_EQ(again.response().message(),
            "cannot create ledger from genesis block: ledger [testchannel] already exists with state [ACTIVE]");
}

TEST(Endorsement, JoiningNeedsAnAdminOfThePeersOrganisation) {
  LocalPeer peer;
  auto proposal = peer.sign(peer.channel().org(0).client(), "", "cscc",
                            {"JoinChain", peer.channel().genesis_block().SerializeAsString()});
  auto refused = process(peer, proposal);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->response().status(), 500);
  EXPECT_EQ(refused->response().message(),
            "access denied for [JoinChain][testchannel]: [Failed verifying that proposal's creator satisfies local MSP "
            "principal during channelless check policy with policy [Admins]: [The identity is not an admin under this MSP "
            "[Org1MSP]: The identity does not contain OU [ADMIN], MSP: [Org1MSP]]]");
}

TEST(Endorsement, AChaincodeIsInstalledApprovedCommittedAndListed) {
  LocalPeer peer;
  std::string id = peer.install(ccaas_package());
  EXPECT_EQ(id.substr(0, 6), "basic:");
  peer.define("basic", id);
  auto installed = peer.administer("_lifecycle", {"QueryInstalledChaincodes", ""});
  ::lifecycle::QueryInstalledChaincodesResult result;
  ASSERT_TRUE(result.ParseFromString(installed.response().payload()));
  ASSERT_EQ(result.installed_chaincodes_size(), 1);
  EXPECT_EQ(result.installed_chaincodes(0).package_id(), id);
  ASSERT_EQ(result.installed_chaincodes(0).references().count("testchannel"), 1U);
  EXPECT_EQ(result.installed_chaincodes(0).references().at("testchannel").chaincodes(0).name(), "basic");

  ::lifecycle::QueryChaincodeDefinitionArgs args;
  args.set_name("basic");
  auto queried = peer.evaluate("_lifecycle", {"QueryChaincodeDefinition", args.SerializeAsString()});
  ::lifecycle::QueryChaincodeDefinitionResult definition;
  ASSERT_TRUE(definition.ParseFromString(queried.response().payload())) << queried.response().message();
  EXPECT_EQ(definition.sequence(), 1);
  EXPECT_EQ(definition.endorsement_plugin(), "escc");
  EXPECT_TRUE(definition.approvals().at("Org1MSP"));
  EXPECT_FALSE(definition.approvals().at("Org2MSP"));
}

TEST(Endorsement, DefinitionsAndPackagesSurviveARestart) {
  LocalPeer peer;
  std::string id = peer.install(ccaas_package());
  peer.define("basic", id);
  peer.restart();
  auto answer = peer.evaluate("basic", {"read"});
  // Known, approved and installed: what fails is dialling a process that is not there.
  EXPECT_NE(answer.response().message().find("could not launch chaincode " + id), std::string::npos)
      << answer.response().message();
}

TEST(Endorsement, WhatIsMissingForAnInvocationIsSaidInFabricsWords) {
  LocalPeer peer;
  EXPECT_EQ(peer.evaluate("basic", {"read"}).response().message(),
            "make sure the chaincode basic has been successfully defined on channel testchannel and try again: chaincode "
            "basic not found");
  peer.define("basic", "basic:0000000000000000000000000000000000000000000000000000000000000000");
  EXPECT_EQ(peer.evaluate("basic", {"read"}).response().message(),
            "make sure the chaincode basic has been successfully defined on channel testchannel and try again: chaincode "
            "definition for 'basic' exists, but chaincode is not installed");
}

TEST(Endorsement, InstallationMakesACommittedDefinitionRunnable) {
  LocalPeer peer;
  Bytes package = ccaas_package();
  std::string id = lifecycle::package_id("basic", package);
  peer.define("basic", id);
  (void)peer.evaluate("basic", {"read"});  // remembered as not installed
  peer.install(package);
  EXPECT_NE(peer.evaluate("basic", {"read"}).response().message().find("could not launch chaincode"), std::string::npos);
}

TEST(Endorsement, AnUpgradeMovesToTheNewPackage) {
  LocalPeer peer;
  std::string first = peer.install(ccaas_package("one"));
  std::string second = peer.install(ccaas_package("two"));
  peer.define("basic", first);
  EXPECT_NE(peer.evaluate("basic", {"read"}).response().message().find("could not launch chaincode " + first),
            std::string::npos);
  peer.define("basic", second, false, nullptr, 2, "2.0");
  EXPECT_NE(peer.evaluate("basic", {"read"}).response().message().find("could not launch chaincode " + second),
            std::string::npos);
  auto installed = peer.administer("_lifecycle", {"QueryInstalledChaincodes", ""});
  ::lifecycle::QueryInstalledChaincodesResult result;
  ASSERT_TRUE(result.ParseFromString(installed.response().payload()));
  for (const auto& package : result.installed_chaincodes())
    EXPECT_EQ(package.references().size(), package.package_id() == second ? 1U : 0U) << package.package_id();
}

TEST(Endorsement, UnusablePackagesAreRefusedAndNotKept) {
  LocalPeer peer;
  auto install = [&](const Bytes& package) {
    ::lifecycle::InstallChaincodeArgs args;
    args.set_chaincode_install_package(package);
    return peer.administer("_lifecycle", {"InstallChaincode", args.SerializeAsString()}).response().message();
  };
  const std::string prefix = "failed to invoke backing implementation of 'InstallChaincode': ";
  Bytes golang = *lifecycle::make_package({"golang", "x", "go"}, *lifecycle::make_tar_gz({{"src/main.go", "package main"}}));
  EXPECT_EQ(install(golang), prefix + "could not build chaincode: docker build failed: docker build is disabled");
  EXPECT_NE(install(ccaas_package("bad", R"({"dial_timeout":"3s"})")).find("chaincode address not provided"), std::string::npos);
  EXPECT_NE(install(ccaas_package("bad", R"({"address":"a:1","tls_required":true,"root_cert":"x"})")).find("root_cert"),
            std::string::npos);
  EXPECT_EQ(install("garbage").rfind(prefix + "could not parse as a chaincode install package: ", 0), 0U);
  ::lifecycle::QueryInstalledChaincodesResult listed;
  listed.ParseFromString(peer.administer("_lifecycle", {"QueryInstalledChaincodes", ""}).response().payload());
  EXPECT_EQ(listed.installed_chaincodes_size(), 0);
  Bytes good = ccaas_package();
  std::string id = peer.install(good);
  EXPECT_EQ(install(good), prefix + "chaincode already successfully installed (package ID '" + id + "')");
}

TEST(Endorsement, QsccAnswersFromTheLedger) {
  LocalPeer peer;
  std::string id = peer.install(ccaas_package());
  peer.define("basic", id);
  const std::string txid = peer.last_txid();
  auto query = [&](std::vector<Bytes> args) { return peer.evaluate("qscc", args).response(); };
  common::BlockchainInfo info;
  ASSERT_TRUE(info.ParseFromString(query({"GetChainInfo", "testchannel"}).payload()));
  EXPECT_EQ(info.height(), 3U);
  common::Block block;
  ASSERT_TRUE(block.ParseFromString(query({"GetBlockByNumber", "testchannel", "2"}).payload()));
  EXPECT_EQ(block.header().number(), 2U);
  ASSERT_TRUE(block.ParseFromString(query({"GetBlockByTxID", "testchannel", txid}).payload()));
  EXPECT_EQ(block.header().number(), 2U);
  protos::ProcessedTransaction transaction;
  ASSERT_TRUE(transaction.ParseFromString(query({"GetTransactionByID", "testchannel", txid}).payload()));
  EXPECT_EQ(transaction.validationcode(), 0);
  EXPECT_EQ(query({"GetBlockByNumber", "testchannel", "x"}).message(),
            "Failed to parse block number with error strconv.ParseUint: parsing \"x\": invalid syntax");
  EXPECT_EQ(query({"GetBlockByNumber", "testchannel", "77"}).status(), 500);
  EXPECT_EQ(query({"GetBlockByNumber", "testchannel"}).message(), "missing 3rd argument for GetBlockByNumber");
  EXPECT_EQ(query({"GetChainInfo", "nochannel"}).message(), "Invalid chain ID, nochannel");
  // The answer is a message that clients can read, whatever it quotes.
  EXPECT_TRUE(query({"GetBlockByHash", "testchannel", "\xff"}).message().starts_with("Failed to get block hash \xef\xbf\xbd, error "));
}

TEST(Endorsement, AForeignCreatorABadSignatureAndAReplayAreRefused) {
  LocalPeer peer;
  test::Organization stranger("Org9MSP");
  auto foreign = process(peer, peer.sign(stranger.client(), "testchannel", "qscc", {"GetChainInfo", "testchannel"}));
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().message,
            "error validating proposal: access denied: channel [testchannel] creator org unknown, creator is malformed");

  auto proposal = peer.sign(peer.channel().org(1).client(), "testchannel", "qscc", {"GetChainInfo", "testchannel"});
  auto spoiled = proposal;
  spoiled.mutable_signature()->back() ^= 1;
  auto bad = process(peer, spoiled);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().message, "error validating proposal: access denied: channel [testchannel] creator org [Org2MSP]");
  EXPECT_TRUE(process(peer, proposal));

  auto nowhere = process(peer, peer.sign(peer.channel().org(0).client(), "nochannel", "basic", {"read"}));
  ASSERT_TRUE(nowhere);
  EXPECT_EQ(nowhere->response().message(), "channel 'nochannel' not found");

  ::lifecycle::ApproveChaincodeDefinitionForMyOrgArgs approve;
  approve.set_sequence(1);
  approve.set_name("basic");
  approve.set_version("1");
  auto approval = peer.submit_as(peer.channel().org(0).admin(), "_lifecycle",
                                 {"ApproveChaincodeDefinitionForMyOrg", approve.SerializeAsString()});
  ASSERT_TRUE(approval.has_endorsement()) << approval.response().message();
  EXPECT_EQ(peer.last_code(), 0);
  auto replayed = process(peer, peer.last_signed());
  ASSERT_FALSE(replayed);
  EXPECT_EQ(replayed.error().message.rfind("duplicate transaction found [" + peer.last_txid() + "]. Creator [", 0), 0U)
      << replayed.error().message;
}

// src/plugin/testdata/test_plugin.c under the name "escc": it asks for state, private data and what is in the transient store,
// and then signs as escc does.
TEST(Endorsement, APluginSignsInPlaceOfEscc) {
  const std::string library = std::string(SELVAGE_BINARY_DIR) + "/bin/test_plugin.so";
  plugin::Settings settings;
  settings.endorsers["escc"] = {"peer.handlers.endorsers.escc", "", library};
  settings.validators["vscc"] = {"peer.handlers.validators.vscc", "DefaultValidation", ""};
  settings.decorators = {{"peer.handlers.decorators[0]", "", library}};
  settings.auth_filters = {{"peer.handlers.authFilters[0]", "", library}};
  LocalPeer::Options options;
  auto plugins = plugin::Plugins::load(settings);
  ASSERT_TRUE(plugins) << to_string(plugins.error());
  options.plugins = *plugins;
  LocalPeer peer(options);

  ::lifecycle::ApproveChaincodeDefinitionForMyOrgArgs approve;
  approve.set_sequence(1);
  approve.set_name("basic");
  approve.set_version("1");
  const auto approval = peer.submit_as(peer.channel().org(0).admin(), "_lifecycle",
                                       {"ApproveChaincodeDefinitionForMyOrg", approve.SerializeAsString()});
  ASSERT_TRUE(approval.has_endorsement()) << approval.response().message();
  auto endorser = peer.channel().org(0).msp()->deserialize(approval.endorsement().endorser());
  ASSERT_TRUE(endorser) << endorser.error().message;
  EXPECT_TRUE((*endorser)->verify(approval.payload() + approval.endorsement().endorser(),
                                  approval.endorsement().signature()));

  // Neither of Fabric's own filters is in the list, so an old timestamp and an ended identity are not looked at here.
  auto old = peer.channel().org(0).member("old", "client", [](crypto::CertificateRequest& request) {
    request.not_after = std::chrono::sys_days(std::chrono::year(2025) / 1 / 1);
  });
  const auto answer = process(peer, peer.sign(old, "testchannel", "qscc", {"GetChainInfo", "testchannel"}));
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->response().status(), 200) << answer->response().message();
}

TEST(Endorsement, APluginThatIsNotThereIsNamed) {
  LocalPeer::Options options;
  options.plugins = *plugin::Plugins::load({});
  LocalPeer peer(options);
  ::lifecycle::ApproveChaincodeDefinitionForMyOrgArgs approve;
  approve.set_sequence(1);
  approve.set_name("basic");
  approve.set_version("1");
  const auto proposal = peer.sign(peer.channel().org(0).admin(), "testchannel", "_lifecycle",
                                  {"ApproveChaincodeDefinitionForMyOrg", approve.SerializeAsString()});
  const auto refused = process(peer, proposal);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->response().status(), 500);
  EXPECT_EQ(refused->response().message(),
            "endorsing with plugin failed: plugin with name escc could not be used: plugin with name escc wasn't found");
}

TEST(Endorsement, AnExpiredCreatorIsRefusedBeforeAnythingElse) {
  LocalPeer peer;
  auto old = peer.channel().org(0).member("old", "client", [](crypto::CertificateRequest& request) {
    request.not_after = std::chrono::sys_days(std::chrono::year(2025) / 1 / 1);
  });
  auto refused = process(peer, peer.sign(old, "testchannel", "qscc", {"GetChainInfo", "testchannel"}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnknown);
  EXPECT_EQ(refused.error().message, "proposal client identity expired");
}

TEST(Endorsement, AnOrganisationsPrivateApprovalIsOnlyItsOwnPeers) {
  LocalPeer peer;
  ::lifecycle::ApproveChaincodeDefinitionForMyOrgArgs approve;
  approve.set_sequence(1);
  approve.set_name("basic");
  approve.set_version("1");
  auto refused = peer.submit_as(peer.channel().org(1).admin(), "_lifecycle",
                                {"ApproveChaincodeDefinitionForMyOrg", approve.SerializeAsString()});
  EXPECT_EQ(refused.response().message(),
            "Failed to authorize invocation due to failed ACL check: Failed deserializing proposal creator during "
            "channelless check policy with policy [Admins]: [expected MSP ID Org1MSP, received Org2MSP]");
}

}  // namespace
}  // namespace selvage::node
