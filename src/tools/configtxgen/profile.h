// configtx.yaml: profiles, organisations and defaults, as configtxgen reads them.
//
// Settings keep Fabric's names. Paths are made absolute against the yaml's folder. Unknown keys are refused.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/tree.h"
#include "tools/configtxgen/bft_orderer.h"

namespace selvage::tools::configtxgen {

struct PolicyRule {
  std::string type;  // "Signature", "ImplicitMeta"
  std::string rule;
};
using PolicyRules = std::map<std::string, PolicyRule>;
using Capabilities = std::map<std::string, bool>;

struct AnchorPeer {
  std::string host;
  int32_t port = 0;
};

struct Organization {
  std::string name;
  std::string mspid;
  std::string msp_folder;
  std::string msp_type = "bccsp";
  PolicyRules policies;
  std::vector<AnchorPeer> anchor_peers;
  std::vector<std::string> orderer_endpoints;
  bool skip_as_foreign = false;
};

struct Application {
  std::vector<Organization> organizations;
  Capabilities capabilities;
  PolicyRules policies;
  std::map<std::string, std::string> acls;
};

struct RaftConsenter {
  std::string host;
  uint32_t port = 0;
  std::string client_tls_cert;  // files
  std::string server_tls_cert;
};

struct RaftOptions {
  std::string tick_interval;
  uint32_t election_tick = 0;
  uint32_t heartbeat_tick = 0;
  uint32_t max_inflight_blocks = 0;
  uint32_t snapshot_interval_size = 0;
};

struct Orderer {
  std::string type;  // "etcdraft", "BFT"
  std::vector<std::string> addresses;
  std::string batch_timeout;  // as Go prints a duration: "500ms"
  uint32_t max_message_count = 0;
  uint32_t absolute_max_bytes = 0;
  uint32_t preferred_max_bytes = 0;
  std::vector<RaftConsenter> consenters;
  RaftOptions raft;
  BftOrderer bft;
  std::vector<Organization> organizations;
  uint64_t max_channels = 0;
  Capabilities capabilities;
  PolicyRules policies;
};

struct Profile {
  std::string consortium;
  std::optional<Application> application;
  std::optional<Orderer> orderer;
  // Of ordering system channels, which are no more; blocks with them are still written.
  std::optional<std::map<std::string, std::vector<Organization>>> consortiums;
  Capabilities capabilities;
  PolicyRules policies;
};

// "configtx.yaml" in `folder`; empty: FABRIC_CFG_PATH and Fabric's other places. CONFIGTX_* overrides.
// kNotFound "Error reading configuration: ...".
[[nodiscard]] Result<config::Tree> load_tree(const std::string& folder);

// Complete: unset options filled with Fabric's defaults, each told to the log. kNotFound "Could not find profile:
// <name>".
[[nodiscard]] Result<Profile> load_profile(const config::Tree& tree, const std::string& name);
// The list at the top of the file, for -printOrg.
[[nodiscard]] Result<std::vector<Organization>> load_organizations(const config::Tree& tree);
// "Capabilities.Channel" at the top of the file.
[[nodiscard]] Result<Capabilities> load_channel_capabilities(const config::Tree& tree);

}  // namespace selvage::tools::configtxgen
