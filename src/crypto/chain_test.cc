#include "crypto/chain.h"

#include <gtest/gtest.h>

#include "crypto/der.h"
#include "kit/certificates.h"

namespace selvage::crypto {
namespace {

struct Question {
  explicit Question(const test::Authority& ca) : leaf(ca.client("app").certificate) {
    roots.add(ca.certificate());
    ask.now = test::kGoodNow;
    ask.usages = {kClientAuth};
  }
  [[nodiscard]] ChainAnswer answer() const { return verify_chain(leaf, intermediates, roots, ask); }
  Certificate leaf;
  CertificatePool intermediates, roots;
  ChainQuestion ask;
};

CertificatePool pool_of(const std::vector<Certificate>& certificates) {
  CertificatePool pool;
  for (const auto& one : certificates) pool.add(one);
  return pool;
}

TEST(Chain, OfAGoodLeafEndsAtItsRoot) {
  test::Authority ca("ca");
  ChainAnswer answer = Question(ca).answer();
  ASSERT_TRUE(answer.accepted());
  ASSERT_EQ(answer.chains.size(), 1u);
  EXPECT_EQ(answer.chains[0].back(), ca.certificate());
}

TEST(Chain, NeedsTheIntermediateAndTakesItFromEitherPool) {
  test::Authority root("root"), ica = root.intermediate("ica");
  Question question(root);
  question.leaf = ica.client("app").certificate;
  ChainAnswer without = question.answer();
  ASSERT_FALSE(without.accepted());
  EXPECT_EQ(without.error->fault, ChainFault::kUnknownAuthority);
  EXPECT_EQ(without.error->text, "x509: certificate signed by unknown authority");
  question.intermediates.add(ica.certificate());
  EXPECT_EQ(question.answer().chains.at(0).size(), 3u);
  question.intermediates = {};
  question.roots = pool_of({ica.certificate()});  // not self-signed, and an anchor all the same
  EXPECT_EQ(question.answer().chains.at(0).size(), 2u);
}

TEST(Chain, ThatIsItselfARootIsAccepted) {
  test::Authority ca("ca");
  Question question(ca);
  question.roots = pool_of({question.leaf});
  EXPECT_TRUE(question.answer().accepted());
}

TEST(Chain, TellsExpiredFromNotYetValidAndAtWhichDepth) {
  test::Authority ca("ca");
  Question question(ca);
  question.leaf = ca.client("old", [](auto& r) { r.not_after = test::kGoodNow - std::chrono::days(1); }).certificate;
  ChainAnswer answer = question.answer();
  ASSERT_FALSE(answer.accepted());
  EXPECT_EQ(answer.error->fault, ChainFault::kExpired);
  EXPECT_EQ(answer.error->depth, 0);
  EXPECT_EQ(answer.error->text,
            "x509: certificate has expired or is not yet valid: current time 2026-11-23T00:00:00Z is after "
            "2026-11-22T00:00:00Z");
  question.leaf = ca.client("new", [](auto& r) { r.not_before = test::kGoodNow + std::chrono::days(1); }).certificate;
  EXPECT_EQ(question.answer().error->fault, ChainFault::kNotYetValid);

  test::Authority old_ca("ca", [](auto& r) { r.not_after = test::kGoodNow - std::chrono::days(1); });
  question.leaf = old_ca.client("app").certificate;
  question.roots = pool_of({old_ca.certificate()});
  answer = question.answer();
  ASSERT_FALSE(answer.accepted());
  EXPECT_EQ(answer.error->fault, ChainFault::kExpired);
  EXPECT_EQ(answer.error->depth, 1);
  EXPECT_EQ(*answer.error->culprit, old_ca.certificate());
}

TEST(Chain, ToACaOfTheSameNameWithAnotherKeyNamesTheCandidate) {
  test::Authority ca("tlsca.org1"), other("tlsca.org1");
  Question question(ca);
  question.leaf = other.client("app").certificate;
  ChainAnswer answer = question.answer();
  ASSERT_FALSE(answer.accepted());
  EXPECT_EQ(answer.error->text,
            "x509: certificate signed by unknown authority (possibly because of \"x509: ECDSA verification failure\" while "
            "trying to verify candidate authority certificate \"tlsca.org1\")");
  EXPECT_EQ(*answer.error->candidate, ca.certificate());
}

TEST(Chain, HasUsagesThatNest) {
  test::Authority ca("ca");
  Question question(ca);
  question.leaf = ca.client("s", [](auto& r) { r.extended_key_usages = {std::string(kServerAuth)}; }).certificate;
  ChainAnswer answer = question.answer();
  ASSERT_FALSE(answer.accepted());
  EXPECT_EQ(answer.error->fault, ChainFault::kIncompatibleUsage);
  EXPECT_EQ(answer.error->text, "x509: certificate specifies an incompatible key usage");
  question.leaf = ca.client("any", [](auto& r) { r.extended_key_usages.clear(); }).certificate;
  EXPECT_TRUE(question.answer().accepted());
  test::Authority server_ca("ca", [](auto& r) { r.extended_key_usages = {std::string(kServerAuth)}; });
  question.leaf = server_ca.client("app").certificate;
  question.roots = pool_of({server_ca.certificate()});
  answer = question.answer();
  ASSERT_FALSE(answer.accepted());
  EXPECT_EQ(answer.error->depth, 1);
  question.ask.usages.clear();
  EXPECT_TRUE(question.answer().accepted());
}

TEST(Chain, RefusesSha1AndParentsThatAreNoCa) {
  test::Authority ca("ca");
  Question question(ca);
  question.leaf = ca.client("weak", [](auto& r) { r.sha1_signature = true; }).certificate;
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "insecure algorithm ECDSA-SHA1", question.answer().error->text);
  test::Authority no_ca("ca", [](auto& r) { r.is_ca = false; });
  question.leaf = no_ca.client("app").certificate;
  question.roots = pool_of({no_ca.certificate()});
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "parent certificate cannot sign this kind of certificate",
                      question.answer().error->text);
}

TEST(Chain, KeepsToPathLengthsAndCriticalExtensions) {
  test::Authority root("root", [](auto& r) { r.max_path_length = 0; }), ica = root.intermediate("ica");
  Question question(root);
  question.leaf = ica.client("app").certificate;
  question.intermediates.add(ica.certificate());
  ChainAnswer answer = question.answer();
  ASSERT_FALSE(answer.accepted());
  EXPECT_EQ(answer.error->fault, ChainFault::kPathTooLong);
  test::Authority ca("ca");
  question.roots = pool_of({ca.certificate()});
  question.leaf = ca.client("odd", [](auto& r) { r.extra_extensions = {{"1.2.3.4", true, "x"}}; }).certificate;
  EXPECT_EQ(question.answer().error->text, "x509: unhandled critical extension");
}

TEST(Chain, KeepsToNameConstraints) {
  Bytes permitted = der::wrap(der::kSequence, der::wrap(der::context(2), "org1.example.com"));
  Bytes value = der::wrap(der::kSequence, der::wrap(der::context_constructed(0), permitted));
  test::Authority ca("ca", [&](auto& r) { r.extra_extensions = {{"2.5.29.30", true, value}}; });
  Question question(ca);
  question.leaf = ca.server("peer", {"peer0.org1.example.com"}).certificate;
  EXPECT_TRUE(question.answer().accepted());
  question.leaf = ca.server("peer", {"peer0.org2.example.com"}).certificate;
  EXPECT_EQ(question.answer().error->text,
            "x509: a root or intermediate certificate is not authorized to sign for this name: DNS name "
            "\"peer0.org2.example.com\" is not permitted by any constraint");
}

TEST(Chain, EndsWhenItIsMadeToBurnTime) {
  test::Authority root("root");
  Question question(root);
  std::vector<test::Authority> ring;
  for (int i = 0; i < 30; ++i) ring.emplace_back("loop", [&](auto& r) { r.extra_extensions = {{"1.2.3", false, std::to_string(i)}}; });
  for (const auto& one : ring) question.intermediates.add(one.certificate());
  question.leaf = ring[0].client("app").certificate;
  EXPECT_FALSE(question.answer().accepted());
}

TEST(Chain, ChecksNamesAsGoDoes) {
  test::Authority ca("ca");
  auto server = [&](const std::vector<std::string>& hosts) { return ca.server("peer0", hosts).certificate; };
  Certificate good = server({"peer0.org1", "*.org2", "127.0.0.1", "::1"});
  for (const char* host : {"peer0.org1", "PEER0.org1", "peer0.org1.", "x.org2", "127.0.0.1", "::1", "[::1]"}) {
    EXPECT_EQ(check_host(good, host), std::nullopt) << host;
  }
  EXPECT_EQ(check_host(good, "localhost"), "x509: certificate is valid for peer0.org1, *.org2, not localhost");
  EXPECT_EQ(check_host(good, "a.b.org2"), "x509: certificate is valid for peer0.org1, *.org2, not a.b.org2");
  EXPECT_EQ(check_host(good, "0.0.0.0"), "x509: certificate is valid for 127.0.0.1, ::1, not 0.0.0.0");
  EXPECT_EQ(check_host(server({"a"}), "127.0.0.1"),
            "x509: cannot validate certificate for 127.0.0.1 because it doesn't contain any IP SANs");
  EXPECT_EQ(check_host(server({}), "localhost"),
            "x509: certificate is not valid for any names, but wanted to match localhost");
  EXPECT_EQ(check_host(server({}), "peer0"),
            "x509: certificate relies on legacy Common Name field, use SANs instead");
}

}  // namespace
}  // namespace selvage::crypto
