// The identities of other peers, by PKI-id: taken in only when valid, thrown out when they expire, are revoked, or are not
// used for an hour.
//
// Pure; one thread. Whoever sends something that is signed must be in here.
// Fabric quirk: gossip/identity/identity.go.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "gossip/peer_crypto.h"
#include "gossip/settings.h"

namespace selvage::gossip {

// Both clocks, read once for each event.
struct Now {
  SteadyTime steady;
  SystemTime system;
};

class IdentityStore {
 public:
  struct Entry {
    Bytes identity;
    std::string org;
    SystemTime expires_at;
    SteadyTime last_used;
  };

  // `crypto` outlives it. Our own identity is in from the start, and stays.
  IdentityStore(const PeerCrypto& crypto, Now now);

  // Errors: "identity doesn't match the computed pkiID", "gossipping peer identity expired", validate()'s;
  // kResourceExhausted when full. An identity that is known is not looked at again.
  Status put(const Bytes& pki_id, const Bytes& identity, Now now);
  // Null when unknown. Valid until the next put() or purge. Counts as use.
  [[nodiscard]] const Entry* find(const Bytes& pki_id, SteadyTime now);
  [[nodiscard]] const Entry* look(const Bytes& pki_id) const;
  // "" when unknown.
  [[nodiscard]] std::string org_of(const Bytes& pki_id) const;
  [[nodiscard]] const std::map<Bytes, Entry>& all() const { return entries_; }

  // What has expired or was not used for long; gone on return.
  [[nodiscard]] std::vector<Bytes> purge(Now now);
  // What is not valid any more (a configuration changed); gone on return.
  [[nodiscard]] std::vector<Bytes> purge_invalid();
  // When purge() has something to do; max() when never.
  [[nodiscard]] SystemTime next_expiry() const;

 private:
  [[nodiscard]] std::vector<Bytes> erase_if(const std::function<bool(const Entry&)>& gone);
  const PeerCrypto& crypto_;
  const Bytes own_pki_id_;
  std::map<Bytes, Entry> entries_;
};

}  // namespace selvage::gossip
