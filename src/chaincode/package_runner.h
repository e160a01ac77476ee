// Gets the process of a package to speak with us, whichever way it is made for: dialled as a service, or started by an
// external builder's `run` and dialling the peer's chaincode listener.
//
// The Connector of launcher.h. Builds the package first, by an external builder or by the one for ccaas that is part of the
// peer. A started process belongs to one session: it is ended (SIGTERM, then SIGKILL) when its conversation ends, and its
// exit ends the conversation.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "chaincode/builder/builds_runner.h"
#include "chaincode/ccaas/ccaas_client.h"
#include "chaincode/launcher.h"
#include "chaincode/package_store.h"

namespace selvage::chaincode {

class ChaincodeListener;

struct PackageRunnerSettings {
  CcaasSettings ccaas;
  BuildsSettings builds;
  std::chrono::milliseconds stop_grace = std::chrono::seconds(5);  // SIGTERM to SIGKILL, as Fabric's
};

// Safe from any thread.
class PackageRunner final : public Connector {
 public:
  // `packages` outlives it; so does `listener`, which may be null: then nothing can be run that dials us.
  PackageRunner(PackageRunnerSettings settings, PackageStore& packages, ChaincodeListener* listener);
  ~PackageRunner() override;  // stop()

  // What installation does before a package is accepted: builds it. Errors: Fabric's texts ("docker build failed: docker
  // build is disabled", "external builder failed: external builder failed to build: ...").
  Status build(const std::string& package_id, BytesView package);

  Status connect(const std::string& package_id, const std::shared_ptr<ShimSession>& session) override;
  // Ends builds, dials and processes, and waits for them.
  void stop() override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace selvage::chaincode
