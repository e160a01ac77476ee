// Which process may register as which chaincode.
#include "chaincode/listener/authority.h"

#include <gtest/gtest.h>

#include "tls/credentials.h"
#include "tls/trust.h"

namespace selvage::chaincode {
namespace {

const SystemTime kNow = SystemTime(std::chrono::hours(24 * 365 * 55));

struct World {
  std::unique_ptr<ChaincodeAuthority> authority = *ChaincodeAuthority::make(kNow);
  ClientPair pair = *authority->issue("basic:1", kNow);
  Bytes hash = (*tls::Credentials::from_pem(pair.certificate_pem, pair.key_pem))->leaf().sha256();

  std::string answer(const std::string& chaincode, const Bytes& certificate_hash, SystemTime now = kNow) {
    auto checked = authority->check(chaincode, certificate_hash, now);
    return checked ? "fine" : checked.error().message;
  }
};

TEST(ChaincodeAuthority, AProcessRegistersAsTheChaincodeThatItsCertificateWasMadeFor) {
  World world;
  EXPECT_EQ(world.answer("basic:1", world.hash), "fine");
}

TEST(ChaincodeAuthority, ACertificateOfAnotherChaincodeIsRefused) {
  World world;
  EXPECT_NE(world.answer("other:1", world.hash).find("belongs to a different chaincode"), std::string::npos);
}

TEST(ChaincodeAuthority, ACertificateThatNobodyAskedForIsRefused) {
  World world;
  EXPECT_EQ(world.answer("basic:1", Bytes("\x01\xff")), "Chaincode basic:1 with given certificate hash [1 255] not found in registry");
  EXPECT_EQ(world.answer("basic:1", ""), "TLS is active but chaincode basic:1 didn't send certificate");
}

TEST(ChaincodeAuthority, AfterTenMinutesItIsTooLateToRegister) {
  World world;
  EXPECT_EQ(world.answer("basic:1", world.hash, kNow + std::chrono::minutes(10)), "fine");
  EXPECT_NE(world.answer("basic:1", world.hash, kNow + std::chrono::minutes(11)).find("not found in registry"), std::string::npos);
}

TEST(ChaincodeAuthority, ADevelopersPairIsGoodForAnyName) {
  World world;
  auto pair = *world.authority->issue_for_all(kNow);
  auto hash = (*tls::Credentials::from_pem(pair.certificate_pem, pair.key_pem))->leaf().sha256();
  EXPECT_EQ(world.answer("anything:1.0", hash, kNow + std::chrono::hours(5)), "fine");
}

TEST(ChaincodeAuthority, CertificatesAreOfTheAuthorityAndLiveAsFabrics) {
  World world;
  auto root = tls::roots_from_pem(world.authority->certificate_pem(), {});
  ASSERT_TRUE(root) << to_string(root.error());
  auto leaf = (*tls::Credentials::from_pem(world.pair.certificate_pem, world.pair.key_pem))->leaf();
  EXPECT_EQ(leaf.issuer_der(), (*root)[0].certificate.subject_der());
  EXPECT_EQ(to_system_time(leaf.not_before()), kNow - std::chrono::hours(24));
  EXPECT_EQ(to_system_time(leaf.not_after()), kNow + std::chrono::hours(24));
  EXPECT_TRUE(leaf.allows(crypto::kClientAuth));
  EXPECT_FALSE(leaf.allows(crypto::kServerAuth));
  EXPECT_TRUE(world.authority->server_context("localhost", kNow));
}

}  // namespace
}  // namespace selvage::chaincode
