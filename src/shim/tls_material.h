// A chaincode's TLS, from what its environment says.
//
// A value may be a file, the PEM text itself, or base64 of either's text: samples and shims differ on what these variables
// hold (*_FILE: PEM, *_PATH: a file of base64), and it is a frequent reason for a chaincode that does not start.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"

namespace selvage::tls {
class ClientContext;
class ServerContext;
}  // namespace selvage::tls

namespace selvage::shim {

struct PemSetting {
  std::string value;
  std::string variable;  // its name, for messages
};

// Errors (kInvalidArgument) name variable and remedy and never repeat a value: it may be a key.
// An empty `client_ca`: any peer may connect, which is said in a warning.
[[nodiscard]] Result<std::shared_ptr<tls::ServerContext>> make_server_context(const PemSetting& certificate,
                                                                              const PemSetting& key,
                                                                              const PemSetting& client_ca);
[[nodiscard]] Result<std::shared_ptr<tls::ClientContext>> make_client_context(const PemSetting& certificate,
                                                                              const PemSetting& key,
                                                                              const PemSetting& peer_ca);

}  // namespace selvage::shim
