#include "tools/cryptogen/organization_writer.h"

#include <filesystem>

#include "tools/cryptogen/authority.h"
#include "tools/terminal.h"

namespace selvage::tools::cryptogen {
namespace {

using std::chrono::sys_seconds;

enum class Role { kClient, kOrderer, kPeer, kAdmin };

const char* unit_of(Role role) {
  switch (role) {
    case Role::kOrderer:
      return "orderer";
    case Role::kPeer:
      return "peer";
    case Role::kAdmin:
      return "admin";
    default:
      return "client";
  }
}

std::string file_of(const std::string& name) { return name + "-cert.pem"; }

// config.yaml of an MSP: which OU in a certificate makes its holder what.
std::string node_ous(const std::string& ca_file) {
  std::string text = "NodeOUs:\n    Enable: true\n";
  for (const auto& [key, unit] :
       {std::pair{"Client", "client"}, {"Peer", "peer"}, {"Admin", "admin"}, {"Orderer", "orderer"}})
    text += std::string("    ") + key + "OUIdentifier:\n        Certificate: " + ca_file +
            "\n        OrganizationalUnitIdentifier: " + unit + "\n";
  return text;
}

Status make_folders(const std::string& root, std::initializer_list<const char*> names) {
  for (const char* name : names) SELVAGE_CHECK(make_folder(root + "/" + name));
  return {};
}

// The parts that an organisation's MSP and each local MSP have in common.
Status write_roots(const std::string& msp, const Authority& signing, const Authority& tls, bool with_node_ous) {
  SELVAGE_CHECK(make_folders(msp, {"admincerts", "cacerts", "tlscacerts"}));
  SELVAGE_CHECK(write_file(msp + "/cacerts/" + file_of(signing.name()), signing.certificate().pem()));
  SELVAGE_CHECK(write_file(msp + "/tlscacerts/" + file_of(tls.name()), tls.certificate().pem()));
  if (!with_node_ous) return {};
  return write_file(msp + "/config.yaml", node_ous("cacerts/" + file_of(signing.name())));
}

class Writer {
 public:
  Writer(std::string folder, const Organization& organization, Kind kind, Authority signing, Authority tls,
         sys_seconds now)
      : folder_(std::move(folder)),
        organization_(organization),
        kind_(kind),
        signing_(std::move(signing)),
        tls_(std::move(tls)),
        now_(now) {}

  Status write_msp() const { return write_roots(folder_ + "/msp", signing_, tls_, organization_.enable_node_ous); }

  Status write_nodes() const {
    for (const Node& node : organization_.nodes)
      SELVAGE_CHECK(write_member(nodes_folder(), node, kind_ == Kind::kPeer ? Role::kPeer : Role::kOrderer));
    return {};
  }

  Status write_users(bool with_admin) const {
    const std::string users = folder_ + "/users";
    for (int i = 1; kind_ == Kind::kPeer && i <= organization_.users; ++i)
      SELVAGE_CHECK(
          write_member(users, user("User" + std::to_string(i), organization_.user_key_algorithm), Role::kClient));
    if (!with_admin) return {};
    return write_member(users, user("Admin", "ecdsa"), organization_.enable_node_ous ? Role::kAdmin : Role::kClient);
  }

  // Without NodeOUs an MSP names its admins by certificate: the admin's, in the organisation and in each node.
  Status write_admin_certificates(bool in_organization) const {
    if (organization_.enable_node_ous) return {};
    const std::string admin = user("Admin", "").common_name;
    const std::string source = folder_ + "/users/" + admin + "/msp/signcerts/" + file_of(admin);
    std::vector<std::string> folders;
    if (in_organization) folders.push_back(folder_ + "/msp/admincerts");
    for (const Node& node : organization_.nodes)
      folders.push_back(nodes_folder() + "/" + node.common_name + "/msp/admincerts");
    for (const std::string& target : folders) {
      if (exists(target + "/" + file_of(admin))) continue;
      std::error_code ignored;
      std::filesystem::remove_all(target, ignored);
      SELVAGE_CHECK(make_folder(target));
      SELVAGE_TRY(const Bytes pem, read_file(source));
      SELVAGE_CHECK(write_file(target + "/" + file_of(admin), pem));
    }
    return {};
  }

 private:
  std::string nodes_folder() const { return folder_ + (kind_ == Kind::kPeer ? "/peers" : "/orderers"); }

  Node user(const std::string& name, const std::string& algorithm) const {
    Node node;
    node.common_name = name + "@" + organization_.domain;
    node.key_algorithm = algorithm;
    return node;
  }

  Status write_member(const std::string& parent, const Node& node, Role role) const {
    const std::string folder = parent + "/" + node.common_name;
    if (exists(folder)) return {};
    auto done = write_local_msp(folder + "/msp", node, role);
    if (done) done = write_tls(folder + "/tls", node, role);
    if (!done) return fail(done.error().within("Error generating local MSP for " + node.common_name));
    return {};
  }

  Status write_local_msp(const std::string& msp, const Node& node, Role role) const {
    SELVAGE_CHECK(make_folders(msp, {"keystore", "signcerts"}));
    SELVAGE_CHECK(write_roots(msp, signing_, tls_, organization_.enable_node_ous));
    SELVAGE_TRY(const auto key, create_key(msp + "/keystore", node.key_algorithm));
    Authority::Wanted wanted;
    wanted.common_name = node.common_name;
    if (organization_.enable_node_ous) wanted.organizational_units = {unit_of(role)};
    SELVAGE_TRY(const auto certificate, signing_.issue(wanted, key.public_key(), now_));
    SELVAGE_CHECK(write_file(msp + "/signcerts/" + file_of(node.common_name), certificate.pem()));
    if (organization_.enable_node_ous) return {};
    return write_file(msp + "/admincerts/" + file_of(node.common_name), certificate.pem());
  }

  Status write_tls(const std::string& folder, const Node& node, Role role) const {
    SELVAGE_CHECK(make_folder(folder));
    SELVAGE_TRY(const auto key, create_key(folder, node.key_algorithm));
    Authority::Wanted wanted;
    wanted.common_name = node.common_name;
    wanted.hosts = node.sans;
    wanted.tls = true;
    SELVAGE_TRY(const auto certificate, tls_.issue(wanted, key.public_key(), now_));
    const bool is_node = role == Role::kPeer || role == Role::kOrderer;
    const std::string stem = folder + (is_node ? "/server" : "/client");
    SELVAGE_CHECK(write_file(folder + "/ca.crt", tls_.certificate().pem()));
    SELVAGE_CHECK(write_file(stem + ".crt", certificate.pem()));
    std::error_code error;
    std::filesystem::rename(folder + "/priv_sk", stem + ".key", error);
    if (error) return fail(Code::kFailedPrecondition, "rename " + folder + "/priv_sk: " + error.message());
    return {};
  }

  std::string folder_;
  const Organization& organization_;
  Kind kind_;
  Authority signing_;
  Authority tls_;
  sys_seconds now_;
};

std::string folder_of(const std::string& base, const Organization& organization, Kind kind) {
  return base + (kind == Kind::kPeer ? "/peerOrganizations/" : "/ordererOrganizations/") + organization.domain;
}

tl::unexpected<Error> for_organization(const Error& error, const char* what, const Organization& organization) {
  return fail(error.code,
              std::string("Error generating ") + what + " for org " + organization.domain + ":\n" + error.message,
              error.cause, error.hint);
}

}  // namespace

Status generate_organization(const std::string& base, const Organization& organization, Kind kind, sys_seconds now) {
  const std::string folder = folder_of(base, organization, kind);
  const Node& ca = organization.ca;
  auto signing = Authority::create(folder + "/ca", organization.domain, ca.common_name, ca, now);
  if (!signing) return for_organization(signing.error(), "signCA", organization);
  auto tls = Authority::create(folder + "/tlsca", organization.domain, "tls" + ca.common_name, ca, now);
  if (!tls) return for_organization(tls.error(), "tlsCA", organization);
  const Writer writer(folder, organization, kind, std::move(*signing), std::move(*tls), now);
  if (auto done = writer.write_msp(); !done) return for_organization(done.error(), "MSP", organization);
  SELVAGE_CHECK(writer.write_nodes());
  SELVAGE_CHECK(writer.write_users(true));
  return writer.write_admin_certificates(true);
}

Status extend_organization(const std::string& base, const Organization& organization, Kind kind, sys_seconds now) {
  const std::string folder = folder_of(base, organization, kind);
  if (!exists(folder)) return generate_organization(base, organization, kind, now);
  const Node& ca = organization.ca;
  SELVAGE_TRY(auto signing, Authority::load(folder + "/ca", ca.common_name, ca));
  SELVAGE_TRY(auto tls, Authority::load(folder + "/tlsca", "tls" + ca.common_name, ca));
  const Writer writer(folder, organization, kind, std::move(signing), std::move(tls), now);
  SELVAGE_CHECK(writer.write_nodes());
  SELVAGE_CHECK(writer.write_admin_certificates(false));
  return writer.write_users(false);
}

}  // namespace selvage::tools::cryptogen
