#include "policy/acl.h"

#include <fmt/format.h>

#include "base/log.h"
#include "base/log_quota.h"
#include "identity/msp.h"
#include "msp/msp_principal.pb.h"
#include "peer/proposal.pb.h"

namespace selvage::policy {
namespace {

constexpr std::string_view kAdmins = "Admins";
constexpr std::string_view kMembers = "Members";

const log::Logger& logger() {
  static const log::Logger instance("aclmgmt");
  return instance;
}

struct Default {
  std::string_view resource;
  std::string_view policy;
};

constexpr Default kDefaults[] = {
    {resource::kLifecycleInstallChaincode, kAdmins},
    {resource::kLifecycleQueryInstalledChaincode, kAdmins},
    {resource::kLifecycleGetInstalledChaincodePackage, kAdmins},
    {resource::kLifecycleQueryInstalledChaincodes, kAdmins},
    {resource::kLifecycleApprove, kAdmins},
    {resource::kLifecycleQueryApproved, kAdmins},
    {resource::kLifecycleQueryApprovedDefinitions, kAdmins},
    {resource::kLifecycleCommit, kChannelApplicationWriters},
    {resource::kLifecycleQueryChaincodeDefinition, kChannelApplicationWriters},
    {resource::kLifecycleQueryChaincodeDefinitions, kChannelApplicationWriters},
    {resource::kLifecycleCheckCommitReadiness, kChannelApplicationWriters},
    {resource::kSnapshotSubmit, kAdmins},
    {resource::kSnapshotCancel, kAdmins},
    {resource::kSnapshotList, kAdmins},
    {"lscc/Install", kAdmins},
    {"lscc/GetInstalledChaincodes", kAdmins},
    {"lscc/ChaincodeExists", kChannelApplicationReaders},
    {"lscc/GetDeploymentSpec", kChannelApplicationReaders},
    {"lscc/GetChaincodeData", kChannelApplicationReaders},
    {"lscc/GetInstantiatedChaincodes", kChannelApplicationReaders},
    {"lscc/GetCollectionsConfig", kChannelApplicationReaders},
    {resource::kQsccGetChainInfo, kChannelApplicationReaders},
    {resource::kQsccGetBlockByNumber, kChannelApplicationReaders},
    {resource::kQsccGetBlockByHash, kChannelApplicationReaders},
    {resource::kQsccGetTransactionById, kChannelApplicationReaders},
    {resource::kQsccGetBlockByTxId, kChannelApplicationReaders},
    {resource::kCsccJoinChain, kAdmins},
    {resource::kCsccJoinChainBySnapshot, kAdmins},
    {resource::kCsccJoinBySnapshotStatus, kAdmins},
    {resource::kCsccGetChannels, kMembers},
    {resource::kCsccGetConfigBlock, kChannelApplicationReaders},
    {resource::kCsccGetChannelConfig, kChannelApplicationReaders},
    {resource::kPeerPropose, kChannelApplicationWriters},
    {resource::kPeerChaincodeToChaincode, kChannelApplicationWriters},
    {resource::kEventBlock, kChannelApplicationReaders},
    {resource::kEventFilteredBlock, kChannelApplicationReaders},
    {resource::kGatewayCommitStatus, kChannelApplicationReaders},
    {resource::kGatewayChaincodeEvents, kChannelApplicationReaders},
};

tl::unexpected<Error> refuse(std::string text) { return fail(Code::kPermissionDenied, std::move(text)); }

Result<::common::MSPPrincipal> local_principal(std::string_view policy, const identity::Msp& local) {
  ::common::MSPRole role;
  role.set_msp_identifier(local.mspid());
  if (policy == kAdmins) {
    role.set_role(::common::MSPRole::ADMIN);
  } else if (policy == kMembers) {
    role.set_role(::common::MSPRole::MEMBER);
  } else {
    return refuse(fmt::format("MSP Principal role [{}] not recognized", policy));
  }
  ::common::MSPPrincipal principal;
  principal.set_principal_classification(::common::MSPPrincipal::ROLE);
  principal.set_principal(role.SerializeAsString());
  return principal;
}

// Fabric words proposals and other signed data differently; both texts are matched by scripts.
struct LocalWords {
  const char* deserializing;
  const char* principal;
  const char* satisfying;
};
constexpr LocalWords kProposalWords{"Failed deserializing proposal creator", "Failed getting local MSP principal",
                                    "Failed verifying that proposal's creator satisfies local MSP principal"};
constexpr LocalWords kSignedDataWords{"failed deserializing signed data identity", "failed getting local MSP principal",
                                      "failed verifying that the signed data identity satisfies local MSP principal"};

Status check_local(std::string_view policy, const identity::Msp& local, const SignedData& signature,
                   const LocalWords& words) {
  const auto during = [&](const char* what, const std::string& why) {
    return refuse(fmt::format("{} during channelless check policy with policy [{}]: [{}]", what, policy, why));
  };
  auto identity = local.deserialize(signature.identity);
  if (!identity) {
    LOG_STRANGER(logger(), Warn, "", "{} during channelless check policy error=\"{}\" policyName={} identity={}", words.deserializing,
             escape(identity.error().message), policy, identity::describe_identity(signature.identity));
    return during(words.deserializing, identity.error().message);
  }
  auto principal = local_principal(policy, local);
  if (!principal) return during(words.principal, principal.error().message);
  if (auto held = (*identity)->satisfies(*principal); !held) {
    LOG_STRANGER(logger(), Warn, "", "{} during channelless check policy error=\"{}\" policyName={} signingIdentity={}", words.satisfying,
             escape(held.error().message), policy, identity::describe_identity(signature.identity));
    return during(words.satisfying, held.error().message);
  }
  auto verified = (*identity)->verify(signature.data, signature.signature);
  if (!verified) return refuse(verified.error().message);
  return {};
}

Status check_channel(std::string_view policy, const AclChannel& channel, std::span<const SignedData> signatures) {
  if (channel.policies == nullptr) {
    return refuse(fmt::format("Failed to get policy manager for channel [{}]", channel.channel_id));
  }
  if (auto satisfied = channel.policies->evaluate(policy, signatures); !satisfied) {
    LOG_STRANGER(logger(), Warn, "", "Failed evaluating policy on signed data error=\"{}\" policyName={} identities={}",
             escape(satisfied.error().message), policy,
             signatures.empty() ? "" : identity::describe_identity(signatures[0].identity));
    return refuse(fmt::format("Failed evaluating policy on signed data during check policy on channel [{}] with policy [{}]: "
                              "[{}]", channel.channel_id, policy, satisfied.error().message));
  }
  return {};
}

// The channel's own choice for a resource; empty when it leaves the default.
std::string_view overridden(std::string_view resource, const AclChannel& channel) {
  if (channel.overrides == nullptr || channel.policies == nullptr || is_local_resource(resource)) return {};
  const auto at = channel.overrides->find(resource);
  return at == channel.overrides->end() ? std::string_view() : std::string_view(at->second);
}

Status check_overridden(std::string_view policy, const AclChannel& channel, std::span<const SignedData> signatures) {
  std::string why;
  if (const Policy* found = channel.policies->find(policy)) {
    auto satisfied = found->evaluate(signatures);
    if (satisfied) return {};
    LOG_STRANGER(logger(), Warn, "", "EvaluateSignedData policy check failed error=\"{}\" policyName={} signingIdentities={}",
             escape(satisfied.error().message), policy,
             signatures.empty() ? "" : identity::describe_identity(signatures[0].identity));
    why = satisfied.error().message;
  } else {
    why = fmt::format("policy {} not found", policy);
  }
  return refuse(fmt::format("failed evaluating policy on signed data during check policy [{}]: [{}]", policy, why));
}

}  // namespace

std::string_view default_acl(std::string_view resource) {
  for (const Default& entry : kDefaults) {
    if (entry.resource == resource) return entry.policy;
  }
  return {};
}

bool is_local_resource(std::string_view resource) {
  const std::string_view policy = default_acl(resource);
  return policy == kAdmins || policy == kMembers;
}

Status check_acl(std::string_view resource, const AclChannel& channel, const identity::Msp& local,
                 const ::protos::SignedProposal& proposal) {
  std::string_view policy = overridden(resource, channel);
  const bool own = !policy.empty();
  if (!own) policy = default_acl(resource);
  if (policy.empty()) {
    LOG_ERROR(logger(), "Unmapped policy for {}", escape(resource));
    return refuse(fmt::format("Unmapped policy for {}", resource));
  }
  auto signed_data = signed_data_of(proposal);
  if (!signed_data) {
    return refuse(fmt::format("Failing extracting proposal during check policy on channel [{}] with policy [{}]: [{}]",
                              channel.channel_id, policy, signed_data.error().message));
  }
  const SignedData view = signed_data->view();
  if (own) return check_overridden(policy, channel, std::span(&view, 1));
  if (is_local_resource(resource) || channel.channel_id.empty()) return check_local(policy, local, view, kProposalWords);
  return check_channel(policy, channel, std::span(&view, 1));
}

Status check_acl(std::string_view resource, const AclChannel& channel, const identity::Msp& local,
                 const IdentityPtr& caller) {
  std::string_view policy = overridden(resource, channel);
  const bool own = !policy.empty();
  if (!own) policy = default_acl(resource);
  if (policy.empty()) {
    LOG_ERROR(logger(), "Unmapped policy for {}", escape(resource));
    return refuse(fmt::format("Unmapped policy for {}", resource));
  }
  if (!own && (is_local_resource(resource) || channel.channel_id.empty())) {
    const auto during = [&](const char* what, const std::string& why) {
      LOG_STRANGER(logger(), Warn, "", "{} during channelless check policy error=\"{}\" policyName={} identity={}", what, escape(why), policy,
               caller ? identity::describe_identity(caller->serialized()) : "");
      return refuse(fmt::format("{} during channelless check policy with policy [{}]: [{}]", what, policy, why));
    };
    auto identity = local.deserialize(caller ? BytesView(caller->serialized()) : BytesView());
    if (!identity) return during(kProposalWords.deserializing, identity.error().message);
    auto principal = local_principal(policy, local);
    if (!principal) return during(kProposalWords.principal, principal.error().message);
    if (auto held = (*identity)->satisfies(*principal); !held) return during(kProposalWords.satisfying, held.error().message);
    return {};
  }
  if (channel.policies == nullptr) {
    return refuse(fmt::format("Failed to get policy manager for channel [{}]", channel.channel_id));
  }
  std::string why;
  if (const Policy* found = channel.policies->find(policy)) {
    auto satisfied = found->evaluate_identities(std::span(&caller, caller ? 1 : 0));
    if (satisfied) return {};
    why = satisfied.error().message;
  } else {
    why = own ? fmt::format("policy {} not found", policy) : fmt::format("no such policy: '{}'", policy);
  }
  LOG_STRANGER(logger(), Warn, "", "Failed evaluating policy on signed data error=\"{}\" policyName={} identities={}", escape(why), policy,
           caller ? identity::describe_identity(caller->serialized()) : "");
  if (own) return refuse(fmt::format("failed evaluating policy on signed data during check policy [{}]: [{}]", policy, why));
  return refuse(fmt::format("Failed evaluating policy on signed data during check policy on channel [{}] with policy [{}]: "
                            "[{}]", channel.channel_id, policy, why));
}

Status check_acl(std::string_view resource, const AclChannel& channel, std::span<const SignedData> signatures) {
  if (const std::string_view own = overridden(resource, channel); !own.empty()) {
    return check_overridden(own, channel, signatures);
  }
  const std::string_view policy = default_acl(resource);
  if (policy.empty()) {
    LOG_ERROR(logger(), "Unmapped policy for {}", escape(resource));
    return refuse(fmt::format("Unmapped policy for {}", resource));
  }
  if (is_local_resource(resource) || channel.channel_id.empty()) {
    return refuse("Invalid channel ID name during check policy on signed data. Name must be different from nil.");
  }
  return check_channel(policy, channel, signatures);
}

Status check_local_acl(std::string_view resource, const identity::Msp& local, const ::protos::SignedProposal& proposal) {
  if (!is_local_resource(resource)) return refuse("cannot override peer type policy for channeless ACL check");
  const std::string_view policy = default_acl(resource);
  auto signed_data = signed_data_of(proposal);
  if (!signed_data) {
    return refuse(fmt::format("Failing extracting proposal during channelless check policy with policy [{}]: [{}]", policy,
                              signed_data.error().message));
  }
  return check_local(policy, local, signed_data->view(), kProposalWords);
}

Status check_local_acl(std::string_view resource, const identity::Msp& local, std::span<const SignedData> signatures) {
  if (!is_local_resource(resource)) return refuse("cannot override peer type policy for channeless ACL check");
  const std::string_view policy = default_acl(resource);
  if (signatures.empty()) {
    return refuse(fmt::format("no signed data during channelless check policy with policy [{}]", policy));
  }
  for (const SignedData& signature : signatures) SELVAGE_CHECK(check_local(policy, local, signature, kSignedDataWords));
  return {};
}

}  // namespace selvage::policy
