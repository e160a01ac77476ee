#include "gossip/roles/election.h"

namespace selvage::gossip {
namespace {

constexpr int kYieldFactor = 6;  // times leaderAliveThreshold
constexpr size_t kProposalsMax = 1000;

}  // namespace

Election::Election(const ElectionSettings& settings, Bytes own_pki_id, SteadyTime now)
    : settings_(settings), own_(std::move(own_pki_id)), until_(now), settling_end_(now + settings.startup_grace) {}

Election::Step Election::follow(SteadyTime now) {
  phase_ = Phase::kFollowing;
  proposals_.clear();
  leader_known_ = false;  // until it declares itself again
  until_ = now + settings_.leader_alive_threshold;
  return {};
}

// Nobody is known to lead: stand, and see who else does.
Election::Step Election::decide(SteadyTime now) {
  if (leader_known_) {
    yielding_until_.reset();
    return follow(now);
  }
  if (yielding_until_ && now < *yielding_until_) return follow(now);
  yielding_until_.reset();
  phase_ = Phase::kProposing;
  until_ = now + settings_.election_duration;
  return {Say::kProposal, std::nullopt};
}

Election::Step Election::tick(size_t peers, SteadyTime now) {
  if (now < until_) return {};
  switch (phase_) {
    case Phase::kSettling:
      if (leader_known_ || now >= settling_end_ || peers_seen_ == peers) return decide(now);
      peers_seen_ = peers;
      until_ = now + settings_.membership_sample_interval;
      return {};
    case Phase::kProposing:
      if (leader_known_) return follow(now);
      if (!proposals_.empty() && *proposals_.begin() < own_) return follow(now);
      leader_ = true;
      leader_known_ = true;
      phase_ = Phase::kLeading;
      until_ = now + settings_.leader_alive_threshold / 2;
      return {Say::kDeclaration, true};
    case Phase::kLeading:
      until_ = now + settings_.leader_alive_threshold / 2;
      return {Say::kDeclaration, std::nullopt};
    case Phase::kFollowing: return decide(now);
  }
  return {};
}

Election::Step Election::heard(const Bytes& from, bool is_declaration, SteadyTime now) {
  if (!is_declaration) {
    if (proposals_.size() < kProposalsMax) proposals_.insert(from);
    return {};
  }
  leader_known_ = true;
  if (leader_ && from < own_) {
    leader_ = false;
    Step step = follow(now);
    step.leader = false;
    return step;
  }
  if (phase_ == Phase::kProposing) return follow(now);
  if (phase_ == Phase::kSettling) until_ = now;
  return {};
}

Election::Step Election::yield(SteadyTime now) {
  if (!leader_) return {};
  yielding_until_ = now + settings_.leader_alive_threshold * kYieldFactor;
  leader_ = false;
  Step step = follow(now);
  step.leader = false;
  return step;
}

}  // namespace selvage::gossip
