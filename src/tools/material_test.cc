// cryptogen, configtxgen and selvage package ccaas: what one makes the next one reads.
#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <sstream>

#include "channel/bundle.h"
#include "common/common.pb.h"
#include "crypto/chain.h"
#include "identity/posix_msp_directory.h"
#include "lifecycle/package.h"
#include "os/system_clock.h"
#include "peer/collection.pb.h"
#include "tools/configtxgen/configtxgen.h"
#include "tools/cryptogen/cryptogen.h"
#include "tools/peer/definition_flags.h"
#include "tools/peer/source_folder.h"
#include "tools/selvage/ccaas_package.h"
#include "wire/block.h"
#include "wire/marshal.h"

namespace selvage::tools {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCrypto = R"(
OrdererOrgs:
  - {Name: Orderer, Domain: example.com, EnableNodeOUs: true, Specs: [{Hostname: orderer, SANS: [127.0.0.1]}]}
PeerOrgs:
  - Name: Org1
    Domain: org1.example.com
    EnableNodeOUs: true
    Template: {Count: 1, SANS: ["{{.Hostname}}.alt", 127.0.0.1]}
    Users: {Count: 1}
  - {Name: Org2, Domain: org2.example.com, EnableNodeOUs: false, Template: {Count: 1}}
)";

std::string rules(const std::string& msp) {
  std::string text = "{";
  for (const std::string name : {"Readers", "Writers", "Admins", "Endorsement"})
    text += name + ": {Type: Signature, Rule: \"OR('" + msp + ".member')\"}, ";
  return text + "}";
}

std::string configtx(const std::string& crypto) {
  const std::string meta =
      "Readers: {Type: ImplicitMeta, Rule: ANY Readers}, Writers: {Type: ImplicitMeta, Rule: ANY Writers}, "
      "Admins: {Type: ImplicitMeta, Rule: MAJORITY Admins}";
  const std::string tls = crypto + "/ordererOrganizations/example.com/orderers/orderer.example.com/tls/server.crt";
  return "Organizations:\n"
         "  - &Orderer {Name: OrdererOrg, ID: OrdererMSP, MSPDir: " +
         crypto +
         "/ordererOrganizations/example.com/msp,"
         " Policies: " +
         rules("OrdererMSP") +
         ", OrdererEndpoints: [localhost:7050]}\n"
         "  - &Org1 {Name: Org1, ID: Org1MSP, MSPDir: " +
         crypto +
         "/peerOrganizations/org1.example.com/msp,"
         " Policies: " +
         rules("Org1MSP") +
         ", AnchorPeers: [{Host: localhost, Port: 7051}]}\n"
         "Profiles:\n  One:\n    Policies: {" +
         meta +
         "}\n    Capabilities: {V3_0: true}\n"
         "    Orderer:\n      OrdererType: etcdraft\n      Organizations: [*Orderer]\n      BatchTimeout: 1m30s\n"
         "      BatchSize: {PreferredMaxBytes: 512 KB}\n      Capabilities: {V2_0: true}\n"
         "      Policies: {" +
         meta +
         ", BlockValidation: {Type: ImplicitMeta, Rule: ANY Writers}}\n"
         "      EtcdRaft: {Consenters: [{Host: localhost, Port: 7050, ClientTLSCert: " +
         tls + ", ServerTLSCert: " + tls +
         "}]}\n"
         "    Application: {Organizations: [*Org1], Policies: {" +
         meta + "}, Capabilities: {V2_5: true}}\n";
}

class Material : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = fs::temp_directory_path() / ("selvage-material-" + std::to_string(::getpid()));
    fs::create_directories(folder_);
    ASSERT_TRUE(write_file(path("crypto.yaml"), kCrypto).has_value());
    std::ostringstream out, err;
    ASSERT_EQ(cryptogen::run({"generate", "--config", path("crypto.yaml"), "--output", path("crypto")}, {out, err}), 0)
        << out.str() << err.str();
    EXPECT_EQ(out.str(), "org1.example.com\norg2.example.com\n");
  }
  static void TearDownTestSuite() { fs::remove_all(folder_); }

  static std::string path(const std::string& name) { return (folder_ / name).string(); }
  static std::string org1(const std::string& name) { return path("crypto/peerOrganizations/org1.example.com/" + name); }
  static crypto::Certificate certificate(const std::string& file) {
    auto pem = read_file(file);
    EXPECT_TRUE(pem.has_value()) << file;
    return *crypto::Certificate::from_pem(*pem);
  }
  static fs::path folder_;
};
fs::path Material::folder_;

TEST_F(Material, EveryLocalMspLoadsWithItsRole) {
  for (const auto& [member, mspid] :
       {std::pair{"crypto/peerOrganizations/org1.example.com/peers/peer0.org1.example.com", "Org1MSP"},
        {"crypto/peerOrganizations/org1.example.com/users/Admin@org1.example.com", "Org1MSP"},
        {"crypto/peerOrganizations/org2.example.com/peers/peer0.org2.example.com", "Org2MSP"},
        {"crypto/ordererOrganizations/example.com/orderers/orderer.example.com", "OrdererMSP"}}) {
    auto local = identity::load_local_msp(path(member) + "/msp", mspid, os::system_clock().now());
    EXPECT_TRUE(local.has_value()) << member << ": " << to_string(local.error());
  }
  EXPECT_EQ(certificate(org1("users/Admin@org1.example.com/msp/signcerts/Admin@org1.example.com-cert.pem"))
                .organizational_units(),
            std::vector<std::string>{"admin"});
  EXPECT_TRUE(
      exists(path("crypto/peerOrganizations/org2.example.com/peers/peer0.org2.example.com/msp/admincerts/"
                  "Admin@org2.example.com-cert.pem")));
}

TEST_F(Material, TlsCertificatesServeBothSidesUnderAllTheirNames) {
  const auto leaf = certificate(org1("peers/peer0.org1.example.com/tls/server.crt"));
  crypto::CertificatePool roots;
  roots.add(certificate(org1("tlsca/tlsca.org1.example.com-cert.pem")));
  for (const char* host : {"peer0.org1.example.com", "peer0", "peer0.alt", "127.0.0.1"})
    for (const auto usage : {crypto::kServerAuth, crypto::kClientAuth})
      EXPECT_TRUE(crypto::verify_chain(leaf, {}, roots, {os::system_clock().now(), {usage}, host}).accepted()) << host;
  EXPECT_FALSE(crypto::verify_chain(leaf, {}, roots, {os::system_clock().now(), {}, "other"}).accepted());
}

TEST_F(Material, ExtendAddsWhatIsMissingAndKeepsTheRest) {
  const std::string key = org1("peers/peer0.org1.example.com/tls/server.key");
  const Bytes before = *read_file(key);
  std::string more = kCrypto;
  more.replace(more.find("Template: {Count: 1, SANS"), 18, "Template: {Count: 2");
  ASSERT_TRUE(write_file(path("more.yaml"), more).has_value());
  std::ostringstream out, err;
  ASSERT_EQ(cryptogen::run({"extend", "--config", path("more.yaml"), "--input", path("crypto")}, {out, err}), 0)
      << out.str();
  EXPECT_EQ(*read_file(key), before);
  EXPECT_TRUE(exists(org1("peers/peer1.org1.example.com/tls/server.crt")));
}

int configtxgen_run(const Arguments& arguments, std::string* printed = nullptr) {
  std::ostringstream out, err;
  const int code = configtxgen::run("configtxgen", arguments, {out, err});
  if (printed != nullptr) *printed = out.str();
  return code;
}

TEST_F(Material, AGenesisBlockIsAChannelThatOpens) {
  ASSERT_TRUE(write_file(path("configtx.yaml"), configtx(path("crypto"))).has_value());
  ASSERT_EQ(configtxgen_run({"-configPath", folder_.string(), "-profile", "One", "-channelID", "ch", "-outputBlock",
                             path("out/genesis.block")}),
            0);
  const auto block = *wire::parse<::common::Block>(*read_file(path("out/genesis.block")));
  EXPECT_EQ(block.metadata().metadata_size(), 5);
  EXPECT_EQ(wire::data_hash(block.data()), block.header().data_hash());
  auto bundle = channel::Bundle::from_block(block);
  ASSERT_TRUE(bundle.has_value()) << to_string(bundle.error());
  EXPECT_EQ((*bundle)->channel_id(), "ch");
  EXPECT_EQ((*bundle)->orderer()->batch_timeout, std::chrono::seconds(90));
  EXPECT_EQ((*bundle)->orderer()->batch_size.preferred_max_bytes, 512u << 10);
  EXPECT_EQ((*bundle)->orderer()->batch_size.max_message_count, 500u);
  EXPECT_EQ((*bundle)->application()->orgs.at("Org1").anchor_peers.at(0).port, 7051);
}

TEST_F(Material, AMistypedKeyIsRefusedWithItsPlace) {
  std::string yaml = configtx(path("crypto"));
  yaml.replace(yaml.find("PreferredMaxBytes"), 17, "PreferedMaxBytes!");
  ASSERT_TRUE(write_file(path("configtx.yaml"), yaml).has_value());
  testing::internal::CaptureStderr();
  EXPECT_EQ(configtxgen_run({"-configPath", folder_.string(), "-profile", "One", "-channelID", "ch", "-outputBlock",
                             path("no.block")}),
            1);
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find("PreferedMaxBytes!"), std::string::npos) << log;
  EXPECT_NE(log.find("configtx.yaml:"), std::string::npos) << log;
  EXPECT_FALSE(exists(path("no.block")));
}

selvage_program::CcaasPackage good_package(const std::string& tls) {
  selvage_program::CcaasPackage wanted;
  wanted.label = "basic_1.0";
  wanted.address = "127.0.0.1:9999";
  wanted.root_cert_file = tls + "/ca.crt";
  wanted.client_cert_file = wanted.server_cert_file = tls + "/server.crt";
  wanted.client_key_file = tls + "/server.key";
  return wanted;
}

TEST_F(Material, ACcaasPackageHoldsTheTlsMaterial) {
  auto bytes = selvage_program::make_ccaas_package(good_package(org1("peers/peer0.org1.example.com/tls")),
                                                   os::system_clock().now());
  ASSERT_TRUE(bytes.has_value()) << to_string(bytes.error());
  const auto package = *lifecycle::parse_package(*bytes);
  EXPECT_EQ(package.metadata.type, "ccaas");
  const auto files = *lifecycle::read_tar_gz(package.code);
  ASSERT_EQ(files.size(), 1u);
  EXPECT_EQ(files[0].name, "connection.json");
  for (const char* part : {"\"address\": \"127.0.0.1:9999\"", "\"tls_required\": true",
                           "\"client_auth_required\": true", "BEGIN CERTIFICATE", "PRIVATE KEY"})
    EXPECT_NE(files[0].content.find(part), std::string::npos) << part;
}

TEST_F(Material, ACcaasPackageIsRefusedForEachMistakeInItsMaterial) {
  const auto good = good_package(org1("peers/peer0.org1.example.com/tls"));
  auto refusal = [](const selvage_program::CcaasPackage& wanted) {
    auto made = selvage_program::make_ccaas_package(wanted, os::system_clock().now());
    return made ? "" : to_string(made.error());
  };
  auto wanted = good;
  wanted.client_key_file = org1("users/User1@org1.example.com/tls/client.key");
  EXPECT_NE(refusal(wanted).find("private key does not match public key"), std::string::npos);
  wanted = good;
  wanted.address = "elsewhere:9999";
  EXPECT_NE(refusal(wanted).find("not elsewhere"), std::string::npos);
  wanted = good;
  wanted.root_cert_file = org1("ca/ca.org1.example.com-cert.pem");
  EXPECT_NE(refusal(wanted).find("certificate signed by unknown authority"), std::string::npos);
  wanted = good;
  wanted.address = "0.0.0.0:9999";
  EXPECT_NE(refusal(wanted).find("not what a peer can dial"), std::string::npos);
  wanted = good;
  wanted.client_key_file.clear();
  EXPECT_NE(refusal(wanted).find("belong together"), std::string::npos);
  wanted = good;
  wanted.root_cert_file.clear();
  EXPECT_NE(refusal(wanted).find("--no-tls"), std::string::npos);
}

TEST_F(Material, SourcesArePackedAsPeersExpectThem) {
  for (const auto& [name, content] : {std::pair{"src/go/go.mod", "module example.com/cc\n"},
                                      {"src/go/cc.go", "package main"},
                                      {"src/go/cc_test.go", "package main"},
                                      {"src/go/notes.txt", "yes"},
                                      {"src/go/.hidden/x.go", "no"},
                                      {"src/go/META-INF/statedb/couchdb/indexes/i.json", R"({"index":{"fields":["x"]}})"},
                                      {"src/go/META-INF/statedb/couchdb/indexes/.swp", "hidden, no index"},
                                      {"src/node/package.json", "{}"},
                                      {"src/node/node_modules/x/i.js", "no"}}) {
    fs::create_directories(fs::path(path(name)).parent_path());
    ASSERT_TRUE(write_file(path(name), content).has_value());
  }
  auto names = [](const peer::SourcePackage& package) {
    std::vector<std::string> list;
    const auto files = *lifecycle::read_tar_gz(package.code_tar_gz);
    for (const auto& file : files) list.push_back(file.name);
    return list;
  };
  auto go = peer::pack_source("golang", path("src/go"));
  ASSERT_TRUE(go.has_value()) << to_string(go.error());
  EXPECT_EQ(go->path, "example.com/cc");
  EXPECT_EQ(names(*go),
            (std::vector<std::string>{"META-INF/statedb/couchdb/indexes/i.json", "src/cc.go", "src/cc_test.go",
                                      "src/go.mod", "src/notes.txt"}));
  EXPECT_EQ(names(*peer::pack_source("node", path("src/node"))), std::vector<std::string>{"src/package.json"});
  const auto why = [&](const char* language, const char* folder) {
    const auto packed = peer::pack_source(language, path(folder));
    return packed ? "ok" : packed.error().message;
  };
  ASSERT_TRUE(write_file(path("src/go/META-INF/statedb/couchdb/indexes/bad.json"), "[").has_value());
  EXPECT_EQ(why("golang", "src/go"), "error getting chaincode bytes: walk failed: Index metadata file "
                                     "[META-INF/statedb/couchdb/indexes/bad.json] is not a valid JSON");
  fs::create_directories(path("src/node/META-INF"));
  ASSERT_TRUE(write_file(path("src/node/META-INF/i.json"), "{}").has_value());
  EXPECT_EQ(why("node", "src/node"), "error getting chaincode bytes: Error writing Chaincode package contents: metadata "
                                     "file path must begin with META-INF/statedb, found: META-INF/");
  fs::create_directories(path("src/empty/target"));
  ASSERT_TRUE(write_file(path("src/empty/target/x.java"), "no").has_value());
  EXPECT_EQ(why("java", "src/empty"), "error getting chaincode bytes: failed to create chaincode package: no source files "
                                      "found in '" + path("src/empty") + "'");
  EXPECT_FALSE(peer::pack_source("cobol", path("src/node")).has_value());
  EXPECT_FALSE(peer::pack_source("golang", path("src/node")).has_value());
}

TEST(Collections, AreReadFromFabricsJson) {
  auto package = peer::parse_collections(
      R"json([{"name":"c","policy":"OR('Org1MSP.member')","maxPeerCount":3,"blockToLive":7,"memberOnlyRead":true,
           "endorsementPolicy":{"signaturePolicy":"OR('Org1MSP.peer')"}}])json");
  ASSERT_TRUE(package.has_value()) << to_string(package.error());
  const auto& collection = package->config(0).static_collection_config();
  EXPECT_EQ(collection.name(), "c");
  EXPECT_EQ(collection.required_peer_count(), 0);
  EXPECT_EQ(collection.maximum_peer_count(), 3);
  EXPECT_EQ(collection.block_to_live(), 7u);
  EXPECT_TRUE(collection.member_only_read());
  EXPECT_TRUE(collection.endorsement_policy().has_signature_policy());
  EXPECT_FALSE(peer::parse_collections("{}").has_value());
  EXPECT_FALSE(peer::parse_collections(R"([{"name":"c","policy":"OR("}])").has_value());
  EXPECT_FALSE(peer::parse_collections(R"([{"name":5}])").has_value());
}

}  // namespace
}  // namespace selvage::tools
