#include "discovery/endorsers.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>

#include "base/log.h"
#include "channel/bundle.h"
#include "discovery/chaincode_policies.h"
#include "discovery/principals.h"

namespace selvage::discovery {
namespace {

using ::protos::ChaincodeInterest;

const log::Logger& logger() {
  static const log::Logger instance("discovery.endorsement");
  return instance;
}

bool satisfies(const channel::Bundle& bundle, const Peer& peer, const ::common::MSPPrincipal& principal) {
  const auto identity = bundle.msps()->deserialize(peer.identity);
  return identity && (*identity)->satisfies(principal);
}

// What an interest says about peers: the chaincodes that they must run, and the collections that they must be members of.
struct Criteria {
  std::vector<ChaincodePolicies> chaincodes;  // one for each call
  std::vector<::common::SignaturePolicyEnvelope> members;  // of each collection that is read

  [[nodiscard]] bool runs_all(const Peer& peer) const {
    return std::all_of(chaincodes.begin(), chaincodes.end(), [&](const ChaincodePolicies& wanted) {
      return std::any_of(peer.chaincodes.begin(), peer.chaincodes.end(), [&](const InstalledChaincode& one) {
        return one.name == wanted.name && one.version == wanted.version;
      });
    });
  }
  [[nodiscard]] bool may_read(const channel::Bundle& bundle, const Peer& peer) const {
    return std::all_of(members.begin(), members.end(), [&](const ::common::SignaturePolicyEnvelope& policy) {
      return std::any_of(policy.identities().begin(), policy.identities().end(),
                         [&](const auto& principal) { return satisfies(bundle, peer, principal); });
    });
  }
};

Status add_collections(const ::protos::ChaincodeCall& call, const ChaincodePolicies& policies, Criteria& criteria) {
  if (call.collection_names().empty() || call.no_private_reads()) return {};
  for (const auto& name : call.collection_names()) {
    const ::common::SignaturePolicyEnvelope* members = nullptr;
    for (const auto& config : policies.collections.config()) {
      const auto& one = config.static_collection_config();
      if (one.name() == name) members = &one.member_orgs_policy().signature_policy();
    }
    if (members == nullptr) {
      return fail(Code::kNotFound, fmt::format("collection {} doesn't exist in collection config for chaincode {}", name,
                                               call.name()));
    }
    criteria.members.push_back(*members);
  }
  return {};
}

Result<Criteria> read_criteria(const ChannelState& channel, const ChaincodeInterest& interest) {
  Criteria criteria;
  for (const auto& call : interest.chaincodes()) {
    auto policies = read_policies(channel, call.name(), {call.collection_names().begin(), call.collection_names().end()});
    if (!policies) {
      LOG_DEBUG(logger(), "no policies of chaincode {}: {}", escape(call.name(), 100), policies.error().message);
      return fail(Code::kNotFound, fmt::format("No metadata was found for chaincode {} in channel {}", call.name(),
                                               channel.bundle ? channel.bundle->channel_id() : ""));
    }
    SELVAGE_CHECK(add_collections(call, *policies, criteria));
    criteria.chaincodes.push_back(std::move(*policies));
  }
  return criteria;
}

// The chaincode's policy, or those of the collections that are written in its place.
// Fabric quirk: discovery/support/chaincode; with collections the chaincode's own counts where one has no policy.
std::vector<const ::common::SignaturePolicyEnvelope*> policies_of(const ::protos::ChaincodeCall& call,
                                                                  const ChaincodePolicies& policies) {
  std::vector<const ::common::SignaturePolicyEnvelope*> out;
  if (call.collection_names().empty()) return {&policies.policy};
  std::set<std::string> seen;
  for (const auto& name : call.collection_names()) {
    const auto own = policies.of_collections.find(name);
    const auto* policy = own == policies.of_collections.end() ? &policies.policy : &own->second;
    if (seen.insert(policy->SerializeAsString()).second) out.push_back(policy);
  }
  return out;
}

Result<PrincipalSets> sets_of(const ::common::SignaturePolicyEnvelope& policy, const char* unsatisfiable) {
  auto sets = satisfied_by(policy);
  if (sets.empty()) return fail(Code::kFailedPrecondition, unsatisfiable);
  return sets;
}

PrincipalSets merge_all(std::vector<PrincipalSets> all) {
  PrincipalSets merged = std::move(all.front());
  for (size_t i = 1; i < all.size(); ++i) merged = merge(std::move(merged), std::move(all[i]));
  return merged;
}

Result<PrincipalSets> principal_sets(const ChaincodeInterest& interest, const Criteria& criteria) {
  std::vector<PrincipalSets> all, of_keys;
  for (int i = 0; i < interest.chaincodes_size(); ++i) {
    const auto& call = interest.chaincodes(i);
    auto policies = policies_of(call, criteria.chaincodes[static_cast<size_t>(i)]);
    if (call.disregard_namespace_policy()) {
      if (call.key_policies().empty() && policies.size() == 1) {
        return fail(Code::kInvalidArgument,
                    fmt::format("requested to disregard chaincode {}'s policy but key and collection policies are missing, "
                                "either disable DisregardNamespacePolicy or specify at least one key policy or at least one "
                                "collection policy", call.name()));
      }
      policies.erase(policies.begin());
    }
    for (const auto* policy : policies) {
      SELVAGE_TRY(auto sets, sets_of(*policy, "endorsement policy cannot be satisfied"));
      all.push_back(std::move(sets));
    }
    for (const auto& policy : call.key_policies()) {
      SELVAGE_TRY(auto sets, sets_of(policy, "state based endorsement policy cannot be satisfied"));
      of_keys.push_back(std::move(sets));
    }
  }
  if (!of_keys.empty()) all.push_back(merge_all(std::move(of_keys)));
  if (all.empty()) return fail(Code::kFailedPrecondition, "no principal sets remained after filtering");
  return merge_all(std::move(all));
}

using Key = std::pair<int, std::string>;  // classification and bytes of a principal
Key key_of(const Principal& principal) {
  return {principal.message.principal_classification(), principal.message.principal()};
}

std::map<Key, std::string> name_groups(const PrincipalSets& sets) {
  std::map<Key, std::string> names;
  for (const auto& set : sets)
    for (const auto& principal : set) names[key_of(principal)];
  size_t number = 0;
  for (auto& [key, name] : names) name = "G" + std::to_string(number++);
  return names;
}

// Layouts that have enough peers of each group.
using Layout = std::map<std::string, uint32_t>;
void keep_satisfied(std::vector<Layout>& layouts, const std::map<std::string, std::vector<Peer>>& groups) {
  std::erase_if(layouts, [&](const Layout& layout) {
    return std::any_of(layout.begin(), layout.end(), [&](const auto& need) {
      const auto found = groups.find(need.first);
      return found == groups.end() || found->second.size() < need.second;
    });
  });
}

}  // namespace

Result<Endorsers> find_endorsers(const ChannelState& channel, const std::vector<Peer>& peers_of_channel,
                                 const std::vector<Peer>& alive, const ChaincodeInterest& interest) {
  if (!channel.bundle) return fail(Code::kNotFound, "channel doesn't exist");
  SELVAGE_TRY(const Criteria criteria, read_criteria(channel, interest));
  auto sets = principal_sets(interest, criteria);
  if (!sets) {
    LOG_WARN(logger(), "Principal set computation failed: {}", escape(sets.error().message, 300));
    return fail(std::move(sets).error());
  }
  const auto names = name_groups(*sets);

  // Peers of the channel that can be reached and may read what is read, with their alive messages.
  std::vector<Peer> candidates;
  for (const Peer& peer : peers_of_channel) {
    const bool reachable = std::any_of(alive.begin(), alive.end(), [&](const Peer& other) {
      return other.pki_id == peer.pki_id && !other.endpoint.empty();
    });
    if (reachable && criteria.may_read(*channel.bundle, peer)) candidates.push_back(peer);
  }
  std::map<std::string, std::vector<Peer>> groups;
  for (const auto& set : *sets) {
    for (const auto& principal : set) {
      const auto [group, fresh] = groups.try_emplace(names.at(key_of(principal)));
      if (!fresh) continue;
      for (const Peer& peer : candidates)
        if (satisfies(*channel.bundle, peer, principal.message)) group->second.push_back(peer);
    }
  }
  Endorsers out;
  out.chaincode = interest.chaincodes(0).name();
  for (const auto& set : *sets) {
    Layout layout;
    for (const auto& principal : set) ++layout[names.at(key_of(principal))];
    out.layouts.push_back(std::move(layout));
  }
  keep_satisfied(out.layouts, groups);
  if (out.layouts.empty())
    return fail(Code::kFailedPrecondition, "no peer combination can satisfy the endorsement policy");
  for (auto& [name, peers] : groups) {
    const bool needed = std::any_of(out.layouts.begin(), out.layouts.end(),
                                    [&, group = &name](const Layout& layout) { return layout.contains(*group); });
    std::erase_if(peers, [&](const Peer& peer) { return !criteria.runs_all(peer); });
    if (needed && !peers.empty()) out.groups[name] = std::move(peers);
  }
  keep_satisfied(out.layouts, out.groups);
  if (out.layouts.empty())
    return fail(Code::kFailedPrecondition, "required chaincodes are not installed on sufficient peers");
  return out;
}

Result<std::vector<Peer>> authorized_peers(const ChannelState& channel, std::vector<Peer> peers_of_channel,
                                           const ChaincodeInterest& interest) {
  if (interest.chaincodes().empty()) return peers_of_channel;
  SELVAGE_TRY(const Criteria criteria, read_criteria(channel, interest));
  std::erase_if(peers_of_channel, [&](const Peer& peer) {
    return !criteria.runs_all(peer) || !criteria.may_read(*channel.bundle, peer);
  });
  return peers_of_channel;
}

::discovery::Peer to_message(const Peer& peer) {
  ::discovery::Peer out;
  out.set_identity(peer.identity);
  *out.mutable_membership_info() = peer.alive;
  if (!peer.state_info.payload().empty()) *out.mutable_state_info() = peer.state_info;
  return out;
}

::discovery::EndorsementDescriptor to_message(const Endorsers& endorsers) {
  ::discovery::EndorsementDescriptor out;
  out.set_chaincode(endorsers.chaincode);
  for (const auto& [name, peers] : endorsers.groups) {
    auto& group = (*out.mutable_endorsers_by_groups())[name];
    for (const Peer& peer : peers) *group.add_peers() = to_message(peer);
  }
  for (const auto& layout : endorsers.layouts) {
    auto& quantities = *out.add_layouts()->mutable_quantities_by_group();
    for (const auto& [name, count] : layout) quantities[name] = count;
  }
  return out;
}

}  // namespace selvage::discovery
