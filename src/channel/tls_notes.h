// What the operator of a node should know of the TLS roots in a channel's configuration. Pure.
#pragma once

#include <string>
#include <vector>

#include "channel/bundle.h"

namespace selvage::channel {

// "Channel/Orderer/OrdererOrg/MSP": where an organisation's tls_root_certs stand in the configuration.
[[nodiscard]] std::string path_of(const OrgTlsRoots& org);

// One line (TLS-52) for each organisation that has no tls_root_certs, so that nobody can trust the TLS certificates of its
// nodes and clients: MSP, path, remedy.
[[nodiscard]] std::vector<std::string> notes_on_tls_roots(const Bundle& bundle);

// "OrdererMSP (Channel/Orderer/OrdererOrg/MSP): CN=tlsca.example.com; Orderer2MSP (...): none": of the orderer organisations.
[[nodiscard]] std::string list_orderer_tls_roots(const Bundle& bundle);

}  // namespace selvage::channel
