// Which peer of an organisation pulls a channel's blocks from the ordering service, when peer.gossip.useLeaderElection is
// set: the one with the lowest PKI-id among those that proposed themselves; it stays leader while it declares itself.
//
// Pure; one thread. Fabric quirk: gossip/election/election.go; Go's and our peers elect together.
#pragma once

#include <optional>
#include <set>

#include "base/bytes.h"
#include "base/clock.h"
#include "gossip/settings.h"

namespace selvage::gossip {

class Election {
 public:
  Election(const ElectionSettings& settings, Bytes own_pki_id, SteadyTime now);

  enum class Say { kNothing, kProposal, kDeclaration };
  struct Step {
    Say say = Say::kNothing;       // to all peers of the organisation in the channel
    std::optional<bool> leader;    // we became one, or are one no longer
  };
  // Time has passed. `peers`: how many peers of our organisation are alive in the channel.
  [[nodiscard]] Step tick(size_t peers, SteadyTime now);
  // A message of a peer of ours that is alive in the channel.
  [[nodiscard]] Step heard(const Bytes& from, bool is_declaration, SteadyTime now);
  // We cannot reach the ordering service: let another lead, and do not stand for a while.
  [[nodiscard]] Step yield(SteadyTime now);

  [[nodiscard]] bool is_leader() const { return leader_; }
  // When tick() has something to do.
  [[nodiscard]] SteadyTime next() const { return until_; }

 private:
  enum class Phase { kSettling, kProposing, kFollowing, kLeading };
  [[nodiscard]] Step decide(SteadyTime now);
  [[nodiscard]] Step follow(SteadyTime now);

  const ElectionSettings settings_;
  const Bytes own_;
  Phase phase_ = Phase::kSettling;
  SteadyTime until_;          // when the phase has something to do
  SteadyTime settling_end_;
  std::optional<size_t> peers_seen_;
  std::set<Bytes> proposals_;
  bool leader_known_ = false;
  bool leader_ = false;
  std::optional<SteadyTime> yielding_until_;
};

}  // namespace selvage::gossip
