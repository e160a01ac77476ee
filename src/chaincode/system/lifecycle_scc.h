// `_lifecycle`: installs packages and carries chaincode definitions from approval to commit.
//
// Turns arguments into calls of the pure rules in lifecycle/ over the transaction's simulator; the texts around are
// those of Fabric's core/chaincode/lifecycle/scc.go.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "chaincode/channels.h"
#include "chaincode/definitions.h"
#include "chaincode/package_store.h"
#include "chaincode/system/system_chaincode.h"

namespace selvage::chaincode {

struct LifecycleParts {  // all outlive the chaincode
  std::string our_mspid;
  PackageStore& packages;
  DefinitionCache& definitions;
  AccessCheck access;
  // Builds a package; refuses what cannot run here (package_runner.h).
  std::function<Status(const std::string& package_id, BytesView package)> build;
};

[[nodiscard]] std::unique_ptr<SystemChaincode> make_lifecycle_scc(LifecycleParts parts);

}  // namespace selvage::chaincode
