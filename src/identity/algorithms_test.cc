// Kinds of keys, of chains and of times that an MSP meets in the field.
#include <gtest/gtest.h>

#include "crypto/certificate_maker.h"
#include "identity/msp.h"
#include "kit/identities.h"
#include "msp/msp_config.pb.h"
#include "msp/msp_principal.pb.h"

namespace selvage::identity {
namespace {

using crypto::KeyAlgorithm;

std::string why(const Status& status) { return status ? std::string("ok") : status.error().message; }
template <class T>
std::string why(const Result<T>& result) {
  return result ? std::string("ok") : result.error().message;
}

// An organisation whose CA, and whose members, have keys of the kinds given.
struct Org {
  explicit Org(KeyAlgorithm ca_algorithm = KeyAlgorithm::kEcdsaP256) : ca("ca.org1", {}, ca_algorithm) {
    config.set_name("Org1MSP");
    config.add_root_certs(ca.pem());
    auto& ous = *config.mutable_fabric_node_ous();
    ous.set_enable(true);
    ous.mutable_client_ou_identifier()->set_organizational_unit_identifier("client");
    ous.mutable_admin_ou_identifier()->set_organizational_unit_identifier("admin");
    ous.mutable_peer_ou_identifier()->set_organizational_unit_identifier("peer");
    ous.mutable_orderer_ou_identifier()->set_organizational_unit_identifier("orderer");
  }
  [[nodiscard]] static test::Identity client_of(const test::Authority& issuer, KeyAlgorithm algorithm = KeyAlgorithm::kEcdsaP256,
                                                const test::Spoil& spoil = {}) {
    auto request = test::Authority::leaf_request("user1");
    request.subject.organizational_unit = {"client"};
    request.extended_key_usages.clear();
    return issuer.issue(request, spoil, algorithm);
  }
  [[nodiscard]] Result<std::shared_ptr<const Msp>> msp(MspVersion version = MspVersion::kV3_0) const {
    return Msp::make(test::wrap(config), version);
  }
  // What the MSP says to the identity: the first error on the way, or of its validation.
  [[nodiscard]] std::string judge(const test::Identity& who, MspVersion version = MspVersion::kV3_0) const {
    auto made = msp(version);
    if (!made) return "set-up: " + why(made);
    auto identity = (*made)->identity_of(who.certificate);
    if (!identity) return why(identity);
    return why((*identity)->validate());
  }

  test::Authority ca;
  ::msp::FabricMSPConfig config;
};

TEST(KeyAlgorithms, EveryEcdsaCurveIsFineInCasAndMembers) {
  for (KeyAlgorithm ca : {KeyAlgorithm::kEcdsaP256, KeyAlgorithm::kEcdsaP384, KeyAlgorithm::kEcdsaP521}) {
    Org org(ca);
    for (KeyAlgorithm member : {KeyAlgorithm::kEcdsaP256, KeyAlgorithm::kEcdsaP384, KeyAlgorithm::kEcdsaP521}) {
      const test::Identity who = Org::client_of(org.ca, member);
      EXPECT_EQ(org.judge(who, MspVersion::kV1_4_3), "ok") << crypto::name_of(ca) << ", " << crypto::name_of(member);
      auto identity = *(*org.msp())->identity_of(who.certificate);
      const Bytes signature = *who.key.sign("hello");
      EXPECT_EQ(why(identity->verify("hello", signature)), "ok") << crypto::name_of(member);
      EXPECT_EQ(why(identity->verify("hullo", signature)), "The signature is invalid") << crypto::name_of(member);
    }
  }
}

TEST(KeyAlgorithms, AnRsaCaMayIssueButAnRsaMemberIsRefused) {
  Org org(KeyAlgorithm::kRsa);
  EXPECT_EQ(org.judge(Org::client_of(org.ca)), "ok");
  EXPECT_EQ(org.judge(Org::client_of(org.ca, KeyAlgorithm::kRsa)),
            "could not validate identity's public key algorithm: RSA is not supported");
}

TEST(KeyAlgorithms, AnEd25519CaMayIssueWhateverTheVersion) {
  Org org(KeyAlgorithm::kEd25519);
  EXPECT_EQ(org.judge(Org::client_of(org.ca), MspVersion::kV1_4_3), "ok");
  EXPECT_EQ(org.judge(Org::client_of(org.ca, KeyAlgorithm::kEd25519)), "ok");
}

TEST(KeyAlgorithms, AnEd25519SignatureIsCheckedInFull) {
  Org org;
  const test::Identity who = Org::client_of(org.ca, KeyAlgorithm::kEd25519);
  auto identity = *(*org.msp())->identity_of(who.certificate);
  const Bytes signature = *who.key.sign("hello");
  EXPECT_EQ(why(identity->verify("hello", signature)), "ok");
  EXPECT_NE(why(identity->verify("hullo", signature)), "ok");
  EXPECT_NE(why(identity->verify("hello", signature + "x")), "ok");
  EXPECT_NE(why(identity->verify("hello", signature.substr(1))), "ok");
  EXPECT_NE(why(identity->verify("hello", "")), "ok");
}

TEST(Chains, GoThroughIntermediateCasOfAnyDepth) {
  Org org;
  const test::Authority first = org.ca.intermediate("ica1.org1");
  const test::Authority second = first.intermediate("ica2.org1");
  org.config.add_intermediate_certs(first.pem());
  org.config.add_intermediate_certs(second.pem());
  EXPECT_EQ(org.judge(Org::client_of(second)), "ok");
  // A CA that has CAs below it issues no identities.
  EXPECT_NE(org.judge(Org::client_of(first)).find("invalid validation chain. Parent certificate should be a leaf of the certification tree"),
            std::string::npos);
  EXPECT_NE(org.judge(Org::client_of(org.ca)).find("invalid validation chain. Parent certificate should be a leaf of the certification tree"),
            std::string::npos);
}

TEST(Chains, NeedEveryCaOnTheWay) {
  Org org;
  const test::Authority missing = org.ca.intermediate("ica1.org1");
  EXPECT_EQ(org.judge(Org::client_of(missing)),
            "the supplied identity is not valid: x509: certificate signed by unknown authority");
  // And the CA itself must be below a root.
  const test::Authority stranger("ca.stranger");
  const test::Authority below = stranger.intermediate("ica.stranger");
  org.config.add_intermediate_certs(below.pem());
  EXPECT_EQ(org.judge(Org::client_of(org.ca)),
            "set-up: the supplied identity is not valid: x509: certificate signed by unknown authority");
}

TEST(Chains, ACaIsNoIdentity) {
  Org org;
  const test::Authority below = org.ca.intermediate("ica1.org1");
  EXPECT_EQ(org.judge({below.certificate(), below.key(), {}}),
            "could not obtain certification chain: An X509 certificate with Basic Constraint: Certificate Authority equals "
            "true cannot be used as an identity");
}

TEST(Chains, AnIntermediateThatIsNoCaFailsTheSetUp) {
  Org org;
  org.config.add_intermediate_certs(Org::client_of(org.ca).certificate_pem());
  EXPECT_TRUE(org.judge(Org::client_of(org.ca)).starts_with("set-up: CA Certificate did not have the CA attribute, (SN: "))
      << org.judge(Org::client_of(org.ca));
}

TEST(Chains, TlsCasAreCheckedAsTheOthers) {
  Org org;
  const test::Authority tls("tlsca.org1");
  org.config.add_tls_root_certs(tls.pem());
  org.config.add_tls_intermediate_certs(tls.intermediate("tlsica.org1").pem());
  EXPECT_EQ(org.judge(Org::client_of(org.ca)), "ok");
  org.config.add_tls_root_certs(tls.client("leaf").certificate_pem());
  EXPECT_TRUE(org.judge(Org::client_of(org.ca)).starts_with("set-up: CA Certificate did not have the CA attribute, (SN: "));
}

TEST(Times, AnExpiredRootOrIntermediateStillHoldsItsMembers) {
  // As of the member's own first second everything above it was valid: that is all an MSP asks.
  Org org;
  const auto past = [](crypto::CertificateRequest& request) {
    request.not_before = test::kGoodFrom;
    request.not_after = test::kGoodFrom + std::chrono::hours(48);
  };
  const test::Authority old("ca.old", past);
  org.config.clear_root_certs();
  org.config.add_root_certs(old.pem());
  EXPECT_EQ(org.judge(Org::client_of(old, KeyAlgorithm::kEcdsaP256, past)), "ok");
  const test::Identity later = Org::client_of(old, KeyAlgorithm::kEcdsaP256, [](crypto::CertificateRequest& request) {
    request.not_before = test::kGoodFrom + std::chrono::hours(72);
    request.not_after = test::kGoodFrom + std::chrono::hours(96);
  });
  EXPECT_TRUE(org.judge(later).starts_with("the supplied identity is not valid: x509: certificate has expired or is not yet valid"))
      << org.judge(later);
}

TEST(NodeOus, OneMayNameItsCa) {
  Org org;
  const test::Authority other = test::Authority("ca2.org1");
  org.config.add_root_certs(other.pem());
  org.config.mutable_fabric_node_ous()->mutable_client_ou_identifier()->set_certificate(org.ca.pem());
  EXPECT_EQ(org.judge(Org::client_of(org.ca)), "ok");
  EXPECT_TRUE(org.judge(Org::client_of(other)).starts_with("could not validate identity's OUs: certifiersIdentifier does not match: [client("))
      << org.judge(Org::client_of(other));
}

TEST(NodeOus, WithoutAnyIdentifierTheyAreOff) {
  Org org;
  org.config.clear_fabric_node_ous();
  org.config.mutable_fabric_node_ous()->set_enable(true);
  EXPECT_EQ(org.judge(Org::client_of(org.ca)), "set-up: administrators must be declared when no admin ou classification is set");
  org.config.add_admins(Org::client_of(org.ca).certificate_pem());
  EXPECT_EQ(org.judge(Org::client_of(org.ca)), "ok");
}

TEST(AdminCertificates, MustBeValidMembersThemselves) {
  Org org;
  org.config.add_admins(Org::client_of(test::Authority("ca.stranger")).certificate_pem());
  EXPECT_EQ(org.judge(Org::client_of(org.ca)),
            "set-up: the supplied identity is not valid: x509: certificate signed by unknown authority");
  org.config.clear_admins();
  const test::Identity peer = Org::client_of(org.ca, KeyAlgorithm::kEcdsaP256, [](crypto::CertificateRequest& request) {
    request.subject.organizational_unit = {"peer"};
  });
  org.config.add_admins(peer.certificate_pem());
  EXPECT_EQ(org.judge(Org::client_of(org.ca)),
            "set-up: admin 0 is invalid [The identity does not contain OU [CLIENT], MSP: [Org1MSP],The identity does not contain "
            "OU [ADMIN], MSP: [Org1MSP]]");
}

}  // namespace
}  // namespace selvage::identity
