#include "kit/identities.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "msp/msp_config.pb.h"

namespace selvage::test {
namespace {

template <class T>
T must(Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "test kit: %s\n", to_string(result.error()).c_str());
  std::abort();
}

void write(const std::filesystem::path& file, const std::string& content) {
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << content;
}

}  // namespace

Organization::Organization(std::string mspid)
    : mspid_(std::move(mspid)), ca_("ca." + mspid_), tls_ca_("tlsca." + mspid_) {}

identity::SigningIdentity Organization::member(const std::string& name, const std::string& unit, const Spoil& spoil) {
  const Identity made = ca_.member(name + "." + mspid_, unit, spoil);
  return must(identity::SigningIdentity::make(mspid_, made.certificate, made.key));
}

const identity::SigningIdentity& Organization::admin(const std::string& name) {
  const auto at = members_.find("admin/" + name);
  return at != members_.end() ? at->second : members_.emplace("admin/" + name, member(name, "admin")).first->second;
}
const identity::SigningIdentity& Organization::client(const std::string& name) {
  const auto at = members_.find("client/" + name);
  return at != members_.end() ? at->second : members_.emplace("client/" + name, member(name, "client")).first->second;
}
const identity::SigningIdentity& Organization::peer(const std::string& name) {
  const auto at = members_.find("peer/" + name);
  return at != members_.end() ? at->second : members_.emplace("peer/" + name, member(name, "peer")).first->second;
}
const identity::SigningIdentity& Organization::orderer(const std::string& name) {
  const auto at = members_.find("orderer/" + name);
  return at != members_.end() ? at->second : members_.emplace("orderer/" + name, member(name, "orderer")).first->second;
}

::msp::FabricMSPConfig Organization::fabric_config() const {
  ::msp::FabricMSPConfig config;
  config.set_name(mspid_);
  config.add_root_certs(ca_.pem());
  config.add_tls_root_certs(tls_ca_.pem());
  config.mutable_crypto_config()->set_signature_hash_family("SHA2");
  config.mutable_crypto_config()->set_identity_identifier_hash_function("SHA256");
  auto* ous = config.mutable_fabric_node_ous();
  ous->set_enable(true);
  for (auto [ou, unit] : {std::pair(ous->mutable_client_ou_identifier(), "client"),
                          std::pair(ous->mutable_peer_ou_identifier(), "peer"),
                          std::pair(ous->mutable_admin_ou_identifier(), "admin"),
                          std::pair(ous->mutable_orderer_ou_identifier(), "orderer")}) {
    ou->set_certificate(ca_.pem());
    ou->set_organizational_unit_identifier(unit);
  }
  return config;
}

::msp::MSPConfig wrap(const ::msp::FabricMSPConfig& config) {
  ::msp::MSPConfig wrapped;
  wrapped.set_type(0);
  wrapped.set_config(config.SerializeAsString());
  return wrapped;
}

::msp::MSPConfig Organization::msp_config() const { return wrap(fabric_config()); }

std::shared_ptr<const identity::Msp> Organization::msp() const {
  return must(identity::Msp::make(msp_config(), identity::MspVersion::kV1_4_3));
}

void Organization::write_directory(const std::string& directory, const identity::SigningIdentity& member) const {
  const std::filesystem::path root(directory);
  write(root / "cacerts" / "ca.pem", ca_.pem());
  write(root / "tlscacerts" / "tlsca.pem", tls_ca_.pem());
  write(root / "signcerts" / "cert.pem", member.certificate().pem());
  write(root / "keystore" / "priv_sk", member.key().to_pem());
  std::string yaml = "NodeOUs:\n  Enable: true\n";
  for (const char* unit : {"Client", "Peer", "Admin", "Orderer"}) {
    std::string lower = unit;
    lower[0] = static_cast<char>(std::tolower(lower[0]));
    yaml += std::string("  ") + unit + "OUIdentifier:\n    Certificate: cacerts/ca.pem\n    OrganizationalUnitIdentifier: " +
            lower + "\n";
  }
  write(root / "config.yaml", yaml);
}

std::shared_ptr<const identity::MspManager> manager_of(const std::vector<const Organization*>& organizations) {
  std::vector<std::shared_ptr<const identity::Msp>> msps;
  for (const Organization* organization : organizations) msps.push_back(organization->msp());
  return must(identity::MspManager::make(std::move(msps)));
}

}  // namespace selvage::test
