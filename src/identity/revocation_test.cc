#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "identity/msp.h"
#include "kit/identities.h"
#include "msp/msp_config.pb.h"
#include "msp/msp_principal.pb.h"

namespace selvage::identity {
namespace {

std::string why(const Status& status) { return status ? std::string("ok") : status.error().message; }
template <class T>
std::string why(const Result<T>& result) {
  return result ? std::string("ok") : result.error().message;
}

Bytes file(const char* name) {
  std::ifstream in(std::string(SELVAGE_SOURCE_DIR "/src/identity/testdata/") + name);
  return Bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
}

::msp::FabricMSPConfig config() {
  ::msp::FabricMSPConfig config;
  config.set_name("Org1MSP");
  config.add_root_certs(file("revoking_ca.pem"));
  config.add_revocation_list(file("revoked.crl.pem"));
  config.mutable_fabric_node_ous()->set_enable(true);
  config.mutable_fabric_node_ous()->mutable_client_ou_identifier()->set_organizational_unit_identifier("client");
  config.mutable_fabric_node_ous()->mutable_admin_ou_identifier()->set_organizational_unit_identifier("admin");
  return config;
}

Status validity(const Msp& msp, const char* certificate) {
  auto identity = msp.deserialize(serialize_identity("Org1MSP", file(certificate)));
  if (!identity) return fail(identity.error());
  return (*identity)->validate();
}

TEST(Revocation, ARevokedCertificateIsInvalidAndItsSiblingIsNot) {
  auto msp = Msp::make(test::wrap(config()), MspVersion::kV1_4_3);
  ASSERT_TRUE(msp) << why(msp);
  EXPECT_EQ(why(validity(**msp, "good.pem")), "ok");
  EXPECT_EQ(why(validity(**msp, "revoked.pem")),
            "could not validate identity against certification chain: The certificate has been revoked");
}

TEST(Revocation, WithoutTheListNobodyIsRevoked) {
  auto without = config();
  without.clear_revocation_list();
  EXPECT_EQ(why(validity(**Msp::make(test::wrap(without), MspVersion::kV1_4_3), "revoked.pem")), "ok");
  without.add_revocation_list("nonsense");
  EXPECT_TRUE(why(Msp::make(test::wrap(without), MspVersion::kV1_4_3)).starts_with("could not parse RevocationList"));
}

TEST(OrganizationalUnits, OnlyTheNamedOnesOfTheNamedCaAreLetIn) {
  test::Organization org("Org1MSP");
  auto with_unit = org.fabric_config();
  auto* unit = with_unit.add_organizational_unit_identifiers();
  unit->set_certificate(org.ca().pem());
  unit->set_organizational_unit_identifier("sales");
  auto msp = Msp::make(test::wrap(with_unit), MspVersion::kV1_4_3);
  ASSERT_TRUE(msp) << why(msp);
  const auto validate = [&](const std::vector<std::string>& units) {
    auto signer = org.member("one", units[0], [&](crypto::CertificateRequest& request) {
      request.subject.organizational_unit = units;
    });
    return why((*(*msp)->deserialize(signer.serialized()))->validate());
  };
  EXPECT_EQ(validate({"client", "sales"}), "ok");
  EXPECT_TRUE(validate({"client"}).find("none of the identity's organizational units [client(") != std::string::npos);

  // The principal names the unit with the hash of the CAs above the identity.
  ::common::OrganizationUnit wanted;
  wanted.set_msp_identifier("Org1MSP");
  wanted.set_organizational_unit_identifier("sales");
  ::common::MSPPrincipal principal;
  principal.set_principal_classification(::common::MSPPrincipal::ORGANIZATION_UNIT);
  auto seller = org.member("seller", "client", [](crypto::CertificateRequest& request) {
    request.subject.organizational_unit = {"client", "sales"};
  });
  auto identity = *(*msp)->deserialize(seller.serialized());
  principal.set_principal(wanted.SerializeAsString());
  EXPECT_EQ(why(identity->satisfies(principal)), "The identities do not match");
  wanted.set_certifiers_identifier(org.ca().certificate().sha256());
  principal.set_principal(wanted.SerializeAsString());
  EXPECT_EQ(why(identity->satisfies(principal)), "ok");

  // A unit of a CA that is not ours is a mistake of the configuration.
  test::Organization other("Org2MSP");
  unit->set_certificate(other.ca().pem());
  EXPECT_TRUE(why(Msp::make(test::wrap(with_unit), MspVersion::kV1_4_3)).starts_with("failed getting certificate for [sales]"));
}

TEST(KeyAlgorithms, Ed25519NeedsV3) {
  test::Organization org("Org1MSP");
  auto request = test::Authority::leaf_request("edward");
  request.subject.organizational_unit = {"client"};
  request.extended_key_usages.clear();
  const test::Identity made = org.ca().issue(request, {}, crypto::KeyAlgorithm::kEd25519);
  const Bytes signature = *made.key.sign("hello");
  for (const auto& [version, expected] :
       {std::pair(MspVersion::kV1_4_3, "could not validate identity's public key algorithm: Ed25519 is not supported"),
        std::pair(MspVersion::kV3_0, "ok")}) {
    auto msp = Msp::make(org.msp_config(), version);
    auto identity = (*msp)->identity_of(made.certificate);
    ASSERT_TRUE(identity) << why(identity);
    EXPECT_EQ(why((*identity)->validate()), expected);
    EXPECT_EQ(why((*identity)->verify("hello", signature)), "ok");
  }
}

}  // namespace
}  // namespace selvage::identity
