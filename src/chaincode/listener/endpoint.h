// The address that chaincode is told to dial. Pure.
#pragma once

#include <string>

#include "base/result.h"

namespace selvage::chaincode {

// `chaincode_address`: peer.chaincodeAddress; `listen_address`: peer.chaincodeListenAddress; each may be empty.
// `peer_host`: the host of peer.address. Errors: "invalid endpoint for chaincode to connect".
// Fabric quirk: internal/peer/node/start.go computeChaincodeEndpoint; port 7052 when nothing says one.
[[nodiscard]] Result<std::string> chaincode_endpoint(const std::string& chaincode_address,
                                                     const std::string& listen_address, const std::string& peer_host);

// "host" of "host:port" and "[::1]:port"; empty when it is neither.
[[nodiscard]] std::string host_of(const std::string& address);

}  // namespace selvage::chaincode
