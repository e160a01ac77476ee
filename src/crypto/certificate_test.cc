#include "crypto/certificate.h"

#include <gtest/gtest.h>

#include "crypto/der.h"
#include "crypto/ecdsa_signature.h"
#include "crypto/hash.h"
#include "crypto/pem.h"
#include "crypto/revocation_list.h"
#include "kit/certificates.h"

namespace selvage::crypto {
namespace {

// Made with Go 1.26's x509.CreateCertificate; the expected texts are Go's.
constexpr const char* kGoCertificate = R"(-----BEGIN CERTIFICATE-----
MIIDPDCCAuOgAwIBAgINAKvNAQIDBAUGBwgJCjAKBggqhkjOPQQDAjCBwzELMAkG
A1UEBhMCVVMxEzARBgNVBAgTCkNhbGlmb3JuaWExFjAUBgNVBAcTDVNhbiBGcmFu
Y2lzY28xGzAZBgNVBAoMEk9yZywgIk9uZSIgKyA8VHdvPjEqMAsGA1UECxMEb3Jn
MTAMBgNVBAsMBULDvHJvMA0GA1UECxMGY2xpZW50MRIwEAYDVQQDDAkgI2FwcDsg
MSAxCzAJBgNVBAUTAjc3MR0wGwYJKoZIhvcNAQkBDA5tZUBleGFtcGxlLmNvbTAg
Fw0yNDAxMDEwMDAwMDBaGA8yMDUxMDIwMzA0MDUwNlowgcMxCzAJBgNVBAYTAlVT
MRMwEQYDVQQIEwpDYWxpZm9ybmlhMRYwFAYDVQQHEw1TYW4gRnJhbmNpc2NvMRsw
GQYDVQQKDBJPcmcsICJPbmUiICsgPFR3bz4xKjALBgNVBAsTBG9yZzEwDAYDVQQL
DAVCw7xybzANBgNVBAsTBmNsaWVudDESMBAGA1UEAwwJICNhcHA7IDEgMQswCQYD
VQQFEwI3NzEdMBsGCSqGSIb3DQEJAQwObWVAZXhhbXBsZS5jb20wWTATBgcqhkjO
PQIBBggqhkjOPQMBBwNCAATDsQVOxn/QnpUZLh+8kwdfdiApwX8kcizknoSy6AKK
yzWZ4bGb+Wx3Taz0k6XznxG4ZGg/RW/wtMAti8aHHK7Ho4G3MIG0MA4GA1UdDwEB
/wQEAwIChDATBgNVHSUEDDAKBggrBgEFBQcDAjASBgNVHRMBAf8ECDAGAQH/AgED
MA0GA1UdDgQGBAQBAgMEMFAGA1UdEQRJMEeCDWEuZXhhbXBsZS5jb22CDyouYi5l
eGFtcGxlLmNvbYENeEBleGFtcGxlLmNvbYcEfwAAAYcQIAENuAAAAAAAAQAAAAAA
AjAYBggqAwQFBgcIAQQMeyJhdHRycyI6e319MAoGCCqGSM49BAMCA0cAMEQCIBG3
N1BuighxfW+pkJbk+m4DQe9HGTo+BaiT+w9l9NKuAiAdQLy403r4dZjGeDoW1Vah
uPNpS+7Deizg9H7MTx7PsQ==
-----END CERTIFICATE-----
)";

TEST(Certificate, ReadsWhatGoWroteAndSaysWhatGoSays) {
  Certificate certificate = Certificate::from_pem(kGoCertificate).value();
  EXPECT_EQ(certificate.subject(),
            "SERIALNUMBER=77,CN=\\ #app\\; 1\\ ,OU=org1+OU=B\xc3\xbcro+OU=client,O=Org\\, \\\"One\\\" \\+ \\<Two\\>,"
            "L=San Francisco,ST=California,C=US,1.2.840.113549.1.9.1=#0c0e6d65406578616d706c652e636f6d");
  EXPECT_EQ(certificate.common_name(), " #app; 1 ");
  EXPECT_EQ(certificate.organizational_units(), (std::vector<std::string>{"org1", "B\xc3\xbcro", "client"}));
  EXPECT_EQ(certificate.serial_hex(), "abcd0102030405060708090a");
  EXPECT_EQ(certificate.serial_decimal(), "53169771231948280955283179786");
  EXPECT_EQ(to_rfc3339(certificate.not_before()), "2024-01-01T00:00:00Z");
  EXPECT_EQ(to_rfc3339(certificate.not_after()), "2051-02-03T04:05:06Z");
  EXPECT_EQ(certificate.dns_names(), (std::vector<std::string>{"a.example.com", "*.b.example.com"}));
  ASSERT_EQ(certificate.ip_addresses().size(), 2u);
  EXPECT_EQ(ip_to_string(certificate.ip_addresses()[0]), "127.0.0.1");
  EXPECT_EQ(ip_to_string(certificate.ip_addresses()[1]), "2001:db8::1:0:0:2");
  EXPECT_EQ(certificate.email_addresses(), std::vector<std::string>{"x@example.com"});
  EXPECT_EQ(certificate.key_usage(), kDigitalSignature | kCertSign);
  EXPECT_TRUE(certificate.allows(kClientAuth));
  EXPECT_FALSE(certificate.allows(kServerAuth));
  EXPECT_TRUE(certificate.is_ca());
  EXPECT_EQ(certificate.max_path_length(), 3);
  EXPECT_EQ(to_hex(certificate.subject_key_id()), "01020304");
  EXPECT_EQ(certificate.version(), 3);
  EXPECT_STREQ(name_of(certificate.signature_algorithm()), "ECDSA-SHA256");
  ASSERT_NE(certificate.find_extension("1.2.3.4.5.6.7.8.1"), nullptr);
  EXPECT_EQ(certificate.find_extension("1.2.3.4.5.6.7.8.1")->value, R"({"attrs":{}})");
  EXPECT_TRUE(certificate.check_signature_from(certificate));
  EXPECT_EQ(certificate.pem(), kGoCertificate);
}

TEST(Certificate, SurvivesBytesThatAreCutOrChangedAnywhere) {
  Bytes good = Certificate::from_pem(kGoCertificate).value().der();
  for (size_t i = 0; i < good.size(); ++i) {
    EXPECT_FALSE(Certificate::from_der(BytesView(good).substr(0, i)));
    Bytes changed = good;
    changed[i] = static_cast<char>(changed[i] ^ 0x55);
    if (auto parsed = Certificate::from_der(changed)) (void)parsed->subject();
  }
  EXPECT_EQ(Certificate::from_der(good + "x").error().message, "x509: trailing data");
}

TEST(Certificate, MadeHereSaysWhatWasAsked) {
  test::Authority ca("tlsca.org1");
  test::Identity server = ca.server("peer0.org1", {"peer0.org1", "127.0.0.1", "::1"});
  const Certificate& made = server.certificate;
  EXPECT_EQ(made.subject(), "CN=peer0.org1");
  EXPECT_EQ(made.issuer(), "CN=tlsca.org1");
  EXPECT_FALSE(made.is_ca());
  EXPECT_TRUE(ca.certificate().is_ca());
  EXPECT_EQ(made.authority_key_id(), ca.certificate().subject_key_id());
  EXPECT_EQ(Bytes(ca.certificate().subject_key_id()), ca.key().public_key().ski());
  EXPECT_EQ(made.dns_names(), std::vector<std::string>{"peer0.org1"});
  ASSERT_EQ(made.ip_addresses().size(), 2u);
  EXPECT_EQ(ip_to_string(made.ip_addresses()[1]), "::1");
  EXPECT_TRUE(made.check_signature_from(ca.certificate()));
  EXPECT_EQ(made.check_signature_from(test::Authority("tlsca.org1").certificate()).error().message,
            "x509: ECDSA verification failure");
  EXPECT_EQ(ca.certificate().check_signature_from(made).error().message,
            "x509: invalid signature: parent certificate cannot sign this kind of certificate");
}

TEST(Certificate, IsSignedByCasOfOtherKinds) {
  for (auto algorithm : {KeyAlgorithm::kEcdsaP384, KeyAlgorithm::kRsa, KeyAlgorithm::kEd25519}) {
    test::Authority ca("ca", {}, algorithm);
    EXPECT_TRUE(ca.client("app").certificate.check_signature_from(ca.certificate())) << name_of(algorithm);
  }
}

TEST(Certificate, WithHighSBecomesTheSameWithLowS) {
  test::Authority ca("ca");
  Certificate low = ca.client("app").certificate;
  EXPECT_EQ(low.with_low_s(ca.key().public_key()).value(), low);  // nothing to do
  // N - s of the signature that is there.
  EcdsaSignature numbers = parse_ecdsa_signature(low.signature()).value();
  Bytes order(curve_order(KeyAlgorithm::kEcdsaP256)), high(32, '\0');
  numbers.s.insert(0, 32 - numbers.s.size(), '\0');
  int borrow = 0;
  for (size_t i = 32; i-- > 0;) {
    int difference = static_cast<uint8_t>(order[i]) - static_cast<uint8_t>(numbers.s[i]) - borrow;
    borrow = difference < 0;
    high[i] = static_cast<char>(difference);
  }
  Bytes signature = der::wrap(der::kSequence, der::unsigned_integer(numbers.r) + der::unsigned_integer(high));
  Bytes algorithm = der::wrap(der::kSequence, der::oid("1.2.840.10045.4.3.2"));
  Certificate spoilt =
      Certificate::from_der(der::wrap(der::kSequence, Bytes(low.tbs_der()) + algorithm + der::bit_string(signature))).value();
  ASSERT_NE(spoilt, low);
  EXPECT_TRUE(spoilt.check_signature_from(ca.certificate()));  // X.509 does not mind
  EXPECT_EQ(spoilt.with_low_s(ca.key().public_key()).value(), low);
}

TEST(Certificate, BundleWithABrokenBlockNamesBlockAndLine) {
  std::string good = Certificate::from_pem(kGoCertificate)->pem();
  EXPECT_EQ(Certificate::all_from_pem("intro\n" + good + good)->size(), 2u);
  EXPECT_TRUE(Certificate::from_pem(encode_pem("PRIVATE KEY", "x") + good));
  Error error = Certificate::all_from_pem(good + encode_pem("CERTIFICATE", "not one")).error();
  EXPECT_EQ(error.message, "x509: malformed certificate");
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "block 2 (line ", error.cause);
  error = Certificate::all_from_pem(good + "-----BEGIN CERTIFICATE-----\nAAA!\n-----END CERTIFICATE-----\n").error();
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "not whole", error.cause);
}

TEST(Certificate, ReadsWindowsLinesAndTextAroundBlocks) {
  std::string text;
  for (const char* at = kGoCertificate; *at; ++at) text += *at == '\n' ? std::string("\r\n") : std::string(1, *at);
  EXPECT_TRUE(Certificate::from_pem("Bag Attributes: x\r\n" + text + "\r\n"));
}

TEST(Certificate, AddressesAreReadAsGoReadsThem) {
  EXPECT_EQ(to_hex(ip_from_string("::1").value()), "00000000000000000000000000000001");
  EXPECT_EQ(to_hex(ip_from_string("::ffff:1.2.3.4").value()), "01020304");
  for (const char* bad : {"", "1.2.3", "1.2.3.256", "01.2.3.4", "1::2::3", "12345::", "localhost", ":::", "1:2:3:4:5:6:7"}) {
    EXPECT_FALSE(ip_from_string(bad)) << bad;
  }
}

TEST(RevocationList, RevokesBySerialAndIsSignedByItsIssuer) {
  test::Authority ca("ca");
  Certificate revoked = ca.client("bad").certificate, fine = ca.client("good").certificate;
  Bytes algorithm = der::wrap(der::kSequence, der::oid("1.2.840.10045.4.3.2"));
  Bytes time = der::wrap(der::kUtcTime, "260101000000Z");
  Bytes entry = der::wrap(der::kSequence, der::wrap(der::kInteger, revoked.serial_bytes()) + time);
  Bytes tbs = der::wrap(der::kSequence, der::unsigned_integer("\1") + algorithm + Bytes(ca.certificate().subject_der()) +
                                            time + time + der::wrap(der::kSequence, entry));
  Bytes list = der::wrap(der::kSequence, tbs + algorithm + der::bit_string(ca.key().sign(tbs).value()));
  RevocationList parsed = RevocationList::from_pem(encode_pem("X509 CRL", list)).value();
  EXPECT_TRUE(parsed.revokes(revoked));
  EXPECT_FALSE(parsed.revokes(fine));
  EXPECT_EQ(parsed.issuer_der(), ca.certificate().subject_der());
  EXPECT_TRUE(parsed.check_signature_from(ca.certificate()));
  EXPECT_FALSE(parsed.check_signature_from(test::Authority("ca").certificate()));
  for (size_t i = 0; i < list.size(); ++i) EXPECT_FALSE(RevocationList::from_der(BytesView(list).substr(0, i)));
}

}  // namespace
}  // namespace selvage::crypto
