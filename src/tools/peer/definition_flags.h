// What approveformyorg, checkcommitreadiness and commit say of a chaincode definition, from flags and the collections
// file.
#pragma once

#include <string>

#include "base/result.h"
#include "tools/cobra.h"

namespace protos {
class CollectionConfigPackage;
}

namespace selvage::tools::peer {

// Marshalled ApplicationPolicy of --signature-policy or --channel-config-policy; empty when neither is given.
[[nodiscard]] Result<Bytes> policy_of_flags(const std::string& signature_policy,
                                            const std::string& channel_config_policy);

// Collections in Fabric's JSON form: [{"name":..,"policy":..,"requiredPeerCount":..,...}].
// Fabric quirk: internal/peer/chaincode/common.go.
[[nodiscard]] Result<::protos::CollectionConfigPackage> parse_collections(const std::string& json);

// The required ones of --channelID, --name, --version and --sequence are there.
[[nodiscard]] Status check_definition_flags(const cobra::Call& call);

// Fills in what ApproveChaincodeDefinitionForMyOrgArgs, CheckCommitReadinessArgs and CommitChaincodeDefinitionArgs have
// in common.
template <class Arguments>
[[nodiscard]] Status fill_definition(const cobra::Call& call, Arguments& arguments);

}  // namespace selvage::tools::peer
