// Certificates for test/tls: one good set, and one spoilt for each way to get it wrong.
//   tls_material <folder>
#include <cstdio>
#include <fstream>
#include <string>

#include "kit/certificates.h"

namespace {

using namespace selvage;
using std::chrono::sys_days;
using std::chrono::year;

std::string folder;

void write(const std::string& name, const std::string& text) { std::ofstream(folder + "/" + name, std::ios::binary) << text; }

void write(const std::string& name, const test::Identity& identity) {
  write(name + ".crt", identity.chain_pem());
  write(name + ".key", identity.key_pem());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  folder = argv[1];
  const auto ended = [](crypto::CertificateRequest& request) { request.not_after = sys_days(year(2025) / 1 / 1); };
  const auto future = [](crypto::CertificateRequest& request) { request.not_before = sys_days(year(2030) / 1 / 1); };
  const auto usage = [](std::string_view only) {
    return [only](crypto::CertificateRequest& request) { request.extended_key_usages = {std::string(only)}; };
  };
  const std::vector<std::string> hosts{"localhost", "127.0.0.1", "orderer.example.com"};

  test::Authority ca("tlsca.org1"), other("tlsca.org2"), again("tlsca.org1"), identity("ca.org1");
  test::Authority expired_ca("tlsca.expired", ended);
  test::Authority between = ca.intermediate("ica.org1");
  write("ca.crt", ca.pem());
  write("other_ca.crt", other.pem());
  write("identity_ca.crt", identity.pem());
  write("expired_ca.crt", expired_ca.pem());
  write("client", ca.client("app1"));
  write("other_client", other.client("app2"));
  write("again_client", again.client("app1"));
  write("enrolment", identity.member("app1", "client"));
  write("server_only", ca.client("peer0.org1", usage(crypto::kServerAuth)));
  write("expired", ca.client("app1", ended));
  write("future", ca.client("app1", future));
  write("of_expired_ca", expired_ca.client("app1"));
  write("sha1", ca.client("app1", [](crypto::CertificateRequest& request) { request.sha1_signature = true; }));
  test::Identity below = between.client("app1");
  write("with_intermediate", below);
  write("without_intermediate", {below.certificate, below.key, {}});
  test::Identity leaf = ca.client("tlsca.leaf");
  write("leaf_as_ca.crt", leaf.certificate_pem());
  // Issued by a name that a leaf has: nobody may sign with it.
  test::Authority impostor("tlsca.leaf");
  write("of_leaf", impostor.client("app1"));
  write("second_ca.crt", ca.pem() + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");

  write("server", ca.server("orderer.example.com", hosts));
  write("server_expired", ca.server("orderer.example.com", hosts, ended));
  write("server_future", ca.server("orderer.example.com", hosts, future));
  write("server_no_san", ca.server("orderer.example.com", {}));
  write("server_names_only", ca.server("orderer.example.com", {"orderer.example.com", "localhost"}));
  write("server_other_name", ca.server("orderer.example.com", {"orderer.example.com"}));
  write("server_client_auth", ca.server("orderer.example.com", hosts, usage(crypto::kClientAuth)));
  test::Identity hidden = between.server("orderer.example.com", hosts);
  write("server_without_intermediate", {hidden.certificate, hidden.key, {}});
  write("server_leaf_second.crt", between.pem() + hidden.certificate_pem());
  write("server_leaf_second.key", hidden.key_pem());
  write("server_is_ca", {ca.certificate(), ca.key(), {}});

  // Proxies that end TLS: one that nobody knows, and one with the right CA's certificates.
  write("ingress", test::Authority("ingress authority").server("ingress.local", {"ingress.local"}));
  write("proxy", ca.server("proxy.example.com", hosts));
  write("nginx", ca.client("nginx"));

  // Good pairs of every kind of key that Fabric's TLS takes.
  for (const auto& [name, algorithm] : {std::pair("p256", crypto::KeyAlgorithm::kEcdsaP256), {"p384", crypto::KeyAlgorithm::kEcdsaP384},
                                        {"p521", crypto::KeyAlgorithm::kEcdsaP521}, {"rsa", crypto::KeyAlgorithm::kRsa},
                                        {"ed25519", crypto::KeyAlgorithm::kEd25519}}) {
    crypto::CertificateRequest request = test::Authority::leaf_request("node.example.com");
    crypto::add_hosts(request, hosts);
    write(name, ca.issue(request, {}, algorithm));
  }
  return 0;
}
