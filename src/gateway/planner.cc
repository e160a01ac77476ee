#include "gateway/planner.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/log.h"
#include "gateway/answers.h"

namespace selvage::gateway {
namespace {

const log::Logger& logger() {
  static const log::Logger instance("gateway");
  return instance;
}

}  // namespace

void Planner::best_first(std::vector<Candidate>& candidates) const {
  std::stable_sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
    if (a.height != b.height) return a.height > b.height;
    return a.endorser->is_local() && !b.endorser->is_local();
  });
}

void Planner::shuffle(std::vector<Plan::Layout>& layouts) const {
  for (size_t i = layouts.size(); i > 1; --i) std::swap(layouts[i - 1], layouts[parts_.random.below(i)]);
}

Planner::Candidates Planner::candidates(const std::string& channel, const std::string& chaincode) const {
  Candidates by_org;
  const bool system = parts_.is_system(chaincode);
  for (const Member& member : parts_.network.members(channel)) {
    const bool runs = system || std::find(member.chaincodes.begin(), member.chaincodes.end(), chaincode) !=
                                    member.chaincodes.end();
    if (!runs) continue;
    if (auto endorser = parts_.endorsers.find(channel, member))
      by_org[member.mspid].push_back({std::move(endorser), member.height});
  }
  for (auto& [mspid, candidates] : by_org) best_first(candidates);
  return by_org;
}

Result<Plan> Planner::for_orgs(const std::string& channel, const std::string& chaincode,
                               const std::vector<std::string>& mspids) const {
  const Candidates by_org = candidates(channel, chaincode);
  Plan::Layout layout;
  Plan::Groups groups;
  std::vector<std::string> missing;
  for (const auto& mspid : mspids) {
    const auto found = by_org.find(mspid);
    if (found == by_org.end()) {
      missing.push_back(mspid);
    } else if (layout.required.emplace(mspid, 1).second) {
      for (const auto& candidate : found->second) groups[mspid].push_back(candidate.endorser);
    }
  }
  if (!missing.empty()) {
    return fail(Code::kUnavailable,
                fmt::format("failed to find any endorsing peers for org(s): {}", fmt::join(missing, ", ")));
  }
  std::vector<Plan::Layout> layouts;
  layouts.push_back(std::move(layout));
  return Plan(std::move(layouts), std::move(groups));
}

Result<std::vector<EndorserPtr>> Planner::for_query(const std::string& channel, const std::string& chaincode,
                                                    const std::vector<std::string>& mspids) const {
  const Candidates by_org = candidates(channel, chaincode);
  std::vector<Candidate> ours, others;
  const std::string own = local_mspid();
  for (const auto& [mspid, candidates] : by_org) {
    if (!mspids.empty() && std::find(mspids.begin(), mspids.end(), mspid) == mspids.end()) continue;
    auto& into = mspid == own ? ours : others;
    into.insert(into.end(), candidates.begin(), candidates.end());
  }
  best_first(others);
  std::vector<EndorserPtr> all;
  for (auto& candidate : ours) all.push_back(std::move(candidate.endorser));
  for (auto& candidate : others) all.push_back(std::move(candidate.endorser));
  if (all.empty()) {
    return fail(Code::kFailedPrecondition,
                fmt::format("no peers available to evaluate chaincode {} in channel {}", chaincode, channel));
  }
  return all;
}

Result<Plan> Planner::for_interest(const std::string& channel, const ::protos::ChaincodeInterest& interest,
                                   const Endorser* preferred) const {
  auto descriptor = parts_.network.endorsers(channel, interest);
  if (!descriptor) {
    LOG_ERROR(logger(), "PeersForEndorsement failed. error={} channel={} ChaincodeInterest={}",
              escape(descriptor.error().message, 300), escape(channel, 100), escape(interest.ShortDebugString(), 300));
    return fail(Code::kFailedPrecondition,
                "no combination of peers can be derived which satisfy the endorsement policy: " +
                    descriptor.error().message);
  }
  Plan::Groups groups;
  std::string preferred_group;
  std::vector<std::string> unavailable;
  for (const auto& [group, members] : descriptor->groups) {
    std::vector<Candidate> candidates;
    for (const auto& member : members) {
      auto endorser = parts_.endorsers.find(channel, member);
      if (!endorser) {
        unavailable.push_back(member.endpoint);
        continue;
      }
      if (preferred != nullptr && member.pki_id == preferred->member().pki_id) preferred_group = group;
      candidates.push_back({std::move(endorser), member.height});
    }
    best_first(candidates);
    for (auto& candidate : candidates) groups[group].push_back(std::move(candidate.endorser));
  }
  std::vector<Plan::Layout> first, others;
  for (const auto& quantities : descriptor->layouts) {
    const bool possible = !quantities.empty() && std::all_of(quantities.begin(), quantities.end(), [&](const auto& need) {
      const auto found = groups.find(need.first);
      return need.second == 0 || (found != groups.end() && found->second.size() >= need.second);
    });
    if (!possible) continue;
    Plan::Layout layout;
    for (const auto& [group, count] : quantities) layout.required[group] = static_cast<int>(count);
    auto& into = !preferred_group.empty() && quantities.contains(preferred_group) ? first : others;
    into.push_back(std::move(layout));
  }
  shuffle(first);
  shuffle(others);
  std::move(others.begin(), others.end(), std::back_inserter(first));
  if (first.empty()) {
    return fail(Code::kFailedPrecondition,
                "failed to select a set of endorsers that satisfy the endorsement policy due to unavailability of peers: " +
                    go_list(unavailable));
  }
  return Plan(std::move(first), std::move(groups));
}

}  // namespace selvage::gateway
