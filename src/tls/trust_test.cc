#include "tls/trust.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "crypto/pem.h"
#include "kit/handshakes.h"
#include "tls/expiry.h"
#include "tls/files_service.h"

namespace selvage::tls {
namespace {

using testing::IsSubstring;

class Files : public testing::Test {
 protected:
  Files() : folder_(std::filesystem::path(testing::TempDir()) / ("tls_files_" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder_);
  }
  ~Files() override { std::filesystem::remove_all(folder_); }
  std::string write(const std::string& name, const std::string& content) {
    std::string path = folder_ / name;
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }
  [[nodiscard]] CredentialFiles files(const std::string& certificate, const std::string& key) {
    return {write("server.crt", certificate), {"CORE_PEER_TLS_CERT_FILE", "", 0}, write("server.key", key), {"peer.tls.key.file", "core.yaml", 212}};
  }
  test::Authority ca{"tlsca.org1"};
  test::Identity server = ca.server("peer0", {"localhost"});
  std::filesystem::path folder_;
};

TEST_F(Files, OfAGoodPairAreLoaded) {
  auto loaded = load_credentials(files(server.certificate_pem() + ca.pem(), server.key_pem()));
  ASSERT_TRUE(loaded);
  EXPECT_EQ((*loaded)->leaf(), server.certificate);
  EXPECT_EQ((*loaded)->chain().size(), 2u);
}

TEST_F(Files, ThatDoNotBelongTogetherAreNamedBoth) {
  Error error = load_credentials(files(server.certificate_pem(), ca.client("x").key_pem())).error();
  EXPECT_EQ(error.message, "tls: private key does not match public key");
  EXPECT_PRED_FORMAT2(IsSubstring, "server.key [peer.tls.key.file (core.yaml:212)]", error.cause);
  EXPECT_PRED_FORMAT2(IsSubstring, "server.crt [CORE_PEER_TLS_CERT_FILE]", error.cause);
}

TEST_F(Files, WithTheLeafInSecondPlaceAreToldSo) {
  Error error = load_credentials(files(ca.pem() + server.certificate_pem(), server.key_pem())).error();
  EXPECT_EQ(error.message, "tls: private key does not match public key");
  EXPECT_PRED_FORMAT2(IsSubstring, "CN=peer0, is number 2", error.cause);
}

TEST_F(Files, ThatWereExchangedAreToldSo) {
  Error error = load_credentials(files(server.key_pem(), server.certificate_pem())).error();
  EXPECT_PRED_FORMAT2(IsSubstring, "PEM inputs may have been switched", error.message);
  EXPECT_PRED_FORMAT2(IsSubstring, "CORE_PEER_TLS_CERT_FILE", error.hint);
}

TEST_F(Files, ThatAreSomethingElseAreDescribed) {
  EXPECT_PRED_FORMAT2(IsSubstring, "looks like DER", load_credentials(files(server.certificate.der(), server.key_pem())).error().cause);
  Error error = load_credentials(files(server.certificate_pem(), crypto::encode_pem("ENCRYPTED PRIVATE KEY", "x"))).error();
  EXPECT_EQ(error.message, "tls: failed to parse private key");
  EXPECT_PRED_FORMAT2(IsSubstring, "openssl pkey", error.hint);
  CredentialFiles missing = files(server.certificate_pem(), server.key_pem());
  missing.key_path = folder_ / "none.key";
  error = load_credentials(missing).error();
  EXPECT_EQ(error.message, "open " + missing.key_path + ": no such file or directory");
  missing.key_path = folder_;
  EXPECT_PRED_FORMAT2(IsSubstring, "is a directory", load_credentials(missing).error().message);
}

TEST_F(Files, OfRootsSayWhichBlockIsBroken) {
  Origin origin{"CORE_PEER_TLS_CLIENTROOTCAS_FILES", "", 0};
  auto roots = load_roots(write("ca.pem", ca.pem() + test::Authority("two").pem()), origin);
  ASSERT_TRUE(roots);
  ASSERT_EQ(roots->size(), 2u);
  EXPECT_EQ(roots->at(1).from.index, 1);
  EXPECT_EQ(roots->at(0).from.to_string(), "CORE_PEER_TLS_CLIENTROOTCAS_FILES: " + (folder_ / "ca.pem").string());
  Error error = load_roots(write("ca.pem", ca.pem() + crypto::encode_pem("CERTIFICATE", "no")), origin).error();
  EXPECT_PRED_FORMAT2(IsSubstring, "block 2 (line 1", error.cause);
  EXPECT_PRED_FORMAT2(IsSubstring, "byte order mark", load_roots(write("ca.pem", "\xef\xbb\xbf" "x"), origin).error().cause);
}

TEST(Trust, KeepsSourcesApart) {
  test::Authority one("one"), two("two");
  TrustStore store;
  EXPECT_TRUE(store.current()->empty());
  store.set_source("channel ch1", roots_from_channel("ch1", "Org1MSP", {one.pem()}, {}).value());
  store.set_source("channel ch2", roots_from_channel("ch2", "Org2MSP", {two.pem()}, {one.pem()}).value());
  auto both = store.current();
  EXPECT_EQ(both->roots().size(), 3u);
  EXPECT_EQ(both->pool().certificates().size(), 2u);
  EXPECT_EQ(both->roots()[0].from.to_string(), "channel ch1, Org1MSP");
  EXPECT_EQ(both->roots()[2].from.to_string(), "channel ch2, Org2MSP, intermediate");
  store.set_source("channel ch1", roots_from_channel("ch1", "Org1MSP", {one.pem()}, {}).value());
  EXPECT_EQ(store.current(), both);  // nothing new, no new version
  store.remove_source("channel ch2");
  EXPECT_EQ(store.current()->roots().size(), 1u);
  EXPECT_NE(store.current()->version(), both->version());
  EXPECT_EQ(both->roots().size(), 3u);  // snapshots do not change
}

TEST(Trust, RefusesAChannelsRootThatIsNone) {
  Error error = roots_from_channel("ch1", "Org1MSP", {"not a certificate"}, {}).error();
  EXPECT_PRED_FORMAT2(IsSubstring, "channel ch1, Org1MSP", error.cause);
}

TEST(Expiry, SpeaksFabricsWords) {
  test::Authority ca("ca");
  auto texts = [&](std::chrono::sys_seconds end) {
    auto notes = expiry_notes("server TLS", ca.client("x", [&](auto& r) { r.not_after = end; }).certificate, "tls/server.crt", test::kGoodNow);
    std::string all;
    for (const auto& note : notes.due) all += note.text + "\n";
    return std::pair(all, notes.again_at);
  };
  auto [far, far_again] = texts(test::kGoodNow + std::chrono::days(30));
  EXPECT_EQ(far, "The server TLS certificate will expire on 2026-12-23 00:00:00 +0000 UTC\n");
  EXPECT_EQ(far_again, test::kGoodNow + std::chrono::days(23));
  auto [near, near_again] = texts(test::kGoodNow + std::chrono::hours(24 * 3 + 5));
  EXPECT_PRED_FORMAT2(IsSubstring, "The server TLS certificate expires within 3 days and 5 hours\n", near);
  EXPECT_FALSE(near_again);
  auto [gone, gone_again] = texts(test::kGoodNow - std::chrono::days(2));
  EXPECT_EQ(gone, "The server TLS certificate has expired\n") << "live/expiry_watch names file and remedy";
  EXPECT_EQ(expiry_week_note("enrollment").text, "The enrollment certificate will expire within one week");
}

TEST(Expiry, WarnsOfCertificatesThatOthersWillRefuse) {
  test::Authority ca("ca");
  auto count = [&](const crypto::Certificate& leaf) { return usage_notes("server TLS", {leaf}, "", true, true).size(); };
  EXPECT_EQ(count(ca.server("peer0", {"localhost"}).certificate), 0u);
  EXPECT_EQ(count(ca.server("peer0", {}).certificate), 1u);
  EXPECT_EQ(count(ca.server("peer0", {"h"}, [](auto& r) { r.extended_key_usages = {std::string(crypto::kServerAuth)}; }).certificate), 1u);
}

}  // namespace
}  // namespace selvage::tls
