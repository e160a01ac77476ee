#include "tls/catalogue/catalogue.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

namespace selvage::tls {
namespace {

int first_code_of(std::string_view line) {
  auto found = recognise(line);
  return found.empty() || found.front().codes.empty() ? 0 : found.front().codes.front();
}

TEST(Catalogue, HoldsEveryCodeOnceWithSomethingToDo) {
  ASSERT_EQ(codes().size(), 58u);
  for (size_t i = 0; i < codes().size(); ++i) {
    const Code& code = codes()[i];
    EXPECT_EQ(code.number, static_cast<int>(i + 1));
    EXPECT_FALSE(code.title.empty() || code.cause.empty() || code.fault.empty()) << code.number;
    EXPECT_FALSE(code.fixes.empty()) << code.number;
  }
}

TEST(Catalogue, PhrasesNameCodesThatExistAndAreNotHiddenByEarlierOnes) {
  std::set<std::string_view> words;
  for (const Phrase& phrase : phrases()) {
    EXPECT_TRUE(words.insert(phrase.words).second) << phrase.words;
    EXPECT_FALSE(phrase.codes.empty()) << phrase.words;
    for (int number : phrase.codes) EXPECT_NE(find_code(number), nullptr) << phrase.words;
    EXPECT_EQ(recognise(phrase.words).empty(), false) << phrase.words;
  }
}

TEST(Catalogue, TranslatesTheLineThatStartedIt) {
  auto found = recognise(
      "E1123 ssl_transport_security.cc:1468] Handshake failed with fatal error SSL_ERROR_SSL: error:10000412:SSL "
      "routines:OPENSSL_internal:SSLV3_ALERT_BAD_CERTIFICATE / sslv3 alert bad certificate.");
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found.front().codes.front(), 1);
  EXPECT_NE(found.front().phrase->meaning.find("the connection spoke TLS"), std::string_view::npos);
}

TEST(Catalogue, TellsWhoseCertificateALineIsAbout) {
  EXPECT_EQ(
      first_code_of(
          "Server TLS handshake failed in 1.9ms with error tls: failed to verify certificate: x509: certificate has "
          "expired or is not yet valid: current time T is after N server=PeerServer remoteaddress=10.0.0.7:5"),
      7);
  EXPECT_EQ(
      first_code_of(
          "Client TLS handshake failed after 1.9ms with error: tls: failed to verify certificate: x509: certificate "
          "has expired or is not yet valid: current time T is after N remoteaddress=10.0.0.7:7051"),
      26);
  EXPECT_EQ(
      first_code_of("Server TLS handshake failed in 2ms with error remote error: tls: bad certificate server=Orderer"),
      25);
  EXPECT_EQ(first_code_of("x509: certificate is valid for 127.0.0.1, not 0.0.0.0"), 31);
  EXPECT_EQ(first_code_of("x509: certificate is valid for orderer.example.com, not localhost"), 28);
  EXPECT_EQ(first_code_of("Error: invalid character 'C' looking for beginning of value"), 46);
}

TEST(Catalogue, KnowsItsOwnCodesAndIgnoresCaseAndLineBreaks) {
  EXPECT_EQ(first_code_of("Error: cannot use orderer0:7050 (TLS-51): ..."), 51);
  EXPECT_EQ(first_code_of("PKIX   path\n  building FAILED"), 25);
  EXPECT_TRUE(recognise("all is well").empty());
  EXPECT_TRUE(recognise("TLS-99 tls-").empty());
  EXPECT_TRUE(recognise("").empty());
}

// The pages are made from the same table as the programs' answers. SELVAGE_WRITE_PAGES=1 writes them anew.
TEST(Catalogue, PagesOfTheDocumentationAreMadeFromIt) {
  const std::string folder = SELVAGE_SOURCE_DIR "/doc/tls/";
  auto check = [&](const std::string& name, const std::string& wanted) {
    if (std::getenv("SELVAGE_WRITE_PAGES") != nullptr) std::ofstream(folder + name) << wanted;
    std::ifstream file(folder + name);
    std::ostringstream text;
    text << file.rdbuf();
    EXPECT_EQ(text.str(), wanted) << name << ": run tls_test with SELVAGE_WRITE_PAGES=1";
  };
  check("README.md", page_of_all());
  for (const Code& code : codes()) check(code_name(code.number) + ".md", page_of(code));
}

}  // namespace
}  // namespace selvage::tls
