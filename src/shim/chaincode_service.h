// Chaincode as a service: the peer dials, over mutual TLS as the normal case.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/origin.h"
#include "base/result.h"
#include "shim/chaincode.h"

namespace selvage::shim {

struct ServiceSettings {
  std::string chaincode_id;    // CHAINCODE_ID (or CORE_CHAINCODE_ID_NAME): the package id that the peer printed at install
  std::string listen_address;  // CHAINCODE_SERVER_ADDRESS, "host:port"
  bool tls = true;             // CHAINCODE_TLS_DISABLED=true switches it off
  // Files; what is not a file may be the PEM text itself or its base64, since samples differ on what these hold.
  std::string key;             // CHAINCODE_TLS_KEY
  std::string certificate;     // CHAINCODE_TLS_CERT
  std::string client_ca;       // CHAINCODE_CLIENT_CA_CERT; empty: any peer may connect (said in a warning)
  size_t transactions_max = 512;  // at once; more wait in line
};

// kInvalidArgument names the variable and the remedy.
[[nodiscard]] Result<ServiceSettings> settings_from_environment(
    const std::function<std::optional<std::string>(const std::string& name)>& variable);

class ChaincodeService {
 public:
  // `chaincode` outlives the service. Errors: kInvalidArgument (a wrong file, with variable and remedy).
  [[nodiscard]] static Result<std::unique_ptr<ChaincodeService>> make(Chaincode& chaincode, ServiceSettings settings);
  ~ChaincodeService();  // as stop(0)

  Status start();                              // kUnavailable when the address is taken
  [[nodiscard]] std::string address() const;   // port 0 resolved
  // Running transactions may finish until `grace` is over.
  void stop(std::chrono::milliseconds grace);

 private:
  struct Parts;
  explicit ChaincodeService(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace selvage::shim
