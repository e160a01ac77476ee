// What a node's configuration says about TLS, peer or orderer alike: pairs, roots, demands. Read from the same files
// and variables as the node reads; nothing of the files named in it is opened here.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "config/reader.h"
#include "config/tree.h"

namespace selvage::tools::doctor {

struct ConfiguredPair {
  std::string role;  // "server", "client", "cluster client", "operations"
  config::File certificate;
  config::File key;
  bool as_server = false;
  bool as_client = false;
  std::vector<std::string> hosts;  // under which others dial it, as far as the configuration says
};

struct ConfiguredRoots {
  std::string role;  // "client roots", "server roots", "admin client roots"
  Origin setting;
  std::vector<config::File> files;
  bool of_clients = false;
  bool demanded = false;  // the listener demands certificates, so an empty list locks everybody out
};

struct NodeTls {
  bool is_orderer = false;
  std::string file;          // the yaml
  bool enabled = false;      // TLS of the main listener
  bool client_auth = false;  // of the main listener
  Origin enabled_origin, client_auth_origin;
  std::vector<ConfiguredPair> pairs;
  std::vector<ConfiguredRoots> roots;
  std::string server_name;   // the CLI's override of peers' names (peer.tls.serverhostoverride); empty: none
  Origin server_name_origin;
  std::string msp_directory;
  std::string msp_id;
  std::chrono::nanoseconds time_shift{0};  // of an orderer's cluster
};

// `file` empty: core.yaml, or orderer.yaml, where the program would look for it. kNotFound, kInvalidArgument: one line.
[[nodiscard]] Result<NodeTls> read_node_tls(const std::string& file, const config::Environment& environment);

}  // namespace selvage::tools::doctor
