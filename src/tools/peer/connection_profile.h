// The part of a connection profile (yaml) that the peer commands use: which peers, at which address, with which CA
// file.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace selvage::tools::peer {

struct ProfilePeer {
  std::string address;
  std::string ca_file;
};

// With a channel: its peers that endorse. Without: `target`. Errors have Fabric's words.
// Fabric quirk: internal/peer/common/networkconfig.go; of tlsCACerts only `path` counts.
[[nodiscard]] Result<std::vector<ProfilePeer>> peers_of_profile(const std::string& file, const std::string& channel,
                                                                const std::string& target);

}  // namespace selvage::tools::peer
