// Writes the folder tree of one organisation: ca, tlsca, msp, {peers,orderers}/<node>, users/<user>.
#pragma once

#include <chrono>
#include <string>

#include "base/result.h"
#include "tools/cryptogen/crypto_config.h"

namespace selvage::tools::cryptogen {

enum class Kind { kPeer, kOrderer };

// `organization` is expanded. Nodes and users that exist are left as they are.
[[nodiscard]] Status generate_organization(const std::string& base, const Organization& organization, Kind kind,
                                           std::chrono::sys_seconds now);
// Adds what the configuration has and the tree has not, signed by the authorities in the tree; a whole organisation
// that is missing is generated.
[[nodiscard]] Status extend_organization(const std::string& base, const Organization& organization, Kind kind,
                                         std::chrono::sys_seconds now);

}  // namespace selvage::tools::cryptogen
