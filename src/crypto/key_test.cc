#include "crypto/key.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "crypto/der.h"
#include "crypto/ecdsa_signature.h"
#include "crypto/hash.h"
#include "crypto/pem.h"

namespace selvage::crypto {
namespace {

PrivateKey good_key(KeyAlgorithm algorithm = KeyAlgorithm::kEcdsaP256) { return PrivateKey::generate(algorithm).value(); }

// The same signature with S in the upper half: as valid in mathematics, refused by Fabric.
Bytes with_high_s(BytesView signature, KeyAlgorithm algorithm) {
  EcdsaSignature numbers = parse_ecdsa_signature(signature).value();
  BytesView order = curve_order(algorithm);
  Bytes high(order.size(), '\0');
  int borrow = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    size_t at = order.size() - 1 - i;
    int difference = static_cast<uint8_t>(order[at]) - borrow;
    if (i < numbers.s.size()) difference -= static_cast<uint8_t>(numbers.s[numbers.s.size() - 1 - i]);
    borrow = difference < 0;
    high[at] = static_cast<char>(difference);
  }
  return der::wrap(der::kSequence, der::unsigned_integer(numbers.r) + der::unsigned_integer(high));
}

TEST(Key, SignsAndVerifiesWithEveryAlgorithm) {
  for (auto algorithm : {KeyAlgorithm::kEcdsaP256, KeyAlgorithm::kEcdsaP384, KeyAlgorithm::kEcdsaP521,
                         KeyAlgorithm::kEd25519, KeyAlgorithm::kRsa}) {
    PrivateKey key = good_key(algorithm);
    Bytes signature = key.sign("message").value();
    EXPECT_TRUE(key.public_key().verify("message", signature)) << name_of(algorithm);
    EXPECT_FALSE(key.public_key().verify("another", signature)) << name_of(algorithm);
    EXPECT_FALSE(good_key(algorithm).public_key().verify("message", signature)) << name_of(algorithm);
  }
}

TEST(Key, AlwaysSignsWithLowS) {
  PrivateKey key = good_key();
  Bytes half = half_curve_order(KeyAlgorithm::kEcdsaP256);
  for (int i = 0; i < 64; ++i) {
    EcdsaSignature numbers = parse_ecdsa_signature(key.sign(std::to_string(i)).value()).value();
    EXPECT_LE(compare_numbers(numbers.s, half), 0);
  }
}

TEST(Key, RefusesHighSInFabricsWords) {
  for (auto algorithm : {KeyAlgorithm::kEcdsaP256, KeyAlgorithm::kEcdsaP384}) {
    PrivateKey key = good_key(algorithm);
    Bytes high = with_high_s(key.sign("message").value(), algorithm);
    Status answer = key.public_key().verify("message", high);
    ASSERT_FALSE(answer);
    EXPECT_TRUE(answer.error().message.starts_with("Invalid S. Must be smaller than half the order ["))
        << answer.error().message;
    Bytes low = to_low_s(key.public_key(), high).value();
    EXPECT_TRUE(key.public_key().verify("message", low));
  }
}

TEST(Key, NamesTheHalfOrderInDecimal) {
  PrivateKey key = good_key();
  Status answer = key.public_key().verify("m", with_high_s(key.sign("m").value(), KeyAlgorithm::kEcdsaP256));
  ASSERT_FALSE(answer);
  EXPECT_TRUE(answer.error().message.ends_with(
      "[57896044605178124381348723474703786764998477612067880171211129530534256022184]."))
      << answer.error().message;
}

TEST(Key, IgnoresBytesAfterASignatureAsGoDoes) {
  PrivateKey key = good_key();
  EXPECT_TRUE(key.public_key().verify("m", key.sign("m").value() + "tail"));
}

TEST(Key, RefusesMalformedSignatures) {
  PublicKey key = good_key().public_key();
  for (const Bytes& bad : {Bytes(), Bytes("\x30"), Bytes("\x30\x00", 2), Bytes("garbage"),
                           der::wrap(der::kSequence, der::unsigned_integer("") + der::unsigned_integer("\1")),
                           der::wrap(der::kSequence, der::unsigned_integer("\1") + der::wrap(der::kInteger, "\xff"))}) {
    Status answer = key.verify("m", bad);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Code::kInvalidArgument);
    EXPECT_TRUE(answer.error().message.starts_with("Failed unmashalling signature")) << answer.error().message;
  }
}

TEST(Key, SurvivesPemInBothDirections) {
  for (auto algorithm : {KeyAlgorithm::kEcdsaP256, KeyAlgorithm::kEcdsaP384, KeyAlgorithm::kEd25519, KeyAlgorithm::kRsa}) {
    PrivateKey key = good_key(algorithm);
    PrivateKey again = PrivateKey::from_pem(key.to_pem()).value();
    EXPECT_EQ(again.public_key(), key.public_key());
    EXPECT_TRUE(key.public_key().verify("m", again.sign("m").value()));
    EXPECT_EQ(PublicKey::from_pem(key.public_key().to_pem()).value(), key.public_key());
  }
}

// The EC PRIVATE KEY form of a key: what its PKCS#8 form wraps, with the curve put back in.
std::string to_sec1(const PrivateKey& key, std::string_view curve_oid) {
  Bytes pkcs8 = parse_pem(key.to_pem()).at(0).der;
  BytesView content, number, algorithm, inner, fields, secret, rest;
  der::Reader outer(pkcs8);
  EXPECT_TRUE(outer.read(der::kSequence, content));
  der::Reader parts(content);
  EXPECT_TRUE(parts.read_integer(number) && parts.read(der::kSequence, algorithm) && parts.read(der::kOctetString, inner));
  der::Reader wrapped(inner);
  EXPECT_TRUE(wrapped.read(der::kSequence, fields));
  der::Reader ec(fields);
  EXPECT_TRUE(ec.read_integer(number) && ec.read(der::kOctetString, secret));
  Bytes sec1 = der::wrap(der::kSequence, der::unsigned_integer("\1") + der::wrap(der::kOctetString, secret) +
                                             der::wrap(der::context_constructed(0), der::oid(curve_oid)) +
                                             Bytes(ec.rest()));
  return encode_pem("EC PRIVATE KEY", sec1);
}

TEST(Key, ReadsSec1WithItsParametersBeforeIt) {
  PrivateKey key = good_key();
  std::string text = encode_pem("EC PARAMETERS", der::oid("1.2.840.10045.3.1.7")) + to_sec1(key, "1.2.840.10045.3.1.7");
  EXPECT_EQ(PrivateKey::from_pem(text).value().public_key(), key.public_key());
}

// It would pass for the certificate's key, and nobody could verify what it signs.
TEST(Key, RefusesAPrivateKeyWithThePublicKeyOfAnother) {
  Bytes der = parse_pem(good_key().to_pem()).at(0).der;
  const size_t secret = der.find("\x02\x01\x01\x04\x20");
  ASSERT_NE(secret, Bytes::npos);
  der[secret + 20] ^= 1;
  const auto refused = PrivateKey::from_pem(encode_pem("PRIVATE KEY", der));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "failed to parse private key");
  EXPECT_EQ(refused.error().cause, "the public key in it is that of another key");
}

TEST(Key, SaysWhatAFileIsThatHoldsNoKey) {
  auto cause = [](std::string_view text) { return to_string(PrivateKey::from_pem(text).error()); };
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "is empty", cause(" \n"));
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "certificate, no key", cause(encode_pem("CERTIFICATE", "abc")));
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "encrypted", cause(encode_pem("ENCRYPTED PRIVATE KEY", "abc")));
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "backslash-n", cause("-----BEGIN PRIVATE KEY-----\\nAAAA\\n-----END"));
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "base64 of PEM", cause(to_base64("-----BEGIN PRIVATE KEY-----\n")));
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "DER", cause(Bytes("\x30\x82\x01\x02\x03")));
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "no key of a known kind", cause(encode_pem("PRIVATE KEY", "abc")));
  EXPECT_PRED_FORMAT2(testing::IsSubstring, "no whole block", cause("-----BEGIN PRIVATE KEY-----\nAAAA\nAAAA\n"));
}

TEST(Key, RefusesPublicKeysThatAreNone) {
  Bytes good = good_key().public_key().spki_der();
  EXPECT_FALSE(PublicKey::from_spki_der(""));
  EXPECT_FALSE(PublicKey::from_spki_der(good + "x"));
  for (size_t size = 0; size < good.size(); ++size) EXPECT_FALSE(PublicKey::from_spki_der(BytesView(good).substr(0, size)));
  Bytes off_curve = good;
  off_curve.back() = static_cast<char>(off_curve.back() ^ 1);
  PublicKey key = PublicKey::from_spki_der(off_curve).value();
  EXPECT_EQ(key.native(), nullptr);
  EXPECT_FALSE(key.verify("m", good_key().sign("m").value()));
}

TEST(Key, MayBeUsedByManyThreadsAtOnce) {
  PrivateKey key = good_key();
  PublicKey copy = PublicKey::from_spki_der(key.public_key().spki_der()).value();
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int j = 0; j < 20; ++j) {
        Bytes message = std::to_string(i * 100 + j);
        good += copy.verify(message, key.sign(message).value()).has_value();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 80);
}

TEST(Key, HasFabricsSubjectKeyIdentifier) {
  PublicKey key = good_key().public_key();
  EXPECT_EQ(key.ski(), sha256(key.spki_der().substr(key.spki_der().size() - 65)));
}

}  // namespace
}  // namespace selvage::crypto
