// Dials chaincode that runs as a service: `protos.Chaincode/Connect`, mutual TLS as its connection.json says.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "chaincode/ccaas/connection.h"

namespace selvage::lifecycle {
struct Package;
}

namespace selvage::chaincode {

class ShimSession;

struct CcaasSettings {
  std::string builder_config;  // CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG
  bool docker = false;         // vm.endpoint is set; there is no Docker builder, so this only words the answer
};

// The builder for packages of type ccaas that is part of the peer: what Fabric's ccaas_builder does in three programs.
// Errors: Fabric's texts ("docker build failed: docker build is disabled" for other types; "external builder failed: ...").
[[nodiscard]] Result<Connection> packaged_connection(const CcaasSettings& settings, const lifecycle::Package& package);

// That its PEM texts can be used. `connection.json` in the error.
[[nodiscard]] Status check_connection(const Connection& connection);

// Safe from any thread.
class CcaasDialer {
 public:
  CcaasDialer();
  ~CcaasDialer();
  // Blocks for up to the connection's dial_timeout. Errors: "connection to <id> failed: ...".
  Status dial(const std::string& package_id, const Connection& connection, const std::shared_ptr<ShimSession>& session);
  // Ends dials that are on the way, and refuses later ones.
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace selvage::chaincode
