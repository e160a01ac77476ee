#include "kit/handshakes.h"

#include <cstdio>
#include <cstdlib>

namespace selvage::test {

std::shared_ptr<tls::CredentialStore> credentials(const Identity& identity, const std::string& name) {
  tls::CredentialFiles files;
  files.certificate_path = "/etc/fabric/tls/" + name + ".crt";
  files.certificate_origin.key = name == "server" ? "CORE_PEER_TLS_CERT_FILE" : "CORE_PEER_TLS_CLIENTCERT_FILE";
  files.key_path = "/etc/fabric/tls/" + name + ".key";
  files.key_origin.key = name == "server" ? "CORE_PEER_TLS_KEY_FILE" : "CORE_PEER_TLS_CLIENTKEY_FILE";
  std::vector<crypto::Certificate> chain{identity.certificate};
  chain.insert(chain.end(), identity.intermediates.begin(), identity.intermediates.end());
  auto made = tls::Credentials::from_parts(std::move(chain), identity.key, std::move(files));
  if (!made) {
    std::fprintf(stderr, "test kit: %s\n", to_string(made.error()).c_str());
    std::abort();
  }
  return std::make_shared<tls::CredentialStore>(*made);
}

std::shared_ptr<tls::CredentialStore> no_credentials() { return std::make_shared<tls::CredentialStore>(nullptr); }

std::shared_ptr<tls::TrustStore> trust(const std::vector<crypto::Certificate>& roots) {
  std::vector<tls::Root> all;
  for (const auto& root : roots) {
    tls::Provenance from;
    from.kind = tls::Provenance::Kind::kFile;
    from.origin.key = "CORE_PEER_TLS_CLIENTROOTCAS_FILES";
    from.file = "/etc/fabric/tls/ca.crt";
    all.push_back({root, from});
  }
  return std::make_shared<tls::TrustStore>(std::move(all));
}

void Conversation::run() {
  auto carry = [](tls::Session& from, tls::Session& to, Bytes& heard) {
    Bytes bytes(from.output());
    from.consume_output(bytes.size());
    if (!bytes.empty()) to.receive(bytes, heard);
    return !bytes.empty();
  };
  client->receive("", client_heard);
  while (true) {
    bool there = carry(*client, *server, server_heard), back = carry(*server, *client, client_heard);
    if (!there && !back) return;
  }
}

bool Conversation::opens() {
  run();
  return client->state() == tls::Session::State::kOpen && server->state() == tls::Session::State::kOpen;
}

Conversation converse(tls::ClientContext& client, tls::ServerContext& server, const std::string& host) {
  return {client.connect(host, host + ":7051"), server.accept("10.0.0.7:51234"), {}, {}};
}

}  // namespace selvage::test
