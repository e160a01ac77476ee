// One signed request to a peer's discovery service.
#pragma once

#include <string>

#include "base/result.h"
#include "discovery/protocol.pb.h"
#include "tools/discover/settings.h"

namespace selvage::tools::discover {

// Dials, signs and sends. With a CA and no TLS pair of our own, a self-signed one is made for this connection.
// Errors: "open <file>: no such file or directory", "failed to create new connection: <why>", "rpc error: code = ...".
[[nodiscard]] Result<::discovery::Response> send(const Settings& settings, const std::string& server,
                                                 ::discovery::Request request);

}  // namespace selvage::tools::discover
