// Access control of the peer: resource name -> policy, by Fabric's defaults or the channel's ACLs value.
//
// Resources of the peer itself (install, join, ...) are judged by the local MSP ("Admins", "Members") and cannot be
// overridden; resources of a channel by the channel's policies. No I/O; safe from any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "policy/policy.h"
#include "policy/policy_manager.h"

namespace selvage::identity {
class Msp;
}

namespace selvage::policy {

// Resource names, as in core.yaml's and configtx.yaml's comments.
namespace resource {
inline constexpr std::string_view kLifecycleInstallChaincode = "_lifecycle/InstallChaincode";
inline constexpr std::string_view kLifecycleQueryInstalledChaincode = "_lifecycle/QueryInstalledChaincode";
inline constexpr std::string_view kLifecycleGetInstalledChaincodePackage = "_lifecycle/GetInstalledChaincodePackage";
inline constexpr std::string_view kLifecycleQueryInstalledChaincodes = "_lifecycle/QueryInstalledChaincodes";
inline constexpr std::string_view kLifecycleApprove = "_lifecycle/ApproveChaincodeDefinitionForMyOrg";
inline constexpr std::string_view kLifecycleQueryApproved = "_lifecycle/QueryApprovedChaincodeDefinition";
inline constexpr std::string_view kLifecycleQueryApprovedDefinitions = "_lifecycle/QueryApprovedChaincodeDefinitions";
inline constexpr std::string_view kLifecycleCommit = "_lifecycle/CommitChaincodeDefinition";
inline constexpr std::string_view kLifecycleQueryChaincodeDefinition = "_lifecycle/QueryChaincodeDefinition";
inline constexpr std::string_view kLifecycleQueryChaincodeDefinitions = "_lifecycle/QueryChaincodeDefinitions";
inline constexpr std::string_view kLifecycleCheckCommitReadiness = "_lifecycle/CheckCommitReadiness";
inline constexpr std::string_view kSnapshotSubmit = "snapshot/submitrequest";
inline constexpr std::string_view kSnapshotCancel = "snapshot/cancelrequest";
inline constexpr std::string_view kSnapshotList = "snapshot/listpending";
inline constexpr std::string_view kQsccGetChainInfo = "qscc/GetChainInfo";
inline constexpr std::string_view kQsccGetBlockByNumber = "qscc/GetBlockByNumber";
inline constexpr std::string_view kQsccGetBlockByHash = "qscc/GetBlockByHash";
inline constexpr std::string_view kQsccGetTransactionById = "qscc/GetTransactionByID";
inline constexpr std::string_view kQsccGetBlockByTxId = "qscc/GetBlockByTxID";
inline constexpr std::string_view kCsccJoinChain = "cscc/JoinChain";
inline constexpr std::string_view kCsccJoinChainBySnapshot = "cscc/JoinChainBySnapshot";
inline constexpr std::string_view kCsccJoinBySnapshotStatus = "cscc/JoinBySnapshotStatus";
inline constexpr std::string_view kCsccGetConfigBlock = "cscc/GetConfigBlock";
inline constexpr std::string_view kCsccGetChannelConfig = "cscc/GetChannelConfig";
inline constexpr std::string_view kCsccGetChannels = "cscc/GetChannels";
inline constexpr std::string_view kPeerPropose = "peer/Propose";
inline constexpr std::string_view kPeerChaincodeToChaincode = "peer/ChaincodeToChaincode";
inline constexpr std::string_view kEventBlock = "event/Block";
inline constexpr std::string_view kEventFilteredBlock = "event/FilteredBlock";
inline constexpr std::string_view kGatewayCommitStatus = "gateway/CommitStatus";
inline constexpr std::string_view kGatewayChaincodeEvents = "gateway/ChaincodeEvents";
}  // namespace resource

using AclTable = std::map<std::string, std::string, std::less<>>;  // resource -> absolute policy path

// "Admins", "Members" (local), a channel policy path, or "" when the resource has no default.
[[nodiscard]] std::string_view default_acl(std::string_view resource);
// True when the local MSP decides whatever the channel says.
[[nodiscard]] bool is_local_resource(std::string_view resource);

// One channel's side of the check; null members when there is no such channel.
struct AclChannel {
  std::string_view channel_id;
  const PolicyManager* policies = nullptr;
  const AclTable* overrides = nullptr;  // application()->acls(); may be null
};

// Signed proposal on a channel (or on none: empty channel_id). Error texts are Fabric's, word by word; code
// kPermissionDenied.
[[nodiscard]] Status check_acl(std::string_view resource, const AclChannel& channel, const identity::Msp& local,
                               const ::protos::SignedProposal& proposal);
// The same for a caller whose signature over its request has been verified already; null: none that the channel knows.
[[nodiscard]] Status check_acl(std::string_view resource, const AclChannel& channel, const identity::Msp& local,
                               const IdentityPtr& caller);
// Signed data (events, gateway, chaincode to chaincode).
[[nodiscard]] Status check_acl(std::string_view resource, const AclChannel& channel, std::span<const SignedData> signatures);
// Channelless resources.
[[nodiscard]] Status check_local_acl(std::string_view resource, const identity::Msp& local,
                                     const ::protos::SignedProposal& proposal);
[[nodiscard]] Status check_local_acl(std::string_view resource, const identity::Msp& local,
                                     std::span<const SignedData> signatures);

}  // namespace selvage::policy
