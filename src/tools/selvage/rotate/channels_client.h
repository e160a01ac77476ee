// Which channels orderers have, as their admin listeners say (channel participation).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "tls/context.h"

namespace selvage::tools::rotate {

// Names of all channels that any of these has, in order, each once. All of `admins` (host:port) must answer: a channel that
// is overlooked would lose the node. Errors: those of the call, with the listener's address. Blocks for as long as it takes.
[[nodiscard]] Result<std::vector<std::string>> find_channels(const std::vector<std::string>& admins,
                                                             const std::shared_ptr<tls::CredentialStore>& pair,
                                                             const std::shared_ptr<tls::TrustStore>& trust);

}  // namespace selvage::tools::rotate
