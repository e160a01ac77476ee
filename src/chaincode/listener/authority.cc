#include "chaincode/listener/authority.h"

#include "base/log.h"
#include "crypto/certificate_maker.h"
#include "crypto/pem.h"
#include "tls/context.h"

namespace selvage::chaincode {
namespace {

const log::Logger& logger() {
  static const log::Logger instance("chaincode.accesscontrol");
  return instance;
}

constexpr auto kDay = std::chrono::hours(24);
constexpr auto kTenYears = kDay * 365 * 10;
constexpr size_t kCommonNameMax = 64;  // X.520

crypto::CertificateRequest request_of(const std::string& common_name, SystemTime now, std::chrono::seconds life) {
  crypto::CertificateRequest out;
  out.subject.common_name = common_name.substr(0, kCommonNameMax);
  out.not_before = std::chrono::floor<std::chrono::seconds>(now - kDay);
  out.not_after = std::chrono::floor<std::chrono::seconds>(now) + life;
  out.key_usage = crypto::kDigitalSignature | crypto::kKeyEncipherment;
  return out;
}

Status refuse(std::string text, std::string hint) {
  LOG_WARN(logger(), "{}", text);
  return fail(Code::kUnauthenticated, std::move(text), "", std::move(hint));
}

// A hash as Go prints a byte slice: "[12 255 ...]".
std::string as_go_prints(const Bytes& hash) {
  std::string out = "[";
  for (const char byte : hash) out += (out.size() == 1 ? "" : " ") + std::to_string(static_cast<unsigned char>(byte));
  return out + "]";
}

}  // namespace

Result<std::unique_ptr<ChaincodeAuthority>> ChaincodeAuthority::make(SystemTime now) {
  SELVAGE_TRY(auto key, crypto::PrivateKey::generate_p256());
  auto request = request_of("chaincode authority of this peer", now, kTenYears);
  request.is_ca = true;
  request.key_usage |= crypto::kCertSign | crypto::kCrlSign;
  request.extended_key_usages = {std::string(crypto::kClientAuth), std::string(crypto::kServerAuth)};
  SELVAGE_TRY(auto certificate, crypto::issue_self_signed(request, key));
  return std::unique_ptr<ChaincodeAuthority>(new ChaincodeAuthority(std::move(key), std::move(certificate)));
}

std::string ChaincodeAuthority::certificate_pem() const { return crypto::encode_pem("CERTIFICATE", certificate_.der()); }

Result<std::pair<crypto::PrivateKey, crypto::Certificate>> ChaincodeAuthority::make_pair(
    const std::vector<std::string>& hosts, SystemTime now) const {
  SELVAGE_TRY(auto key, crypto::PrivateKey::generate_p256());
  auto request = request_of(hosts.empty() ? "chaincode" : hosts[0], now, hosts.empty() ? kDay : kTenYears);
  request.basic_constraints = false;
  request.extended_key_usages = {std::string(crypto::kClientAuth)};
  if (!hosts.empty()) request.extended_key_usages.emplace_back(crypto::kServerAuth);
  crypto::add_hosts(request, hosts);
  SELVAGE_TRY(auto certificate, crypto::issue(request, key.public_key(), certificate_, key_));
  return std::make_pair(std::move(key), std::move(certificate));
}

Result<std::shared_ptr<tls::ServerContext>> ChaincodeAuthority::server_context(const std::string& host,
                                                                               SystemTime now) const {
  auto pair = make_pair({host}, now);
  if (!pair) return fail(std::move(pair).error().within("Failed generating TLS certificate for chaincode service"));
  SELVAGE_TRY(auto credentials, tls::Credentials::from_parts({pair->second}, pair->first));
  tls::Provenance from;
  from.kind = tls::Provenance::Kind::kMade;
  tls::ServerPolicy policy;
  policy.listener = "ChaincodeServer";
  auto trust = std::make_shared<tls::TrustStore>(std::vector<tls::Root>{{certificate_, from}});
  auto context = std::make_shared<tls::ServerContext>(std::make_shared<tls::CredentialStore>(std::move(credentials)),
                                                      std::move(trust), std::move(policy));
  SELVAGE_CHECK(context->check());
  return context;
}

Result<ClientPair> ChaincodeAuthority::issue(const std::string& chaincode, SystemTime now) {
  auto pair = make_pair({}, now);
  if (!pair) return fail(std::move(pair).error().within("failed to generate TLS certificates for " + chaincode));
  const std::lock_guard lock(mutex_);
  std::erase_if(bindings_, [&](const auto& one) { return one.second.until < now; });
  bindings_[pair->second.sha256()] = {chaincode, now + kBindingLife};
  return ClientPair{crypto::encode_pem("CERTIFICATE", pair->second.der()), pair->first.to_pem()};
}

Result<ClientPair> ChaincodeAuthority::issue_for_all(SystemTime now) {
  SELVAGE_TRY(auto pair, make_pair({}, now));
  const std::lock_guard lock(mutex_);
  bindings_[pair.second.sha256()] = {"", SystemTime::max()};
  return ClientPair{crypto::encode_pem("CERTIFICATE", pair.second.der()), pair.first.to_pem()};
}

Status ChaincodeAuthority::check(const std::string& chaincode, const Bytes& hash, SystemTime now) {
  const std::string name = escape(chaincode, 200);
  if (hash.empty())
    return refuse("TLS is active but chaincode " + name + " didn't send certificate",
                  "start it with the client pair that the peer wrote for it");
  const std::lock_guard lock(mutex_);
  const auto found = bindings_.find(hash);
  const std::string who = "Chaincode " + name + " with given certificate hash " + as_go_prints(hash);
  if (found == bindings_.end() || found->second.until < now)
    return refuse(who + " not found in registry",
                  "its certificate was made for an earlier start, or more than ten minutes ago: let the peer start it");
  if (!found->second.chaincode.empty() && found->second.chaincode != chaincode)
    return refuse(who + " belongs to a different chaincode",
                  "CORE_CHAINCODE_ID_NAME must be the chaincode_id of chaincode.json");
  LOG_DEBUG(logger(), "Chaincode {} 's authentication is authorized", name);
  return {};
}

}  // namespace selvage::chaincode
