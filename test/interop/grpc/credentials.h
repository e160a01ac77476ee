// Certificates of one interop run: made by whichever side starts, read by the others.
#pragma once

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "kit/certificates.h"
#include "tls/context.h"
#include "tls/credentials.h"
#include "tls/trust.h"

namespace selvage::interop {

inline std::string read(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// ca.pem, server.pem, server.key, client.pem, client.key
inline void make_certificates(const std::filesystem::path& directory) {
  std::filesystem::create_directories(directory);
  test::Authority ca("tlsca.interop");
  test::Identity server = ca.server("server.interop", {"localhost", "127.0.0.1"});
  test::Identity client = ca.client("client.interop");
  auto put = [&](const char* name, const std::string& text) { std::ofstream(directory / name, std::ios::binary) << text; };
  put("ca.pem", ca.pem());
  put("server.pem", server.certificate_pem());
  put("server.key", server.key_pem());
  put("client.pem", client.certificate_pem());
  put("client.key", client.key_pem());
}

inline std::shared_ptr<tls::CredentialStore> credentials(const std::filesystem::path& directory, const std::string& name) {
  auto read_pair = tls::Credentials::from_pem(read(directory / (name + ".pem")), read(directory / (name + ".key")));
  return std::make_shared<tls::CredentialStore>(read_pair ? *read_pair : nullptr);
}

inline std::shared_ptr<tls::TrustStore> trust(const std::filesystem::path& directory) {
  auto roots = tls::roots_from_pem(read(directory / "ca.pem"), {});
  return std::make_shared<tls::TrustStore>(roots ? *roots : std::vector<tls::Root>());
}

}  // namespace selvage::interop
