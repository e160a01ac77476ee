#include "shim/tls_material.h"

#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/log.h"
#include "tls/context.h"

namespace selvage::shim {
namespace {

const log::Logger logger("shim");

// The PEM text that a setting leads to, and the path if it was one.
struct PemSource {
  Bytes text;
  std::string path;
};

Result<PemSource> read_pem(const PemSetting& setting) {
  const auto& [value, variable] = setting;
  if (value.find("-----BEGIN") != std::string::npos) return PemSource{value, ""};
  if (std::error_code ignored; std::filesystem::is_regular_file(value, ignored)) {
    std::ifstream file(value, std::ios::binary);
    Bytes text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (file.bad() || text.empty()) {
      return fail(Code::kInvalidArgument, variable + ": " + value + " is empty or cannot be read", "",
                  "check the file's permissions and that it is PEM");
    }
    // Some samples write the base64 of the PEM text into the file.
    if (text.find("-----BEGIN") == std::string::npos) {
      std::string squeezed;
      for (char c : text) {
        if (!std::isspace(static_cast<unsigned char>(c))) squeezed.push_back(c);
      }
      if (auto decoded = from_base64(squeezed); decoded && decoded->find("-----BEGIN") != Bytes::npos) text = *decoded;
    }
    return PemSource{std::move(text), value};
  }
  if (auto decoded = from_base64(value); decoded && decoded->find("-----BEGIN") != Bytes::npos) {
    return PemSource{std::move(*decoded), ""};
  }
  // The value may be a key that lost its line breaks: never repeat it.
  return fail(Code::kInvalidArgument, variable + " names no file that exists and is no PEM text", "",
              "set " + variable + " to the path of a PEM file");
}

Result<std::shared_ptr<tls::CredentialStore>> read_credentials(const PemSetting& certificate, const PemSetting& key) {
  SELVAGE_TRY(PemSource chain, read_pem(certificate));
  SELVAGE_TRY(PemSource secret, read_pem(key));
  tls::CredentialFiles files{chain.path, Origin{certificate.variable, "", 0}, secret.path, Origin{key.variable, "", 0}};
  SELVAGE_TRY(auto credentials, tls::Credentials::from_pem(chain.text, secret.text, std::move(files)));
  return std::make_shared<tls::CredentialStore>(std::move(credentials));
}

Result<std::vector<tls::Root>> read_roots(const PemSetting& roots) {
  SELVAGE_TRY(PemSource source, read_pem(roots));
  tls::Provenance from;
  from.kind = tls::Provenance::Kind::kFile;
  from.origin = Origin{roots.variable, "", 0};
  from.file = source.path;
  return tls::roots_from_pem(source.text, from);
}

}  // namespace

Result<std::shared_ptr<tls::ServerContext>> make_server_context(const PemSetting& certificate, const PemSetting& key,
                                                                const PemSetting& client_ca) {
  SELVAGE_TRY(auto credentials, read_credentials(certificate, key));
  tls::ServerPolicy policy;
  policy.listener = "ChaincodeServer";
  policy.client_auth_setting = policy.client_roots_setting = Origin{client_ca.variable, "", 0};
  auto trust = std::make_shared<tls::TrustStore>();
  if (client_ca.value.empty()) {
    // As Fabric's shims do: no CA, no question.
    policy.client_auth = tls::ClientAuth::kNone;
    LOG_WARN(logger, "{} is not set: any peer may connect; set it to the peer's TLS CA", client_ca.variable);
  } else {
    SELVAGE_TRY(auto roots, read_roots(client_ca));
    trust->set_source("files", std::move(roots));
  }
  auto context = std::make_shared<tls::ServerContext>(std::move(credentials), std::move(trust), std::move(policy));
  SELVAGE_CHECK(context->check());
  return context;
}

Result<std::shared_ptr<tls::ClientContext>> make_client_context(const PemSetting& certificate, const PemSetting& key,
                                                                const PemSetting& peer_ca) {
  SELVAGE_TRY(auto credentials, read_credentials(certificate, key));
  SELVAGE_TRY(auto roots, read_roots(peer_ca));
  tls::ClientPolicy policy;
  policy.roots_setting = Origin{peer_ca.variable, "", 0};
  policy.certificate_setting = Origin{certificate.variable, "", 0};
  auto context = std::make_shared<tls::ClientContext>(std::move(credentials),
                                                      std::make_shared<tls::TrustStore>(std::move(roots)), std::move(policy));
  SELVAGE_CHECK(context->check());
  return context;
}

}  // namespace selvage::shim
