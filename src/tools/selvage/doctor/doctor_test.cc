#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "crypto/pem.h"
#include "kit/certificates.h"
#include "kit/channels.h"
#include "orderer/etcdraft/configuration.pb.h"
#include "msp/msp_config.pb.h"
#include "tools/selvage/doctor/channel_checks.h"
#include "tools/selvage/doctor/file_checks.h"
#include "wire/marshal.h"

namespace selvage::tools::doctor {
namespace {

// A peer's folder in which all is well; each test spoils one thing.
class DoctorTls : public testing::Test {
 protected:
  DoctorTls() {
    std::string pattern = std::filesystem::temp_directory_path() / "selvage-doctor-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    give(ca_.server("peer0.org1.example.com", {"peer0.org1.example.com", "127.0.0.1"}));
    write("ca.crt", ca_.pem());
    node_.enabled = node_.client_auth = true;
    node_.msp_id = "Org1MSP";
    ConfiguredPair pair;
    pair.role = "server";
    pair.certificate = {folder_ + "/server.crt", {"CORE_PEER_TLS_CERT_FILE", "", 0}};
    pair.key = {folder_ + "/server.key", {"CORE_PEER_TLS_KEY_FILE", "", 0}};
    pair.as_server = pair.as_client = true;
    pair.hosts = {"peer0.org1.example.com"};
    node_.pairs.push_back(pair);
    const Origin setting{"CORE_PEER_TLS_CLIENTROOTCAS_FILES", "", 0};
    node_.roots.push_back({"client roots", setting, {{folder_ + "/ca.crt", setting}}, true, true});
  }
  ~DoctorTls() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& content) const {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path) << content;
    ::chmod(path.c_str(), 0600);
  }
  void give(const test::Identity& identity) const {
    write("server.crt", identity.certificate_pem());
    write("server.key", identity.key_pem());
  }

  // Code of the first finding that is not well; "" when all are.
  std::string first_code() {
    Report report;
    own_ = check_own_files(node_, test::kGoodNow, report);
    said_ = report.to_text();
    exit_code_ = report.exit_code();
    for (const Finding& one : report.findings()) {
      if (one.verdict != Verdict::kOk) return one.code.empty() ? one.detail : one.code;
    }
    return "";
  }

  test::Authority ca_{"tlsca.org1.example.com"};
  std::string folder_;
  NodeTls node_;
  OwnFiles own_;
  std::string said_;
  int exit_code_ = 0;
};

TEST_F(DoctorTls, HasNothingToSayWhenAllIsWell) {
  EXPECT_EQ(first_code(), "") << said_;
  EXPECT_EQ(exit_code_, 0);
  EXPECT_NE(own_.for_dialling(), nullptr);
}

TEST_F(DoctorTls, NamesFileAndRenewalOfAnExpiredCertificate) {
  give(ca_.server("peer0", {"peer0.org1.example.com"},
                  [](auto& request) { request.not_after = test::kGoodNow - std::chrono::days(3); }));
  EXPECT_EQ(first_code(), "TLS-26");
  EXPECT_NE(said_.find("expired 3 days ago"), std::string::npos) << said_;
  EXPECT_NE(said_.find("reenroll"), std::string::npos);
  EXPECT_EQ(exit_code_, 2);
}

TEST_F(DoctorTls, WarnsThirtyDaysAhead) {
  give(ca_.server("peer0", {"peer0.org1.example.com"},
                  [](auto& request) { request.not_after = test::kGoodNow + std::chrono::days(12); }));
  EXPECT_EQ(first_code(), "TLS-26");
  EXPECT_EQ(exit_code_, 1);
}

TEST_F(DoctorTls, SeesThatCertificateAndKeyAreNotAPair) {
  write("server.key", ca_.server("other", {"x"}).key_pem());
  EXPECT_EQ(first_code(), "TLS-16");
}

TEST_F(DoctorTls, SeesAMissingFileAndItsSetting) {
  node_.pairs[0].certificate.path = folder_ + "/nothing.crt";
  EXPECT_NE(first_code(), "");
  EXPECT_NE(said_.find("CORE_PEER_TLS_CERT_FILE"), std::string::npos) << said_;
}

TEST_F(DoctorTls, SeesThatANodeCannotDialWithAServersCertificate) {
  give(ca_.server("peer0", {"peer0.org1.example.com"},
                  [](auto& request) { request.extended_key_usages = {std::string(crypto::kServerAuth)}; }));
  EXPECT_EQ(first_code(), "TLS-06");
}

TEST_F(DoctorTls, SeesANameThatOthersDialAndTheCertificateDoesNotHave) {
  node_.pairs[0].hosts = {"peer0.example.net"};
  EXPECT_EQ(first_code(), "TLS-28");
}

TEST_F(DoctorTls, SeesACasOwnCertificateInPlaceOfANodes) {
  write("server.crt", ca_.pem());
  write("server.key", ca_.key().to_pem());
  EXPECT_EQ(first_code(), "TLS-35");
}

TEST_F(DoctorTls, SeesAnIdentityCaAmongTheClientRoots) {
  test::Authority identity_ca("ca.org1.example.com");
  write("ca.crt", identity_ca.pem());
  EXPECT_EQ(first_code(), "TLS-05");
}

TEST_F(DoctorTls, SeesANodesCertificateAmongTheClientRoots) {
  write("ca.crt", ca_.client("app1").certificate_pem());
  EXPECT_EQ(first_code(), "TLS-11");
}

TEST_F(DoctorTls, SeesTwoGenerationsOfOneCa) {
  write("ca.crt", test::Authority("tlsca.org1.example.com").pem());
  EXPECT_EQ(first_code(), "TLS-03");
}

TEST_F(DoctorTls, MindsKeysThatOthersCanRead) {
  ::chmod((folder_ + "/server.key").c_str(), 0644);
  EXPECT_NE(first_code().find("can be read by others"), std::string::npos);
  EXPECT_EQ(exit_code_, 1);
}

// What Fabric's words hide about files that cannot be used: the code, and the setting or file in the words.
TEST_F(DoctorTls, SaysWhatAFileIsThatIsNoKeyOrCertificate) {
  const test::Identity good = ca_.server("peer0", {"peer0.org1.example.com"});
  const std::string encrypted =
      "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAg=\n-----END ENCRYPTED PRIVATE KEY-----\n";
  write("server.key", encrypted);
  EXPECT_EQ(first_code(), "TLS-17") << said_;
  EXPECT_NE(said_.find("openssl pkey"), std::string::npos) << said_;
  give(good);
  write("server.crt", good.certificate.der());
  EXPECT_EQ(first_code(), "TLS-18") << said_;
  EXPECT_NE(said_.find("looks like DER"), std::string::npos) << said_;
  write("server.crt", good.key_pem());
  write("server.key", good.certificate_pem());
  EXPECT_EQ(first_code(), "TLS-19") << said_;
  EXPECT_NE(said_.find("exchange"), std::string::npos) << said_;
  const test::Identity below = ca_.intermediate("ica.org1.example.com").server("peer0", {"peer0.org1.example.com"});
  write("server.crt", below.intermediates.front().pem() + below.certificate_pem());
  write("server.key", below.key_pem());
  EXPECT_EQ(first_code(), "TLS-36") << said_;
  EXPECT_NE(said_.find("put the certificate of the node itself first"), std::string::npos) << said_;
  ::unlink((folder_ + "/server.key").c_str());
  EXPECT_EQ(first_code(), "TLS-37") << said_;
  EXPECT_NE(said_.find("CORE_PEER_TLS_KEY_FILE"), std::string::npos) << said_;
}

TEST_F(DoctorTls, SaysWhatACaFileHolds) {
  write("ca.crt", ca_.key().to_pem());
  EXPECT_EQ(first_code(), "TLS-22") << said_;
  EXPECT_NE(said_.find("holds a private key"), std::string::npos) << said_;
  write("ca.crt", ca_.pem() + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  EXPECT_EQ(first_code(), "TLS-23") << said_;
  EXPECT_NE(said_.find("block 2 (line"), std::string::npos) << said_;
  node_.roots[0].files.clear();
  EXPECT_EQ(first_code(), "TLS-38") << said_;
  node_.roots[0].of_clients = node_.roots[0].demanded = false;
  EXPECT_EQ(first_code(), "TLS-24") << said_;
}

TEST_F(DoctorTls, MindsAnOrdererWithoutTls) {
  node_ = {};
  node_.is_orderer = true;
  EXPECT_EQ(first_code(), "TLS-40") << said_;
  EXPECT_EQ(exit_code_, 2);
}

TEST_F(DoctorTls, MissesTheIntermediateBehindTheOwnCertificate) {
  const test::Identity below = ca_.intermediate("ica.org1.example.com").server("peer0", {"peer0.org1.example.com"});
  write("server.crt", below.certificate_pem());
  write("server.key", below.key_pem());
  EXPECT_EQ(first_code(), "TLS-33") << said_;
  EXPECT_NE(said_.find("append the intermediate to " + folder_ + "/server.crt"), std::string::npos) << said_;
  give({below.certificate, below.key, {}});
  write("server.crt", below.chain_pem());
  EXPECT_EQ(first_code(), "") << said_;
}

TEST_F(DoctorTls, NamesDatesUsesAndNamesOfOwnCertificates) {
  give(ca_.server("peer0", {"peer0.org1.example.com"}, [](auto& request) { request.not_before = test::kGoodNow + std::chrono::days(3); }));
  EXPECT_EQ(first_code(), "TLS-27") << said_;
  give(ca_.server("peer0", {}));
  EXPECT_EQ(first_code(), "TLS-29") << said_;
  give(ca_.server("peer0", {"peer0.org1.example.com"},
                  [](auto& request) { request.extended_key_usages = {std::string(crypto::kClientAuth)}; }));
  EXPECT_EQ(first_code(), "TLS-32") << said_;
  const test::Authority ended("tlsca.org1.example.com", [](auto& request) { request.not_after = test::kGoodNow - std::chrono::days(1); });
  write("ca.crt", ended.pem());
  give(ended.server("peer0", {"peer0.org1.example.com"}));
  EXPECT_EQ(first_code(), "TLS-10") << said_;
}

// The enrolment that the node signs with.
TEST_F(DoctorTls, LooksAtTheEnrolmentToo) {
  const auto verdict = [this](std::chrono::sys_seconds now) {
    Report report;
    check_identity(node_, now, report);
    said_ = report.to_text();
    const Finding& found = report.findings().front();
    return found.verdict == Verdict::kOk ? std::string("ok") : found.code;
  };
  const test::Authority authority("ca.org1.example.com");
  const test::Identity peer = authority.member("peer0", "peer");
  node_.msp_directory = folder_ + "/msp";
  for (const char* name : {"/msp/cacerts", "/msp/signcerts", "/msp/keystore"}) std::filesystem::create_directories(folder_ + name);
  write("msp/config.yaml",
        "NodeOUs:\n  Enable: true\n  ClientOUIdentifier: {OrganizationalUnitIdentifier: client}\n  PeerOUIdentifier: "
        "{OrganizationalUnitIdentifier: peer}\n  AdminOUIdentifier: {OrganizationalUnitIdentifier: admin}\n  OrdererOUIdentifier: "
        "{OrganizationalUnitIdentifier: orderer}\n");
  write("msp/cacerts/ca.pem", authority.pem());
  write("msp/signcerts/cert.pem", peer.certificate_pem());
  write("msp/keystore/priv_sk", peer.key_pem());
  EXPECT_EQ(verdict(test::kGoodNow), "ok") << said_;
  EXPECT_EQ(verdict(test::kGoodUntil + std::chrono::days(1)), "TLS-55") << said_;
  EXPECT_EQ(verdict(test::kGoodUntil - std::chrono::days(5)), "TLS-55") << said_;
  write("msp/keystore/priv_sk", authority.member("peer1", "peer").key_pem());
  EXPECT_EQ(verdict(test::kGoodNow), "TLS-57") << said_;
  write("msp/keystore/priv_sk", peer.key_pem());
  const test::Authority again("ca.org1.example.com", [](auto& request) { request.not_before = test::kGoodFrom + std::chrono::days(9); });
  const test::Identity older = again.member("peer0", "peer");
  write("msp/cacerts/ca.pem", again.pem());
  write("msp/signcerts/cert.pem", older.certificate_pem());
  write("msp/keystore/priv_sk", older.key_pem());
  EXPECT_EQ(verdict(test::kGoodNow), "TLS-56") << said_;
  EXPECT_NE(said_.find("older than its CA"), std::string::npos) << said_;
}

// Verdicts over a channel, without files.
std::vector<std::string> codes_of(const channel::Bundle& bundle, std::chrono::sys_seconds now = test::kGoodNow) {
  Report report;
  (void)check_channel(bundle, nullptr, {}, now, report);
  std::vector<std::string> codes;
  for (const Finding& one : report.findings()) {
    if (one.verdict != Verdict::kOk) codes.push_back(one.code);
  }
  return codes;
}

TEST(DoctorChannel, HasNothingToSayOfAGoodChannel) {
  test::Channel channel;
  EXPECT_TRUE(codes_of(*channel.bundle()).empty());
}

// Changes the MSP of the orderer organisation in the channel's configuration.
template <class Change>
void change_orderer_msp(test::Channel& channel, Change change) {
  auto& group = (*(*channel.config().mutable_channel_group()->mutable_groups())["Orderer"].mutable_groups())["Orderer"];
  auto& value = (*group.mutable_values())["MSP"];
  auto config = *wire::parse<::msp::MSPConfig>(value.value());
  auto fabric = *wire::parse<::msp::FabricMSPConfig>(config.config());
  change(fabric);
  config.set_config(wire::marshal(fabric));
  value.set_value(wire::marshal(config));
}

TEST(DoctorChannel, NamesTheOrganisationWithoutTlsRootsAndItsPlace) {
  test::Channel channel;
  change_orderer_msp(channel, [](::msp::FabricMSPConfig& msp) { msp.clear_tls_root_certs(); });
  Report report;
  (void)check_channel(*channel.bundle(), nullptr, {}, test::kGoodNow, report);
  const std::string said = report.to_text();
  EXPECT_NE(said.find("FAIL OrdererMSP"), std::string::npos) << said;
  EXPECT_NE(said.find("has no tls_root_certs (Channel/Orderer/Orderer/MSP)"), std::string::npos) << said;
  EXPECT_NE(said.find("TLS-52"), std::string::npos) << said;
}

TEST(DoctorChannel, SeesConsentersAndCasThatExpired) {
  test::Channel channel;
  auto codes = codes_of(*channel.bundle(), test::kGoodUntil + std::chrono::days(1));
  EXPECT_TRUE(std::find(codes.begin(), codes.end(), "TLS-26") != codes.end());
  EXPECT_TRUE(std::find(codes.begin(), codes.end(), "TLS-10") != codes.end());
}

TEST(DoctorChannel, SeesAConsenterOfAStrangeCa) {
  test::ChannelOptions options;
  options.consenter_tls_pem = test::Authority("tlsca.elsewhere").server("orderer0", {"127.0.0.1"}).certificate_pem();
  test::Channel channel(options);
  EXPECT_EQ(codes_of(*channel.bundle()), std::vector<std::string>({"TLS-52", "TLS-52"}));
}

TEST(DoctorChannel, SeesAConsenterWhoseCertificateIsRevoked) {
  test::Channel channel;
  const Bytes list = crypto::encode_pem("X509 CRL", test::revocation_list(channel.orderer().tls_ca(), channel.consenter_tls().certificate));
  change_orderer_msp(channel, [&](::msp::FabricMSPConfig& msp) { msp.add_revocation_list(list); });
  EXPECT_EQ(codes_of(*channel.bundle()), std::vector<std::string>{"TLS-14"});
}

TEST(DoctorChannel, RenewsTheLeaderLastAndTheSoonestToExpireFirst) {
  test::Authority ca("tlsca.orderer");
  const auto consenter = [&](const char* address, int days) {
    auto certificate = ca.server(address, {"127.0.0.1"}, [&](auto& request) {
                           request.not_after = test::kGoodNow + std::chrono::days(days);
                         }).certificate;
    return ChannelConsenter{"consenter", address, certificate, certificate};
  };
  ChannelTls channel;
  channel.consenters = {consenter("a:1", 50), consenter("b:1", 10), consenter("c:1", 30)};
  Report report;
  plan_rotation(channel, "b:1", report);
  EXPECT_NE(report.to_text().find("c:1, a:1, b:1 (leader)"), std::string::npos) << report.to_text();
}

}  // namespace
}  // namespace selvage::tools::doctor
