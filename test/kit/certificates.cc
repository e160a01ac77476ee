#include "kit/certificates.h"

#include <cstdio>
#include <cstdlib>

#include "crypto/der.h"

namespace selvage::test {
namespace {

template <class T>
T must(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "test kit: %s\n", to_string(result.error()).c_str());
    std::abort();
  }
  return std::move(*result);
}

crypto::CertificateRequest ca_request(const std::string& common_name, const Spoil& spoil) {
  crypto::CertificateRequest request;
  request.subject.common_name = common_name;
  request.not_before = kGoodFrom;
  request.not_after = kGoodUntil;
  request.is_ca = true;
  request.key_usage = crypto::kDigitalSignature | crypto::kKeyEncipherment | crypto::kCertSign | crypto::kCrlSign;
  request.extended_key_usages = {std::string(crypto::kClientAuth), std::string(crypto::kServerAuth)};
  if (spoil) spoil(request);
  return request;
}

}  // namespace

std::string Identity::chain_pem() const {
  std::string pem = certificate.pem();
  for (const auto& one : intermediates) pem += one.pem();
  return pem;
}

Authority::Authority(crypto::Certificate certificate, crypto::PrivateKey key, std::vector<crypto::Certificate> above)
    : certificate_(std::move(certificate)), key_(std::move(key)), sent_with_(std::move(above)) {}

Authority::Authority(const std::string& common_name, const Spoil& spoil, crypto::KeyAlgorithm algorithm)
    : Authority([&] {
        auto key = must(crypto::PrivateKey::generate(algorithm));
        auto certificate = must(crypto::issue_self_signed(ca_request(common_name, spoil), key));
        return Authority(std::move(certificate), std::move(key), {});
      }()) {}

Authority Authority::intermediate(const std::string& common_name, const Spoil& spoil) const {
  auto key = must(crypto::PrivateKey::generate_p256());
  auto certificate = must(crypto::issue(ca_request(common_name, spoil), key.public_key(), certificate_, key_));
  std::vector<crypto::Certificate> above{certificate};
  above.insert(above.end(), sent_with_.begin(), sent_with_.end());
  return Authority(std::move(certificate), std::move(key), std::move(above));
}

crypto::CertificateRequest Authority::leaf_request(const std::string& common_name) {
  crypto::CertificateRequest request;
  request.subject.common_name = common_name;
  request.not_before = kGoodFrom;
  request.not_after = kGoodUntil;
  request.key_usage = crypto::kDigitalSignature | crypto::kKeyEncipherment;
  request.extended_key_usages = {std::string(crypto::kServerAuth), std::string(crypto::kClientAuth)};
  return request;
}

Identity Authority::issue(crypto::CertificateRequest request, const Spoil& spoil, crypto::KeyAlgorithm algorithm) const {
  if (spoil) spoil(request);
  auto key = must(crypto::PrivateKey::generate(algorithm));
  auto certificate = must(crypto::issue(request, key.public_key(), certificate_, key_));
  return {std::move(certificate), std::move(key), sent_with_};
}

Identity Authority::server(const std::string& common_name, const std::vector<std::string>& hosts,
                           const Spoil& spoil) const {
  auto request = leaf_request(common_name);
  crypto::add_hosts(request, hosts);
  return issue(std::move(request), spoil);
}

Identity Authority::client(const std::string& common_name, const Spoil& spoil) const {
  return issue(leaf_request(common_name), spoil);
}

Identity Authority::member(const std::string& common_name, const std::string& organizational_unit,
                           const Spoil& spoil) const {
  auto request = leaf_request(common_name);
  request.extended_key_usages.clear();
  request.key_usage = crypto::kDigitalSignature;
  if (!organizational_unit.empty()) request.subject.organizational_unit = {organizational_unit};
  return issue(std::move(request), spoil);
}

Bytes revocation_list(const Authority& ca, const crypto::Certificate& taken_back) {
  namespace der = crypto::der;
  const Bytes algorithm = der::wrap(der::kSequence, der::oid("1.2.840.10045.4.3.2"));
  const Bytes time = der::wrap(der::kUtcTime, "260101000000Z");
  const Bytes entry = der::wrap(der::kSequence, der::wrap(der::kInteger, taken_back.serial_bytes()) + time);
  const Bytes tbs = der::wrap(der::kSequence, der::unsigned_integer("\1") + algorithm + Bytes(ca.certificate().subject_der()) + time + time +
                                                  der::wrap(der::kSequence, entry));
  return der::wrap(der::kSequence, tbs + algorithm + der::bit_string(ca.key().sign(tbs).value()));
}

}  // namespace selvage::test
