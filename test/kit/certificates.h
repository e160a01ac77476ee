// Good certificates for tests: a CA makes what the test needs; each test then spoils one thing.
//
//   test::Authority ca("tlsca.org1");
//   test::Identity server = ca.server("peer0.org1", {"localhost", "127.0.0.1"});
//   test::Identity app = ca.client("app1");
//
// Everything here ends the test program when OpenSSL fails. Dates run from 2024-01-01 to 2034-01-01 unless changed.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "crypto/certificate.h"
#include "crypto/certificate_maker.h"
#include "crypto/key.h"

namespace selvage::test {

inline constexpr std::chrono::sys_seconds kGoodFrom = std::chrono::sys_days(std::chrono::year(2024) / 1 / 1);
inline constexpr std::chrono::sys_seconds kGoodUntil = std::chrono::sys_days(std::chrono::year(2034) / 1 / 1);
inline constexpr std::chrono::sys_seconds kGoodNow = std::chrono::sys_days(std::chrono::year(2026) / 11 / 23);

// A certificate with its key, and the CAs between it and its root that it should be sent with.
struct Identity {
  crypto::Certificate certificate;
  crypto::PrivateKey key;
  std::vector<crypto::Certificate> intermediates;
  [[nodiscard]] std::string certificate_pem() const { return certificate.pem(); }
  [[nodiscard]] std::string chain_pem() const;  // with the intermediates
  [[nodiscard]] std::string key_pem() const { return key.to_pem(); }
};

// Changes the request before it is signed: the one thing that a test spoils.
using Spoil = std::function<void(crypto::CertificateRequest&)>;

class Authority {
 public:
  // A self-signed root.
  explicit Authority(const std::string& common_name, const Spoil& spoil = {},
                     crypto::KeyAlgorithm algorithm = crypto::KeyAlgorithm::kEcdsaP256);
  // A CA below this one; what it issues is sent with its own certificate.
  [[nodiscard]] Authority intermediate(const std::string& common_name, const Spoil& spoil = {}) const;

  // serverAuth and clientAuth, as cryptogen makes TLS certificates.
  [[nodiscard]] Identity server(const std::string& common_name, const std::vector<std::string>& hosts,
                                const Spoil& spoil = {}) const;
  [[nodiscard]] Identity client(const std::string& common_name, const Spoil& spoil = {}) const;
  // No extended key usage, digitalSignature, one OU: as cryptogen makes enrolment certificates.
  [[nodiscard]] Identity member(const std::string& common_name, const std::string& organizational_unit = "",
                                const Spoil& spoil = {}) const;
  [[nodiscard]] Identity issue(crypto::CertificateRequest request, const Spoil& spoil = {},
                               crypto::KeyAlgorithm algorithm = crypto::KeyAlgorithm::kEcdsaP256) const;
  // The request that client() signs, for tests that sign themselves.
  [[nodiscard]] static crypto::CertificateRequest leaf_request(const std::string& common_name);

  [[nodiscard]] const crypto::Certificate& certificate() const { return certificate_; }
  [[nodiscard]] const crypto::PrivateKey& key() const { return key_; }
  [[nodiscard]] std::string pem() const { return certificate_.pem(); }

 private:
  Authority(crypto::Certificate certificate, crypto::PrivateKey key, std::vector<crypto::Certificate> above);
  crypto::Certificate certificate_;
  crypto::PrivateKey key_;
  std::vector<crypto::Certificate> sent_with_;  // this and the ones above, without the root
};

// A list, in DER, by which `ca` takes one certificate back. Its key must be ECDSA on P-256.
[[nodiscard]] Bytes revocation_list(const Authority& ca, const crypto::Certificate& taken_back);

}  // namespace selvage::test
