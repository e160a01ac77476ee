#include "shim/client_identity.h"

#include <gtest/gtest.h>

#include "crypto/certificate_maker.h"
#include "msp/identities.pb.h"

namespace selvage::shim {
namespace {

Bytes creator(const Bytes& attributes) {
  crypto::CertificateRequest request;
  request.subject.common_name = "ann";
  request.subject.organizational_unit = {"client"};
  request.not_before = std::chrono::sys_seconds(std::chrono::hours(1));
  request.not_after = std::chrono::sys_seconds(std::chrono::hours(24 * 365 * 80));
  if (!attributes.empty()) request.extra_extensions.push_back({"1.2.3.4.5.6.7.8.1", false, attributes});
  ::msp::SerializedIdentity identity;
  identity.set_mspid("Org1MSP");
  identity.set_id_bytes(crypto::issue_self_signed(request, *crypto::PrivateKey::generate_p256())->pem());
  return identity.SerializeAsString();
}

TEST(ClientIdentity, SaysWhoCalledAndWhatTheirCertificateHolds) {
  auto client = ClientIdentity::parse(creator(R"({"attrs":{"role":"manager","n":1}})"));
  ASSERT_TRUE(client) << to_string(client.error());
  EXPECT_EQ(client->mspid(), "Org1MSP");
  EXPECT_EQ(client->attribute("role"), "manager");
  EXPECT_EQ(client->attribute("other"), std::nullopt);
  EXPECT_EQ(from_base64(client->id()), "x509::CN=ann,OU=client::CN=ann,OU=client");
}

TEST(ClientIdentity, ACertificateWithoutAttributesHasNone) {
  auto client = ClientIdentity::parse(creator(""));
  ASSERT_TRUE(client);
  EXPECT_EQ(client->attribute("role"), std::nullopt);
}

TEST(ClientIdentity, BrokenAttributesAndIdentitiesAreRefused) {
  EXPECT_FALSE(ClientIdentity::parse(creator("{")));
  EXPECT_FALSE(ClientIdentity::parse("no identity"));
  EXPECT_FALSE(ClientIdentity::parse(""));
}

}  // namespace
}  // namespace selvage::shim
