// Chaincode that dials its peer: what an external builder's `run` starts, and what a developer starts by hand.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "shim/chaincode.h"

namespace selvage::shim {

struct ClientSettings {
  std::string chaincode_id;   // CORE_CHAINCODE_ID_NAME (or CHAINCODE_ID): the package id, or name:version in development
  std::string peer_address;   // -peer.address, or CORE_PEER_ADDRESS: the peer's chaincode listener
  bool tls = false;           // CORE_PEER_TLS_ENABLED
  // See tls_material.h on what these may hold. *_FILE goes before *_PATH.
  std::string key;            // CORE_TLS_CLIENT_KEY_FILE, CORE_TLS_CLIENT_KEY_PATH
  std::string certificate;    // CORE_TLS_CLIENT_CERT_FILE, CORE_TLS_CLIENT_CERT_PATH
  std::string peer_ca;        // CORE_PEER_TLS_ROOTCERT_FILE
  size_t transactions_max = 512;  // at once; more wait in line
};

using Environment = std::function<std::optional<std::string>(const std::string& name)>;

// `peer_address` is the command line's, empty when it has none. kInvalidArgument names the variable and the remedy.
[[nodiscard]] Result<ClientSettings> client_settings_from_environment(const Environment& variable,
                                                                      const std::string& peer_address = "");

class PeerClient {
 public:
  // `chaincode` outlives the client. Errors: kInvalidArgument (a wrong file, with variable and remedy).
  [[nodiscard]] static Result<std::unique_ptr<PeerClient>> make(Chaincode& chaincode, ClientSettings settings);
  ~PeerClient();  // stop()

  // Dials, registers and serves until the peer ends the conversation: kUnavailable says why (it could not be reached, it
  // refused the registration, it is gone). Fine after stop(). Blocks; once.
  Status run();
  // Ends run(). Any thread.
  void stop();

 private:
  struct Parts;
  explicit PeerClient(std::shared_ptr<Parts> parts);
  std::shared_ptr<Parts> parts_;
};

}  // namespace selvage::shim
