#include "tools/cryptogen/authority.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "crypto/certificate_maker.h"
#include "crypto/hash.h"
#include "tools/terminal.h"

namespace selvage::tools::cryptogen {
namespace {

using namespace std::chrono_literals;

std::vector<std::string> one_of(const std::string& given, const char* fallback) {
  if (!given.empty()) return {given};
  return *fallback ? std::vector<std::string>{fallback} : std::vector<std::string>{};
}

// Valid for ten years, from five minutes ago: clocks differ.
crypto::CertificateRequest request_for(const Node& names, const std::string& common_name,
                                       std::chrono::sys_seconds now) {
  crypto::CertificateRequest request;
  request.subject.country = one_of(names.country, "US");
  request.subject.province = one_of(names.province, "California");
  request.subject.locality = one_of(names.locality, "San Francisco");
  request.subject.organizational_unit = one_of(names.organizational_unit, "");
  request.subject.street_address = one_of(names.street_address, "");
  request.subject.postal_code = one_of(names.postal_code, "");
  request.subject.common_name = common_name;
  request.not_before = std::chrono::round<std::chrono::minutes>(now) - 5min;
  request.not_after = request.not_before + 3650 * 24h;
  return request;
}

// The files of a folder whose names end with `ending`, in order.
std::optional<std::string> find_by_ending(const std::string& folder, const std::string& ending) {
  std::vector<std::string> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error))
    if (entry.path().filename().string().ends_with(ending)) found.push_back(entry.path().string());
  if (found.empty()) return std::nullopt;
  return *std::min_element(found.begin(), found.end());
}

}  // namespace

Result<crypto::PrivateKey> create_key(const std::string& folder, const std::string& algorithm) {
  if (algorithm != "ecdsa" && algorithm != "ed25519")
    return fail(Code::kInvalidArgument, "Unsupported key algorithm: " + algorithm, "", "use ecdsa or ed25519");
  SELVAGE_TRY(auto key, crypto::PrivateKey::generate(algorithm == "ecdsa" ? crypto::KeyAlgorithm::kEcdsaP256
                                                                          : crypto::KeyAlgorithm::kEd25519));
  Bytes pem = key.to_pem();
  auto written = write_file(folder + "/priv_sk", pem, 0600);
  crypto::wipe(pem);
  if (!written) return fail(written.error().within("failed to save private key to file " + folder + "/priv_sk"));
  return key;
}

Result<Authority> Authority::create(const std::string& folder, const std::string& organization, const std::string& name,
                                    const Node& names, std::chrono::sys_seconds now) {
  SELVAGE_CHECK(make_folder(folder));
  SELVAGE_TRY(auto key, create_key(folder, names.key_algorithm));
  crypto::CertificateRequest request = request_for(names, name, now);
  request.subject.organization = {organization};
  request.is_ca = true;
  request.key_usage = crypto::kDigitalSignature | crypto::kKeyEncipherment | crypto::kCertSign | crypto::kCrlSign;
  request.extended_key_usages = {std::string(crypto::kClientAuth), std::string(crypto::kServerAuth)};
  SELVAGE_TRY(auto certificate, crypto::issue_self_signed(request, key));
  SELVAGE_CHECK(write_file(folder + "/" + name + "-cert.pem", certificate.pem()));
  return Authority(name, names, std::move(certificate), std::move(key));
}

Result<Authority> Authority::load(const std::string& folder, const std::string& name, const Node& names) {
  const auto key_file = find_by_ending(folder, "_sk");
  const auto certificate_file = find_by_ending(folder, ".pem");
  if (!key_file || !certificate_file)
    return fail(Code::kNotFound, "no certificate authority in " + folder, "",
                "it needs a certificate (*.pem) and its private key (*_sk)");
  SELVAGE_TRY(Bytes key_pem, read_file(*key_file));
  auto key = crypto::PrivateKey::from_pem(key_pem);
  crypto::wipe(key_pem);
  if (!key) return fail(key.error().within(*key_file));
  SELVAGE_TRY(const Bytes pem, read_file(*certificate_file));
  auto certificate = crypto::Certificate::from_pem(pem);
  if (!certificate) return fail(certificate.error().within(*certificate_file));
  return Authority(name, names, std::move(*certificate), std::move(*key));
}

Result<crypto::Certificate> Authority::issue(const Wanted& wanted, const crypto::PublicKey& key,
                                             std::chrono::sys_seconds now) const {
  crypto::CertificateRequest request = request_for(names_, wanted.common_name, now);
  for (const std::string& unit : wanted.organizational_units) request.subject.organizational_unit.push_back(unit);
  crypto::add_hosts(request, wanted.hosts);
  request.key_usage = crypto::kDigitalSignature;
  if (wanted.tls) {
    request.key_usage |= crypto::kKeyEncipherment;
    request.extended_key_usages = {std::string(crypto::kServerAuth), std::string(crypto::kClientAuth)};
  }
  return crypto::issue(request, key, certificate_, key_);
}

}  // namespace selvage::tools::cryptogen
