#include "gossip/private/dissemination.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace selvage::gossip {

Result<std::vector<Recipient>> plan_dissemination(const std::vector<PeerInfo>& eligible, int required, int maximum,
                                                  Random& random) {
  if (static_cast<int>(eligible.size()) < required) {
    return fail(Code::kUnavailable, fmt::format("required to disseminate to at least {} peers, but know of only {} eligible "
                                                "peers", required, eligible.size()));
  }
  std::map<std::string, std::vector<const PeerInfo*>> by_org;
  for (const PeerInfo& peer : eligible) by_org[peer.org].push_back(&peer);
  std::vector<const PeerInfo*> first, rest;
  for (auto& [org, peers] : by_org) {
    std::swap(peers[0], peers[random.below(peers.size())]);
    first.push_back(peers[0]);
    rest.insert(rest.end(), peers.begin() + 1, peers.end());
  }
  for (auto* line : {&first, &rest}) {
    for (size_t i = line->size(); i > 1; --i) std::swap((*line)[i - 1], (*line)[random.below(i)]);
  }
  first.insert(first.end(), rest.begin(), rest.end());
  std::vector<Recipient> plan;
  for (const PeerInfo* peer : first) {
    const int chosen = static_cast<int>(plan.size());
    if (chosen >= maximum) break;
    plan.push_back({peer->pki_id, peer->preferred_endpoint(), chosen < required});
  }
  return plan;
}

}  // namespace selvage::gossip
