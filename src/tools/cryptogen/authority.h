// A certificate authority on disk, as cryptogen keeps it: <name>-cert.pem and priv_sk in one folder.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"
#include "crypto/certificate.h"
#include "crypto/key.h"
#include "tools/cryptogen/crypto_config.h"

namespace selvage::tools::cryptogen {

class Authority {
 public:
  // Makes key and self-signed certificate in `folder`. `organization` becomes the subject's O.
  [[nodiscard]] static Result<Authority> create(const std::string& folder, const std::string& organization,
                                                const std::string& name, const Node& names,
                                                std::chrono::sys_seconds now);
  // The one in `folder`: the first *.pem and the first *_sk.
  [[nodiscard]] static Result<Authority> load(const std::string& folder, const std::string& name, const Node& names);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const crypto::Certificate& certificate() const { return certificate_; }

  struct Wanted {
    std::string common_name;
    std::vector<std::string> organizational_units;
    std::vector<std::string> hosts;  // DNS names and IP addresses
    bool tls = false;                // a TLS pair: key encipherment, server and client use
  };
  [[nodiscard]] Result<crypto::Certificate> issue(const Wanted& wanted, const crypto::PublicKey& key,
                                                  std::chrono::sys_seconds now) const;

 private:
  Authority(std::string name, Node names, crypto::Certificate certificate, crypto::PrivateKey key)
      : name_(std::move(name)), names_(std::move(names)), certificate_(std::move(certificate)), key_(std::move(key)) {}
  std::string name_;
  Node names_;  // country and so on of all subjects
  crypto::Certificate certificate_;
  crypto::PrivateKey key_;
};

// Writes a new key to <folder>/priv_sk, readable by its owner only.
[[nodiscard]] Result<crypto::PrivateKey> create_key(const std::string& folder, const std::string& algorithm);

}  // namespace selvage::tools::cryptogen
