// What a channel's configuration and state say about endorsing a chaincode: its definition, its policy and those of its
// collections, all as signature policies.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "common/policies.pb.h"
#include "discovery/membership.h"
#include "peer/collection.pb.h"

namespace selvage::discovery {

struct ChaincodePolicies {
  std::string name;
  std::string version;  // the definition's sequence
  ::common::SignaturePolicyEnvelope policy;
  ::protos::CollectionConfigPackage collections;                             // with the implicit ones that were asked for
  std::map<std::string, ::common::SignaturePolicyEnvelope> of_collections;   // those that have one of their own
};

// kNotFound when the channel does not know the chaincode; other errors say which policy is at fault.
// Fabric quirk: core/chaincode/lifecycle/metadata_provider.go.
[[nodiscard]] Result<ChaincodePolicies> read_policies(const ChannelState& channel, const std::string& chaincode,
                                                      const std::vector<std::string>& collections);

// protos.ApplicationPolicy bytes as a signature policy; a reference to a policy of the channel is followed, implicit-meta
// policies become rules over those below. Fabric quirk: common/policies/convert.go.
[[nodiscard]] Result<::common::SignaturePolicyEnvelope> to_signature_policy(const channel::Bundle& bundle,
                                                                            BytesView application_policy);

}  // namespace selvage::discovery
