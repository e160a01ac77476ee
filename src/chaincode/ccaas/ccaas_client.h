// Dials chaincode that runs as a service: `protos.Chaincode/Connect`, mutual TLS as its connection.json says.
#pragma once

#include <memory>
#include <string>

#include "chaincode/ccaas/connection.h"
#include "chaincode/launcher.h"
#include "chaincode/package_store.h"

namespace selvage::chaincode {

struct CcaasSettings {
  std::string builder_config;   // CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG
  bool ccaas_builder = true;    // core.yaml names a builder "ccaas_builder" (or none at all)
  bool docker = false;          // vm.endpoint is set; there is no Docker builder, so this only words the answer
};

// Makes the connector of launcher.h. `packages` outlives it.
[[nodiscard]] std::unique_ptr<Connector> make_ccaas_connector(CcaasSettings settings, PackageStore& packages);

// What installation checks before a package is accepted: its type can be run here and, for ccaas, its connection.json
// holds. Errors: Fabric's texts ("could not build chaincode: docker build is disabled").
[[nodiscard]] Status check_package(const CcaasSettings& settings, BytesView package);

}  // namespace selvage::chaincode
