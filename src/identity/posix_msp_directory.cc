#include "identity/posix_msp_directory.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <vector>

#include "base/log.h"
#include "config/tree.h"
#include "crypto/hash.h"
#include "crypto/pem.h"
#include "msp/msp_config.pb.h"

namespace selvage::identity {
namespace {

namespace fs = std::filesystem;

const log::Logger& logger() {
  static const log::Logger instance("msp");
  return instance;
}

constexpr uintmax_t kFileBytesMax = 8 << 20;  // revocation lists may be long; nothing else is

struct PemFile {
  std::string path;
  Bytes content;
};

Result<Bytes> read_file(const fs::path& path) {
  std::error_code failed;
  const uintmax_t size = fs::file_size(path, failed);
  if (failed) return fail(Code::kNotFound, fmt::format("could not read file {}: {}", path.string(), failed.message()));
  if (size > kFileBytesMax) {
    return fail(Code::kInvalidArgument, fmt::format("file {} is too large ({} bytes)", path.string(), size));
  }
  std::ifstream in(path, std::ios::binary);
  Bytes content((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (!in) {
    return fail(Code::kNotFound, fmt::format("could not read file {}: permission denied or not readable", path.string()));
  }
  return content;
}

// The files of a folder that hold PEM, by name; nullopt when there is no such folder. Others are skipped with a warning,
// as Fabric does.
Result<std::optional<std::vector<PemFile>>> read_pem_folder(const fs::path& folder) {
  std::error_code failed;
  if (!fs::exists(folder, failed)) {
    if (!failed) return std::optional<std::vector<PemFile>>();
    return fail(Code::kNotFound, fmt::format("could not read directory {}: {}", folder.string(), failed.message()));
  }
  std::vector<fs::path> paths;
  for (fs::directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed)) paths.push_back(at->path());
  if (failed) {
    return fail(Code::kNotFound, fmt::format("could not read directory {}: {}", folder.string(), failed.message()));
  }
  std::sort(paths.begin(), paths.end());
  std::vector<PemFile> files;
  for (const fs::path& path : paths) {
    if (fs::is_directory(path, failed)) continue;
    auto content = read_file(path);
    if (!content) {
      LOG_WARN(logger(), "Failed reading file {}: {}", path.string(), content.error().message);
      continue;
    }
    if (crypto::parse_pem(*content).empty()) {
      LOG_WARN(logger(), "Failed reading file {}: no pem content for file {}", path.string(), path.string());
      continue;
    }
    files.push_back({path.string(), std::move(*content)});
  }
  return std::optional(std::move(files));
}

std::string text_of(const config::Node* node, std::string_view field) {
  const config::Node* found = node == nullptr ? nullptr : node->find(field);
  return found == nullptr ? std::string() : found->text;
}

// A node OU of config.yaml; a certificate that cannot be read counts as none, with a warning.
// Fabric quirk: msp/configbuilder.go loadCertificateAt.
void read_node_ou(const fs::path& directory, const config::Node* ous, const char* key, const char* type,
                  ::msp::FabricOUIdentifier* (::msp::FabricNodeOUs::*make)(), ::msp::FabricNodeOUs& to) {
  const config::Node* node = ous->find(key);
  const std::string unit = text_of(node, "OrganizationalUnitIdentifier");
  if (unit.empty()) return;
  ::msp::FabricOUIdentifier* ou = (to.*make)();
  ou->set_organizational_unit_identifier(unit);
  const std::string certificate = text_of(node, "Certificate");
  if (certificate.empty()) return;
  auto content = read_file(directory / certificate);
  if (content) {
    ou->set_certificate(std::move(*content));
  } else {
    LOG_WARN(logger(), "Failed loading {} certificate at [{}]: [{}]", type, (directory / certificate).string(),
             content.error().message);
  }
}

Status read_config_yaml(const fs::path& directory, ::msp::FabricMSPConfig& config) {
  const fs::path file = directory / "config.yaml";
  std::error_code failed;
  if (!fs::exists(file, failed)) return {};
  auto tree = config::Tree::load(file.string(), "", {});
  if (!tree) {
    return fail(tree.error().within(fmt::format("failed unmarshalling configuration file at [{}]", file.string())));
  }
  if (const config::Node* units = tree->find("OrganizationalUnitIdentifiers")) {
    for (const config::Node& unit : units->items) {
      const fs::path certificate = directory / text_of(&unit, "Certificate");
      auto content = read_file(certificate);
      if (!content) {
        return fail(content.error().within(
            fmt::format("failed loading OrganizationalUnit certificate at [{}]", certificate.string())));
      }
      auto* to = config.add_organizational_unit_identifiers();
      to->set_certificate(std::move(*content));
      to->set_organizational_unit_identifier(text_of(&unit, "OrganizationalUnitIdentifier"));
    }
  }
  const config::Node* ous = tree->find("NodeOUs");
  std::string enabled = text_of(ous, "Enable");
  std::transform(enabled.begin(), enabled.end(), enabled.begin(), [](unsigned char c) { return std::tolower(c); });
  if (enabled != "true") return {};
  ::msp::FabricNodeOUs& to = *config.mutable_fabric_node_ous();
  to.set_enable(true);
  using Ous = ::msp::FabricNodeOUs;
  read_node_ou(directory, ous, "ClientOUIdentifier", "ClientOU", &Ous::mutable_client_ou_identifier, to);
  read_node_ou(directory, ous, "PeerOUIdentifier", "PeerOU", &Ous::mutable_peer_ou_identifier, to);
  read_node_ou(directory, ous, "AdminOUIdentifier", "AdminOU", &Ous::mutable_admin_ou_identifier, to);
  read_node_ou(directory, ous, "OrdererOUIdentifier", "OrdererOU", &Ous::mutable_orderer_ou_identifier, to);
  return {};
}

Result<PemFile> read_signing_certificate(const fs::path& directory) {
  const fs::path folder = directory / "signcerts";
  SELVAGE_TRY(auto files, read_pem_folder(folder));
  if (!files) {
    return fail(Code::kNotFound, fmt::format("could not load signing certificate from directory {}: no such directory",
                                             folder.string()),
                "", "point the MSP setting at a folder with signcerts/, keystore/ and cacerts/");
  }
  if (files->empty()) {
    return fail(Code::kNotFound, fmt::format("no signing certificate found in directory {}", folder.string()));
  }
  return std::move(files->front());
}

// The key of keystore/ that belongs to the certificate. Fabric finds it by its SKI whatever the file's name.
Result<crypto::PrivateKey> find_key(const fs::path& directory, const crypto::Certificate& certificate,
                                    const std::string& certificate_file) {
  const fs::path folder = directory / "keystore";
  SELVAGE_TRY(auto files, read_pem_folder(folder));
  std::vector<std::string> others;
  std::string broken;
  for (PemFile& file : files.value_or(std::vector<PemFile>())) {
    auto key = crypto::PrivateKey::from_pem(file.content);
    crypto::wipe(file.content);
    if (!key) {
      broken = fmt::format("{}: {}", file.path, key.error().message);
    } else if (key->public_key() == certificate.public_key()) {
      return std::move(*key);
    } else {
      others.push_back(to_hex(key->public_key().ski()).substr(0, 8) + "..");
    }
  }
  std::string what = fmt::format("{} has no private key", folder.string());
  if (!others.empty()) {
    what = fmt::format("{} has {} key{} (public key {}), none of them belongs to {} (public key {}..)", folder.string(),
                       others.size(), others.size() == 1 ? "" : "s", fmt::join(others, ", "), certificate_file,
                       to_hex(certificate.public_key().ski()).substr(0, 8));
  } else if (!broken.empty()) {
    what = broken;
  }
  return fail(Code::kFailedPrecondition, "KeyMaterial not found in SigningIdentityInfo: " + what, "",
              "TLS-57: copy the key of this enrollment into keystore/");
}

// Go's time.Duration in whole seconds: "16598h53m35s".
std::string go_duration(std::chrono::seconds elapsed) {
  const auto seconds = elapsed.count();
  return fmt::format("{}h{}m{}s", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

// When the chain refuses a certificate that is older than its CA, today's date in Go's words misleads; say what it is.
Error explain_refusal(Error error, const Msp& msp, const crypto::Certificate& certificate, const std::string& file) {
  for (const crypto::Certificate& root : msp.roots()) {
    if (root.subject_der() == certificate.issuer_der() && certificate.not_before() < root.not_before()) {
      error.hint = fmt::format("TLS-56: {} (valid from {}) is older than its CA (valid from {}): certificates of two generations "
                               "are mixed. An MSP checks as of the certificate's own start, not as of now",
                               file, crypto::to_rfc3339(certificate.not_before()), crypto::to_rfc3339(root.not_before()));
      return error;
    }
  }
  error.hint = fmt::format("{} was issued by \"{}\"; cacerts/ and intermediatecerts/ must hold that CA", file,
                           escape(certificate.issuer()));
  return error;
}

}  // namespace

Result<::msp::MSPConfig> load_verifying_msp_config(const std::string& directory, const std::string& mspid) {
  const fs::path root(directory);
  ::msp::FabricMSPConfig config;
  SELVAGE_TRY(auto authorities, read_pem_folder(root / "cacerts"));
  if (!authorities) {
    return fail(Code::kNotFound, fmt::format("could not load a valid ca certificate from directory {}: stat {}: no such "
                                             "file or directory", (root / "cacerts").string(), (root / "cacerts").string()));
  }
  if (authorities->empty()) {
    return fail(Code::kNotFound, fmt::format("no ca certificate found in directory {}", (root / "cacerts").string()));
  }
  const auto add = [&](const char* folder, auto adder) -> Status {
    SELVAGE_TRY(auto files, read_pem_folder(root / folder));
    for (PemFile& file : files.value_or(std::vector<PemFile>())) (config.*adder)(std::move(file.content));
    return {};
  };
  using Config = ::msp::FabricMSPConfig;
  using Add = void (Config::*)(std::string&&);
  for (PemFile& file : *authorities) config.add_root_certs(std::move(file.content));
  SELVAGE_CHECK(add("admincerts", static_cast<Add>(&Config::add_admins)));
  SELVAGE_CHECK(add("intermediatecerts", static_cast<Add>(&Config::add_intermediate_certs)));
  SELVAGE_CHECK(add("tlscacerts", static_cast<Add>(&Config::add_tls_root_certs)));
  if (config.tls_root_certs_size() > 0) {
    SELVAGE_CHECK(add("tlsintermediatecerts", static_cast<Add>(&Config::add_tls_intermediate_certs)));
  }
  SELVAGE_CHECK(add("crls", static_cast<Add>(&Config::add_revocation_list)));
  SELVAGE_CHECK(read_config_yaml(root, config));
  config.set_name(mspid);
  config.mutable_crypto_config()->set_signature_hash_family("SHA2");
  config.mutable_crypto_config()->set_identity_identifier_hash_function("SHA256");
  ::msp::MSPConfig out;
  out.set_type(0);
  out.set_config(config.SerializeAsString());
  return out;
}

Result<SigningIdentity> load_signing_identity(const std::string& directory, const std::string& mspid) {
  SELVAGE_TRY(PemFile file, read_signing_certificate(directory));
  auto certificate = crypto::Certificate::from_pem(file.content);
  if (!certificate) return fail(certificate.error().within(file.path));
  const crypto::KeyAlgorithm algorithm = certificate->public_key().algorithm();
  if (!crypto::is_ecdsa(algorithm) && algorithm != crypto::KeyAlgorithm::kEd25519) {
    return fail(Code::kFailedPrecondition,
                fmt::format("{}: {} keys are not supported for MSP identities", file.path, crypto::name_of(algorithm)), "",
                "enroll again with an ECDSA P-256 key");
  }
  SELVAGE_TRY(crypto::PrivateKey key, find_key(directory, *certificate, file.path));
  return SigningIdentity::make(mspid, std::move(*certificate), std::move(key));
}

Result<LocalMsp> load_local_msp(const std::string& directory, const std::string& mspid, SystemTime now) {
  const auto context = [](const Error& error) { return fail(error.within("Failed to setup local msp with config")); };
  SELVAGE_TRY(PemFile file, read_signing_certificate(directory));
  SELVAGE_TRY(::msp::MSPConfig config, load_verifying_msp_config(directory, mspid));
  auto msp = Msp::make(config, MspVersion::kV3_0);
  if (!msp) return context(msp.error());
  auto signer = load_signing_identity(directory, mspid);
  if (!signer) return context(signer.error());
  const crypto::Certificate& certificate = signer->certificate();
  auto identity = (*msp)->identity_of(certificate);
  if (!identity) return context(explain_refusal(identity.error(), **msp, certificate, file.path));
  if (to_system_time(certificate.not_after()) <= now) {
    const auto ago = std::chrono::duration_cast<std::chrono::seconds>(now - to_system_time(certificate.not_after()));
    Error error{Code::kFailedPrecondition, fmt::format("signing identity expired {} ago", go_duration(ago)), "",
                fmt::format("TLS-55: {} ended {}; enroll again and replace signcerts/ and keystore/", file.path,
                            crypto::to_rfc3339(certificate.not_after()))};
    return context(error);
  }
  // What it signs must name it as the MSP knows it, in low-S form.
  auto sanitized = SigningIdentity::make(mspid, (*identity)->certificate(), signer->key());
  if (!sanitized) return context(sanitized.error());
  return LocalMsp{std::move(*msp), std::move(*sanitized)};
}

}  // namespace selvage::identity
