// crypto-config.yaml: which organisations, nodes and users cryptogen makes key material for.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace selvage::tools::cryptogen {

struct Node {
  std::string hostname;
  std::string common_name;
  std::string country, province, locality, organizational_unit, street_address, postal_code;
  std::vector<std::string> sans;
  std::string key_algorithm;  // "ecdsa" or "ed25519"
  bool is_admin = false;
};

struct Template {
  int count = 0;
  int start = 0;
  std::string hostname;
  std::vector<std::string> sans;
  std::string key_algorithm;
};

struct Organization {
  std::string name;
  std::string domain;
  bool enable_node_ous = false;
  Node ca;
  Template node_template;
  std::vector<Node> nodes;  // "Specs"
  int users = 0;
  std::string user_key_algorithm;
};

struct CryptoConfig {
  std::vector<Organization> orderers;
  std::vector<Organization> peers;
};

// What showtemplate prints and generate uses without --config.
extern const char* const kDefaultConfig;

// Errors: "Error Unmarshalling YAML: ..." with line and key.
[[nodiscard]] Result<CryptoConfig> parse_crypto_config(const std::string& yaml, const std::string& file);

// Fills in names: nodes of the template ("peer0", ...), common names, SANs; `prefix` is "peer" or "orderer".
[[nodiscard]] Status expand(Organization& organization, const std::string& prefix);

}  // namespace selvage::tools::cryptogen
