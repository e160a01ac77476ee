// The policy of a chaincode, a collection or a key: protos.ApplicationPolicy, which is a signature policy or the name of
// a policy of the channel.
#pragma once

#include <memory>
#include <string>

#include "policy/policy.h"
#include "policy/policy_manager.h"

namespace selvage::policy {

// The result may outlive the manager. Errors: kInvalidArgument, Fabric's words ("failed to retrieve policy for reference
// /Channel/Application/X", "unsupported policy type <nil>").
[[nodiscard]] Result<std::shared_ptr<const Policy>> make_application_policy(
    BytesView application_policy, const PolicyManager& policies,
    std::shared_ptr<const identity::IdentityDeserializer> deserializer);

}  // namespace selvage::policy
