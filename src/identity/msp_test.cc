#include "identity/msp.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "identity/msp_manager.h"
#include "identity/posix_msp_directory.h"
#include "kit/identities.h"
#include "msp/identities.pb.h"
#include "msp/msp_config.pb.h"
#include "msp/msp_principal.pb.h"

namespace selvage::identity {
namespace {

using ::common::MSPPrincipal;
using ::common::MSPRole;
using test::Organization;

MSPPrincipal role(const std::string& mspid, MSPRole::MSPRoleType type) {
  MSPRole message;
  message.set_msp_identifier(mspid);
  message.set_role(type);
  MSPPrincipal principal;
  principal.set_principal_classification(MSPPrincipal::ROLE);
  principal.set_principal(message.SerializeAsString());
  return principal;
}

std::string why(const Status& status) { return status ? std::string("ok") : status.error().message; }
template <class T>
std::string why(const Result<T>& result) {
  return result ? std::string("ok") : result.error().message;
}

std::shared_ptr<const Identity> seen(const Msp& msp, const SigningIdentity& signer) {
  auto identity = msp.deserialize(signer.serialized());
  EXPECT_TRUE(identity) << why(identity);
  return identity ? *identity : nullptr;
}

TEST(Msp, AMemberIsValidAndItsSignatureHolds) {
  Organization org("Org1MSP");
  auto msp = org.msp();
  const SigningIdentity& signer = org.client();
  auto identity = seen(*msp, signer);
  EXPECT_EQ(why(identity->validate()), "ok");
  EXPECT_EQ(identity->mspid(), "Org1MSP");
  const Bytes signature = *signer.sign("hello");
  EXPECT_EQ(why(identity->verify("hello", signature)), "ok");
  EXPECT_EQ(why(identity->verify("hullo", signature)), "The signature is invalid");
}

TEST(Msp, NodeOusTellRolesApart) {
  Organization org("Org1MSP");
  auto msp = org.msp();
  auto peer = seen(*msp, org.peer());
  auto admin = seen(*msp, org.admin());
  EXPECT_EQ(why(peer->satisfies(role("Org1MSP", MSPRole::PEER))), "ok");
  EXPECT_EQ(why(peer->satisfies(role("Org1MSP", MSPRole::MEMBER))), "ok");
  EXPECT_EQ(why(admin->satisfies(role("Org1MSP", MSPRole::ADMIN))), "ok");
  EXPECT_EQ(why(peer->satisfies(role("Org1MSP", MSPRole::ADMIN))),
            "The identity is not an admin under this MSP [Org1MSP]: The identity does not contain OU [ADMIN], MSP: [Org1MSP]");
  EXPECT_EQ(why(peer->satisfies(role("Org1MSP", MSPRole::ORDERER))),
            "The identity is not a [ORDERER] under this MSP [Org1MSP]: The identity does not contain OU [ORDERER], MSP: "
            "[Org1MSP]");
  EXPECT_EQ(why(peer->satisfies(role("Org2MSP", MSPRole::PEER))),
            "the identity is a member of a different MSP (expected Org2MSP, got Org1MSP)");
}

TEST(Msp, AnIdentityOfAnotherOrganisationIsNotTaken) {
  Organization org("Org1MSP"), other("Org2MSP");
  EXPECT_EQ(why(org.msp()->deserialize(other.client().serialized())), "expected MSP ID Org1MSP, received Org2MSP");
}

TEST(Msp, ACertificateOfAnotherCaUnderOurNameIsRefused) {
  Organization org("Org1MSP"), impostor("Org1MSP");
  EXPECT_EQ(why(org.msp()->deserialize(impostor.client().serialized())),
            "the supplied identity is not valid: x509: certificate signed by unknown authority (possibly because of \"x509: "
            "ECDSA verification failure\" while trying to verify candidate authority certificate \"ca.Org1MSP\")");
}

TEST(Msp, AnIdentityWithoutARoleIsInvalidAndWithTwoAsWell) {
  Organization org("Org1MSP");
  auto msp = org.msp();
  auto nobody = seen(*msp, org.member("nobody", "sales"));
  EXPECT_TRUE(why(nobody->validate()).starts_with("could not validate identity's OUs: the identity does not have an OU that "
                                                  "resolves to client, peer, orderer, or admin role. OUs: [sales("))
      << why(nobody->validate());
  auto both = seen(*msp, org.member("both", "peer", [](crypto::CertificateRequest& request) {
    request.subject.organizational_unit.push_back("client");
  }));
  EXPECT_TRUE(why(both->validate()).find("not a combination of them") != std::string::npos) << why(both->validate());
}

TEST(Msp, ExpiryIsNotTheMspsAffair) {
  Organization org("Org1MSP");
  auto identity = seen(*org.msp(), org.member("old", "client", [](crypto::CertificateRequest& request) {
    request.not_after = request.not_before + std::chrono::hours(1);
  }));
  EXPECT_EQ(why(identity->validate()), "ok");
  EXPECT_EQ(identity->expires_at(), SystemTime(test::kGoodFrom + std::chrono::hours(1)));
}

TEST(Msp, AnIdentityOlderThanItsCaIsRefused) {
  Organization org("Org1MSP");
  auto identity = org.msp()->deserialize(
      org.member("older", "client", [](crypto::CertificateRequest& request) { request.not_before -= std::chrono::hours(48); })
          .serialized());
  EXPECT_TRUE(why(identity).starts_with("the supplied identity is not valid: x509: certificate has expired or is not yet "
                                        "valid: current time 2023-12-30T00:00:01Z is before 2024-01-01T00:00:00Z"))
      << why(identity);
}

TEST(Msp, AnIntermediateIssuesAndItsRootMayNotAnyMore) {
  Organization org("Org1MSP");
  const test::Authority below = org.ca().intermediate("ica");
  auto config = org.fabric_config();
  config.add_intermediate_certs(below.pem());
  config.mutable_fabric_node_ous()->mutable_client_ou_identifier()->clear_certificate();
  auto msp = Msp::make(test::wrap(config), MspVersion::kV1_4_3);
  ASSERT_TRUE(msp) << why(msp);
  const test::Identity made = below.member("app", "client");
  auto good = (*msp)->identity_of(made.certificate);
  ASSERT_TRUE(good) << why(good);
  EXPECT_EQ(why((*good)->validate()), "ok");
  auto from_root = seen(**msp, org.client());
  EXPECT_TRUE(why(from_root->validate()).find("Parent certificate should be a leaf of the certification tree") !=
              std::string::npos)
      << why(from_root->validate());
}

TEST(Msp, ClassicAdminCertificatesNeedNoNodeOus) {
  Organization org("Org1MSP");
  auto config = org.fabric_config();
  config.clear_fabric_node_ous();
  EXPECT_EQ(why(Msp::make(test::wrap(config), MspVersion::kV1_4_3)),
            "administrators must be declared when no admin ou classification is set");
  config.add_admins(org.admin().certificate().pem());
  auto msp = Msp::make(test::wrap(config), MspVersion::kV1_4_3);
  ASSERT_TRUE(msp) << why(msp);
  EXPECT_EQ(why(seen(**msp, org.admin())->satisfies(role("Org1MSP", MSPRole::ADMIN))), "ok");
  EXPECT_EQ(why(seen(**msp, org.client())->satisfies(role("Org1MSP", MSPRole::ADMIN))), "This identity is not an admin");
  EXPECT_EQ(why(seen(**msp, org.client())->satisfies(role("Org1MSP", MSPRole::CLIENT))),
            "The identity is not a [CLIENT] under this MSP [Org1MSP]: NodeOUs not activated. Cannot tell apart identities.");
}

TEST(Msp, OldChannelsKnowClientsAndPeersOnly) {
  Organization org("Org1MSP");
  auto config = org.fabric_config();
  config.add_admins(org.client().certificate().pem());
  auto msp = Msp::make(test::wrap(config), MspVersion::kV1_1);
  ASSERT_TRUE(msp) << why(msp);
  EXPECT_EQ(why(seen(**msp, org.peer())->satisfies(role("Org1MSP", MSPRole::PEER))), "ok");
  EXPECT_EQ(why(seen(**msp, org.client())->satisfies(role("Org1MSP", MSPRole::ADMIN))), "ok");
  EXPECT_EQ(why(seen(**msp, org.orderer())->satisfies(role("Org1MSP", MSPRole::ORDERER))), "invalid MSP role type 4");
}

TEST(Msp, PrincipalsMayNameAnIdentityOrAUnitOrSeveral) {
  Organization org("Org1MSP");
  auto msp = org.msp();
  auto client = seen(*msp, org.client());
  MSPPrincipal named;
  named.set_principal_classification(MSPPrincipal::IDENTITY);
  named.set_principal(org.client().serialized());
  EXPECT_EQ(why(client->satisfies(named)), "ok");
  EXPECT_EQ(why(seen(*msp, org.peer())->satisfies(named)), "The identities do not match");

  ::common::CombinedPrincipal both;
  *both.add_principals() = named;
  *both.add_principals() = role("Org1MSP", MSPRole::CLIENT);
  MSPPrincipal combined;
  combined.set_principal_classification(MSPPrincipal::COMBINED);
  combined.set_principal(both.SerializeAsString());
  EXPECT_EQ(why(client->satisfies(combined)), "ok");

  ::common::MSPIdentityAnonymity anonymity;
  anonymity.set_anonymity_type(::common::MSPIdentityAnonymity::ANONYMOUS);
  MSPPrincipal anonymous;
  anonymous.set_principal_classification(MSPPrincipal::ANONYMITY);
  anonymous.set_principal(anonymity.SerializeAsString());
  EXPECT_EQ(why(client->satisfies(anonymous)),
            "Principal is anonymous, but X.509 MSP does not support anonymous identities");
}

TEST(Msp, ARootMustBeACa) {
  Organization org("Org1MSP");
  auto config = org.fabric_config();
  config.add_tls_root_certs(org.tls_ca().server("peer0", {"localhost"}).certificate_pem());
  EXPECT_TRUE(why(Msp::make(test::wrap(config), MspVersion::kV1_4_3)).starts_with("CA Certificate did not have the CA attribute"));
  config.clear_root_certs();
  EXPECT_EQ(why(Msp::make(test::wrap(config), MspVersion::kV1_4_3)), "expected at least one CA certificate");
}

TEST(MspManager, FindsTheMspAndRemembersIdentities) {
  Organization one("Org1MSP"), two("Org2MSP"), stranger("Org3MSP");
  auto manager = test::manager_of({&one, &two});
  auto first = manager->deserialize(one.client().serialized());
  ASSERT_TRUE(first);
  EXPECT_EQ(first->get(), manager->deserialize(one.client().serialized())->get());
  EXPECT_EQ(why(manager->deserialize(stranger.client().serialized())), "MSP Org3MSP is not defined on channel");
  EXPECT_EQ(why(manager->deserialize("\xff\xff")),
            "could not deserialize a SerializedIdentity: proto: cannot parse invalid wire-format data");
  EXPECT_NE(manager->msp("Org2MSP"), nullptr);
  EXPECT_EQ(manager->msp("Org3MSP"), nullptr);
}

TEST(WellFormed, NothingMayFollowTheCertificate) {
  Organization org("Org1MSP");
  auto msp = org.msp();
  EXPECT_EQ(why(msp->check_well_formed(org.client().serialized())), "ok");
  const std::string pem = org.client().certificate().pem();
  EXPECT_EQ(why(msp->check_well_formed(serialize_identity("Org1MSP", pem + "x"))), "no MSP provider recognizes the identity");
  EXPECT_EQ(why(msp->check_well_formed(serialize_identity("Org1MSP", "hello"))), "no MSP provider recognizes the identity");
}

class MspDirectory : public testing::Test {
 protected:
  MspDirectory() : path_(std::filesystem::path(testing::TempDir()) /
                         ("msp_" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()))) {
    std::filesystem::remove_all(path_);
    org_.write_directory(path_.string(), org_.peer());
  }
  ~MspDirectory() override { std::filesystem::remove_all(path_); }

  Result<LocalMsp> load() { return load_local_msp(path_.string(), "Org1MSP", SystemTime(test::kGoodNow)); }

  Organization org_{"Org1MSP"};
  std::filesystem::path path_;
};

TEST_F(MspDirectory, GivesASignerThatItsMspKnows) {
  auto local = load();
  ASSERT_TRUE(local) << why(local);
  auto identity = seen(*local->msp, local->signer);
  EXPECT_EQ(why(identity->verify("x", *local->signer.sign("x"))), "ok");
  EXPECT_EQ(why(identity->satisfies(role("Org1MSP", MSPRole::PEER))), "ok");
  EXPECT_EQ(local->signer.serialized(), org_.peer().serialized());
}

TEST_F(MspDirectory, WithoutACaFolderSaysWhich) {
  std::filesystem::remove_all(path_ / "cacerts");
  EXPECT_TRUE(why(load()).find((path_ / "cacerts").string()) != std::string::npos) << why(load());
}

TEST_F(MspDirectory, AKeyOfAnotherCertificateIsNamed) {
  std::ofstream(path_ / "keystore" / "priv_sk") << org_.admin().key().to_pem();
  const std::string text = why(load());
  EXPECT_TRUE(text.starts_with("Failed to setup local msp with config: KeyMaterial not found in SigningIdentityInfo")) << text;
  EXPECT_TRUE(text.find("has 1 key (public key ") != std::string::npos) << text;
}

TEST_F(MspDirectory, AnExpiredSignerSaysSinceWhenAndWhatToDo) {
  auto local = load_local_msp(path_.string(), "Org1MSP", SystemTime(test::kGoodUntil + std::chrono::hours(26)));
  ASSERT_FALSE(local);
  EXPECT_EQ(local.error().message, "Failed to setup local msp with config: signing identity expired 26h0m0s ago");
  EXPECT_TRUE(local.error().hint.find("cert.pem ended 2034-01-01T00:00:00Z") != std::string::npos) << local.error().hint;
}

TEST_F(MspDirectory, ASignerOlderThanItsCaIsExplained) {
  org_.write_directory(path_.string(), org_.member("older", "peer", [](crypto::CertificateRequest& request) {
    request.not_before -= std::chrono::hours(48);
  }));
  auto local = load();
  ASSERT_FALSE(local);
  EXPECT_TRUE(local.error().hint.find("older than its CA") != std::string::npos) << local.error().hint;
}

TEST_F(MspDirectory, TheVerifyingConfigHoldsNoSigner) {
  auto config = load_verifying_msp_config(path_.string(), "Org1MSP");
  ASSERT_TRUE(config) << why(config);
  ::msp::FabricMSPConfig fabric;
  ASSERT_TRUE(fabric.ParseFromString(config->config()));
  EXPECT_FALSE(fabric.has_signing_identity());
  EXPECT_EQ(fabric.fabric_node_ous().admin_ou_identifier().organizational_unit_identifier(), "admin");
  EXPECT_EQ(fabric.fabric_node_ous().admin_ou_identifier().certificate(), org_.ca().pem());
  EXPECT_EQ(fabric.tls_root_certs_size(), 1);
}

}  // namespace
}  // namespace selvage::identity
