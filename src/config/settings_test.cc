#include <gtest/gtest.h>

#include "config/core_settings.h"
#include "config/orderer_settings.h"

namespace selvage::config {
namespace {

using namespace std::chrono_literals;

const std::string kFolder = std::string(SELVAGE_SOURCE_DIR) + "/config";

Result<OrdererSettings> orderer(Environment environment) {
  environment["FABRIC_CFG_PATH"] = kFolder;
  return load_orderer_settings(environment);
}
Result<CoreSettings> core(Environment environment) {
  environment["FABRIC_CFG_PATH"] = kFolder;
  return load_core_settings(environment);
}

TEST(OrdererSettings, OurFileHasFabricsDefaults) {
  const auto read = orderer({});
  ASSERT_TRUE(read) << to_string(read.error());
  EXPECT_EQ(read->listen_address, "127.0.0.1");
  EXPECT_EQ(read->listen_port, 7050);
  EXPECT_FALSE(read->tls.enabled);
  EXPECT_EQ(read->tls.certificate.path, kFolder + "/tls/server.crt");
  EXPECT_EQ(read->tls.roots.at(0).path, kFolder + "/tls/ca.crt");
  EXPECT_EQ(read->keepalive.interval, 2h);
  EXPECT_EQ(read->cluster.expiry_warning, 168h);
  EXPECT_EQ(read->cluster.send_buffer_size, 100);
  EXPECT_EQ(read->authentication_window, 15min);
  EXPECT_EQ(read->join_bytes_max, 1u << 20);
  EXPECT_EQ(read->handshake_timeout, 5s);
  EXPECT_TRUE(read->admin.tls.client_auth_required);
  EXPECT_EQ(read->wal_directory, "/var/hyperledger/production/orderer/etcdraft/wal");
}

TEST(OrdererSettings, EnvironmentGoesOverTheFile) {
  const auto read = orderer({{"ORDERER_GENERAL_LISTENPORT", "7777"},
                             {"ORDERER_GENERAL_TLS_CLIENTROOTCAS", "[/a.pem, b.pem]"},
                             {"ORDERER_GENERAL_CLUSTER_ROOTCAS", "/a.pem b.pem"},
                             {"ORDERER_GENERAL_CONNECTIONTIMEOUT", "9s"},
                             {"ORDERER_CHANNELPARTICIPATION_MAXREQUESTBODYSIZE", "2 MB"},
                             {"ORDERER_CONSENSUS_TICKINTERVALOVERRIDE", "642ms"}});
  ASSERT_TRUE(read) << to_string(read.error());
  EXPECT_EQ(read->listen_port, 7777);
  ASSERT_EQ(read->tls.client_roots.size(), 2u);
  EXPECT_EQ(read->tls.client_roots[1].path, kFolder + "/b.pem");
  EXPECT_EQ(read->tls.client_roots_origin.to_string(), "ORDERER_GENERAL_TLS_CLIENTROOTCAS");
  EXPECT_EQ(read->cluster.roots.size(), 2u);
  EXPECT_EQ(read->handshake_timeout, 9s);
  EXPECT_EQ(read->join_bytes_max, 2u << 20);
  EXPECT_EQ(read->tick_interval_override, 642ms);
}

TEST(OrdererSettings, AnUnknownKeyIsRefused) {
  const auto tree = Tree::parse("General:\n  ListenPort: 7050\n  LocalMspDirectory: x\n", "orderer.yaml", "ORDERER", {});
  const auto read = read_orderer_settings(*tree);
  ASSERT_FALSE(read);
  EXPECT_EQ(to_string(read.error()),
            "Error unmarshalling config into struct: 'General' has invalid keys: LocalMspDirectory: orderer.yaml:3; remove that "
            "key or mend its spelling");
}

TEST(OrdererSettings, AClusterListenerIsWholeOrNotThere) {
  const auto read = orderer({{"ORDERER_GENERAL_CLUSTER_LISTENPORT", "7051"}});
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().message.find("should be defined altogether or none of them"), std::string::npos);
}

TEST(OrdererSettings, AnAdminListenerWithTlsDemandsClientCertificates) {
  const auto read = orderer({{"ORDERER_ADMIN_TLS_ENABLED", "true"},
                             {"ORDERER_ADMIN_TLS_CERTIFICATE", "c"},
                             {"ORDERER_ADMIN_TLS_PRIVATEKEY", "k"},
                             {"ORDERER_ADMIN_TLS_CLIENTAUTHREQUIRED", "false"}});
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().message.find("must be set to true if Admin.TLS.Enabled is set to true"), std::string::npos);
}

TEST(OrdererSettings, TlsWithoutACertificateNamesTheSetting) {
  const auto tree = Tree::parse("General: {TLS: {Enabled: true, PrivateKey: k}}\n", "orderer.yaml", "ORDERER", {});
  const auto read = read_orderer_settings(*tree);
  ASSERT_FALSE(read);
  const std::string said = to_string(read.error());
  EXPECT_NE(said.find("General.TLS.Certificate (orderer.yaml): is not set though TLS is on; name the file"), std::string::npos) << said;
}

TEST(CoreSettings, OurFileHasFabricsDefaults) {
  const auto read = core({});
  ASSERT_TRUE(read) << to_string(read.error());
  EXPECT_EQ(read->peer_id, "jdoe");
  EXPECT_EQ(read->listen_address, "0.0.0.0:7051");
  EXPECT_EQ(read->tls.certificate.path, kFolder + "/tls/server.crt");
  EXPECT_EQ(read->tls.client_certificate.path, "");
  EXPECT_EQ(read->tls.client_roots.size(), 1u);
  EXPECT_EQ(read->msp_directory.path, kFolder + "/msp");
  EXPECT_EQ(read->delivery.reconnect_interval_min, 100ms);
  EXPECT_EQ(read->gateway.dial_timeout, 2min);
  EXPECT_EQ(read->endorser_limit, 2500);
  EXPECT_EQ(read->receive_bytes_max, 100u << 20);
  EXPECT_EQ(read->chaincode.startup_timeout, 300s);
  ASSERT_EQ(read->chaincode.external_builders.size(), 1u);
  EXPECT_EQ(read->chaincode.external_builders[0].name, "ccaas_builder");
  EXPECT_EQ(read->chaincode.external_builders[0].propagate_environment,
            std::vector<std::string>{"CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG"});
  EXPECT_TRUE(read->chaincode.system.at("qscc"));
  EXPECT_EQ(read->ledger.total_query_limit, 100000u);
  EXPECT_EQ(read->filesystem_path, "/var/hyperledger/production");
}

TEST(CoreSettings, EnvironmentGoesOverTheFile) {
  const auto read = core({{"CORE_PEER_TLS_ENABLED", "true"},
                          {"CORE_PEER_TLS_CLIENTROOTCAS_FILES", "a.pem b.pem"},
                          {"CORE_PEER_GOSSIP_BOOTSTRAP", "[p1:7051,p2:7051]"},
                          {"CORE_CHAINCODE_EXTERNALBUILDERS", "[{name: n, path: /p, propagateEnvironment: [A, B]}]"},
                          {"CORE_PEER_DELIVERYCLIENT_ADDRESSOVERRIDES", "[{from: a:1, to: b:2, caCertsFile: c.pem}]"}});
  ASSERT_TRUE(read) << to_string(read.error());
  EXPECT_TRUE(read->tls.enabled);
  EXPECT_EQ(read->tls.enabled_origin.to_string(), "CORE_PEER_TLS_ENABLED");
  EXPECT_EQ(read->tls.client_roots.size(), 2u);
  EXPECT_EQ(read->gossip.bootstrap, (std::vector<std::string>{"p1:7051", "p2:7051"}));
  ASSERT_EQ(read->chaincode.external_builders.size(), 1u);
  EXPECT_EQ(read->chaincode.external_builders[0].propagate_environment.size(), 2u);
  ASSERT_EQ(read->delivery.address_overrides.size(), 1u);
  EXPECT_EQ(read->delivery.address_overrides[0].to, "b:2");
}

TEST(CoreSettings, AClientCertificateNeedsItsKey) {
  const auto read = core({{"CORE_PEER_TLS_CLIENTCERT_FILE", "c.pem"}});
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().message.find("peer.tls.clientKey.file"), std::string::npos);
}

TEST(CoreSettings, HandlersAreReadByName) {
  const auto with = [](const std::string& handlers) {
    const auto tree = Tree::parse("peer:\n  id: p\n" + handlers, "core.yaml", "CORE", {});
    return read_core_settings(*tree)->handlers;
  };
  const Handlers given = with("  handlers: {authFilters: [{name: DefaultAuth}, {library: /f.so}], endorsers: {Mine: "
                              "{library: /e.so}}, validators: {vscc: {name: Other}}}\n");
  ASSERT_EQ(given.auth_filters.size(), 2u);
  EXPECT_EQ(given.auth_filters[0].name, "DefaultAuth");
  EXPECT_EQ(given.auth_filters[1].library, "/f.so");
  EXPECT_TRUE(given.decorators.empty());
  EXPECT_EQ(given.endorsers.at("mine").library, "/e.so");  // as viper, in lower case
  EXPECT_EQ(given.endorsers.at("escc").name, "DefaultEndorsement");
  EXPECT_EQ(given.validators.at("vscc").name, "Other");
  const Handlers none = with("");
  ASSERT_EQ(none.auth_filters.size(), 2u);
  EXPECT_EQ(none.auth_filters[1].name, "TimeWindowCheck");
}

TEST(CoreSettings, ABuilderWithoutAPathIsRefused) {
  const auto read = core({{"CORE_CHAINCODE_EXTERNALBUILDERS", "[{name: n}]"}});
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().message.find("path attribute missing in one or more builders"), std::string::npos);
}

TEST(AdvertisedAddress, IsTheConfiguredOneUnlessItsHostSaysNothing) {
  auto settings = core({{"CORE_PEER_ADDRESS", "peer0.example.com:7051"}}).value();
  EXPECT_EQ(advertised_address(settings).value(), "peer0.example.com:7051");
  settings.address = "[::1]:7051";
  EXPECT_EQ(advertised_address(settings).value(), "[::1]:7051");
  settings.address = "";
  EXPECT_EQ(advertised_address(settings).error().message, "peer.address isn't set");
  settings.address = "peer0";
  EXPECT_EQ(advertised_address(settings).error().message, "peer.address isn't in host:port format: peer0");
  settings.address = "0.0.0.0:7051";
  const auto detected = advertised_address(settings);
  if (detected) {
    EXPECT_TRUE(detected->ends_with(":7051"));
    EXPECT_FALSE(detected->starts_with("0.0.0.0"));
  } else {
    EXPECT_EQ(detected.error().message, "no non-loopback, IPv4 interface detected");  // a machine with loopback alone
  }
}

TEST(Configtx, ProfilesArePutTogetherByMerges) {
  const auto tree = Tree::load(kFolder + "/configtx.yaml", "CONFIGTX", {{"CONFIGTX_ORDERER_BATCHTIMEOUT", "9s"}});
  ASSERT_TRUE(tree) << to_string(tree.error());
  const std::string profile = "Profiles.SampleAppChannelEtcdRaft.";
  EXPECT_EQ(tree->find(profile + "Orderer.BatchSize.MaxMessageCount")->text, "500");
  EXPECT_EQ(tree->find(profile + "Orderer.Capabilities.V2_0")->text, "true");
  const Node* organisations = tree->find(profile + "Orderer.Organizations");
  ASSERT_EQ(organisations->items.size(), 1u);
  EXPECT_EQ(organisations->items[0].find("Policies")->find("Admins")->find("Rule")->text, "OR('SampleOrg.member')");
  EXPECT_EQ(organisations->items[0].find("OrdererEndpoints")->items.size(), 3u);
  EXPECT_EQ(tree->find("Orderer.BatchTimeout")->text, "9s");
}

}  // namespace
}  // namespace selvage::config
