// Where the peer commands connect to and as whom: core.yaml and CORE_* for the peer, flags for the orderer.
//
// Fabric quirk: internal/peer/common. The orderer's values come from flags alone, whatever CORE_ORDERER_* say.
#pragma once

#include <chrono>
#include <string>

#include "base/result.h"
#include "config/reader.h"
#include "tools/cobra.h"

namespace selvage::tools::peer {

struct TlsSettings {
  bool enabled = false;
  bool client_auth = false;        // present our certificate
  std::string client_auth_remedy;  // what to set when it is not and a server demands one
  config::File roots;              // the server's CA
  config::File certificate;
  config::File key;
  std::string server_name;  // in place of the host
  Origin server_name_setting;
  std::chrono::seconds time_shift{0};
};

struct Settings {
  std::string peer_address;
  TlsSettings peer_tls;
  std::chrono::milliseconds peer_timeout = std::chrono::seconds(3);
  std::string orderer_address;  // --orderer: one, or several with commas between; empty: ask the channel
  TlsSettings orderer_tls;
  std::chrono::milliseconds orderer_timeout = std::chrono::seconds(3);
  std::string msp_folder;
  std::string mspid;
  size_t receive_bytes_max = 100u << 20;
  size_t send_bytes_max = 100u << 20;
};

// The flags that `peer channel`, `peer chaincode` and `peer lifecycle chaincode` have in common.
[[nodiscard]] std::vector<cobra::Flag> orderer_flags();

// Reads core.yaml of FABRIC_CFG_PATH, the environment and the flags of `call`.
[[nodiscard]] Result<Settings> read_settings(const cobra::Call& call);

}  // namespace selvage::tools::peer
