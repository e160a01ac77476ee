// The exchange of identities between peers, in four steps: hello -> digest (PKI-ids) -> request -> update (signed
// identities).
//
// Pure; one thread. Ours asks as soon as a digest comes and does not collect digests for a second as Fabric's does, so that a new
// peer is known at once; on the wire the steps are the same. Fabric quirk: gossip/gossip/algo/pull.go, certstore.go.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "gossip/message.h"
#include "gossip/settings.h"

namespace selvage::gossip {

class IdentityPull {
 public:
  IdentityPull(const Settings& settings, Random& random) : settings_(settings), random_(random) {}

  // An identity that can be given to others: its signed PeerIdentity message.
  void add(const Bytes& pki_id, MessagePtr identity);
  void remove(const Bytes& pki_id);
  [[nodiscard]] bool has(const Bytes& pki_id) const { return items_.contains(pki_id); }
  // Null when we have none.
  [[nodiscard]] MessagePtr find(const Bytes& pki_id) const;

  // A hello for this peer.
  [[nodiscard]] MessagePtr hello(const Bytes& to, SteadyTime now);

  // Which of our items a peer may have.
  using MayHave = std::function<bool(const Bytes& pki_id)>;
  // What to answer a hello, a digest or a request with; null: nothing.
  [[nodiscard]] MessagePtr answer(const ::gossip::GossipMessage& message, const Bytes& from, const MayHave& may_have,
                                  SteadyTime now);

 private:
  void drop_old(SteadyTime now);
  struct Open {
    Bytes peer;
    SteadyTime since;
  };
  const Settings& settings_;
  Random& random_;
  std::map<Bytes, MessagePtr> items_;
  std::map<uint64_t, Open> asked_;     // hellos of ours, by nonce
  std::map<std::pair<Bytes, uint64_t>, SteadyTime> answered_;  // hellos of others
  std::map<Bytes, SteadyTime> requested_;  // not asked of another peer for a while
};

}  // namespace selvage::gossip
