// The catalogue's tables, in parts that one can read. For catalogue.cc only.
#pragma once

#include "tls/catalogue/catalogue.h"

namespace selvage::tls {

[[nodiscard]] std::vector<Code> codes_of_client_certificates();  // 1-15: the server judges the client's certificate
[[nodiscard]] std::vector<Code> codes_of_own_files();            // 16-24: nothing reaches the wire
[[nodiscard]] std::vector<Code> codes_of_server_certificates();  // 25-35: the client judges the server's
[[nodiscard]] std::vector<Code>
codes_of_listeners_and_identities();  // 36-58: start, ports, proxies, Fabric's identities

}  // namespace selvage::tls
