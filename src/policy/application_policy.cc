#include "policy/application_policy.h"

#include <fmt/format.h>

#include "peer/policy.pb.h"
#include "policy/signature_policy.h"
#include "wire/marshal.h"

namespace selvage::policy {

Result<std::shared_ptr<const Policy>> make_application_policy(
    BytesView application_policy, const PolicyManager& policies,
    std::shared_ptr<const identity::IdentityDeserializer> deserializer) {
  ::protos::ApplicationPolicy parsed;
  if (!wire::parse_into(application_policy, parsed)) {
    return fail(Code::kInvalidArgument,
                "failed to unmarshal ApplicationPolicy bytes: proto: cannot parse invalid wire-format data");
  }
  switch (parsed.Type_case()) {
    case ::protos::ApplicationPolicy::kSignaturePolicy: {
      auto policy = make_signature_policy(parsed.signature_policy(), std::move(deserializer));
      if (!policy) return fail(policy.error().within("could not create evaluator for signature policy"));
      return policy;
    }
    case ::protos::ApplicationPolicy::kChannelConfigPolicyReference: {
      const std::string& reference = parsed.channel_config_policy_reference();
      if (auto policy = policies.share(reference)) return policy;
      return fail(Code::kInvalidArgument,
                  fmt::format("could not create evaluator for channel reference policy: failed to retrieve policy for "
                              "reference {}", reference));
    }
    default:
      return fail(Code::kInvalidArgument, "unsupported policy type <nil>");
  }
}

}  // namespace selvage::policy
