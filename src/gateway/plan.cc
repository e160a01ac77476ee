#include "gateway/plan.h"

#include <algorithm>
#include <set>

namespace selvage::gateway {

Plan::Plan(std::vector<Layout> layouts, Groups groups) : layouts_(std::move(layouts)), groups_(std::move(groups)) {
  for (const auto& [group, endorsers] : groups_)
    for (const auto& endorser : endorsers) group_of_[endorser->member().pki_id] = group;
}

std::vector<EndorserPtr> Plan::next_layout() {
  for (; next_ < layouts_.size(); ++next_) {
    Layout& layout = layouts_[next_];
    if (layout.abandoned) continue;
    const bool possible = std::all_of(layout.required.begin(), layout.required.end(), [&](const auto& need) {
      return static_cast<size_t>(need.second) <= groups_[need.first].size();
    });
    if (!possible) {
      layout.abandoned = true;
      continue;
    }
    std::vector<EndorserPtr> chosen;
    for (const auto& [group, count] : layout.required) {
      auto& from = groups_[group];
      chosen.insert(chosen.end(), from.begin(), from.begin() + count);
      from.erase(from.begin(), from.begin() + count);
    }
    if (!chosen.empty()) return chosen;
  }
  return {};
}

bool Plan::add(const Endorser& endorser, const ::protos::ProposalResponse& response) {
  const Member& member = endorser.member();
  const std::string group = this->group(endorser);
  // It need not have come out of this plan: the first endorser was asked before there was one.
  std::erase_if(groups_[group], [&](const EndorserPtr& other) { return other->member().pki_id == member.pki_id; });
  if (!has_payload_) {
    has_payload_ = true;
    payload_ = response.payload();
    initial_ = member.endpoint + " (" + member.mspid + ")";
  } else if (payload_ != response.payload()) {
    return false;
  }
  for (size_t i = next_; i < layouts_.size(); ++i) {
    Layout& layout = layouts_[i];
    const auto need = layout.required.find(group);
    if (layout.abandoned || need == layout.required.end()) continue;
    layout.endorsements.push_back(response.endorsement());
    if (--need->second > 0) continue;
    layout.required.erase(need);
    if (!layout.required.empty()) continue;
    completed_ = i;
    return true;
  }
  return true;
}

EndorserPtr Plan::replacement(const Endorser& endorser) {
  auto& from = groups_[group(endorser)];
  if (from.empty()) return nullptr;
  EndorserPtr next = from.front();
  from.erase(from.begin());
  return next;
}

std::string Plan::group(const Endorser& endorser) const {
  const auto found = group_of_.find(endorser.member().pki_id);
  return found == group_of_.end() ? "" : found->second;
}

void Plan::abandon(const std::vector<std::string>& groups) {
  for (size_t i = next_; i < layouts_.size(); ++i) {
    for (const auto& group : groups)
      if (!group.empty() && layouts_[i].required.contains(group)) layouts_[i].abandoned = true;
  }
  ++next_;
}

std::vector<::protos::Endorsement> Plan::endorsements() const {
  std::vector<::protos::Endorsement> unique;
  if (!completed_) return unique;
  std::set<std::string_view> seen;
  for (const auto& one : layouts_[*completed_].endorsements)
    if (seen.insert(one.endorser()).second) unique.push_back(one);
  return unique;
}

}  // namespace selvage::gateway
