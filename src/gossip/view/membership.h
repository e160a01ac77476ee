// Who is there: alive and dead members by their alive messages, and what each peer may be told of the others.
//
// Pure; one thread. Takes only messages that its caller has authenticated (Core), gives back what changed. Times come as
// arguments. Fabric quirk: gossip/discovery/discovery_impl.go; disclosure: gossip/gossip/gossip_impl.go disclosurePolicy.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "gossip/message.h"
#include "gossip/settings.h"

namespace selvage::gossip {

struct Member {
  Bytes pki_id;
  std::string endpoint;           // external; may be empty
  std::string internal_endpoint;  // known within the own organisation only
  Bytes metadata;
  MessagePtr alive;  // the newest alive message, as it came
  // What to dial: the internal endpoint where it is known.
  [[nodiscard]] const std::string& preferred_endpoint() const {
    return internal_endpoint.empty() ? endpoint : internal_endpoint;
  }
};

class Membership {
 public:
  struct Self {
    Bytes pki_id;
    std::string endpoint;  // external
    std::string internal_endpoint;
  };
  // "" when the organisation of a PKI-id is not known.
  using OrgOf = std::function<std::string(const Bytes& pki_id)>;
  // Members with these endpoints are never forgotten: bootstrap and anchor peers.
  using IsFixture = std::function<bool(const std::string& endpoint)>;

  Membership(const Settings& settings, Self self, OrgOf org_of, IsFixture is_fixture);

  // Would this alive message tell anything new? Asked before its signature is checked.
  [[nodiscard]] bool is_news(const ::gossip::AliveMessage& alive) const;

  // Alive, and heard of so lately that hearing of it once more tells nothing worth a signature's check.
  [[nodiscard]] bool is_fresh(const Bytes& pki_id, SteadyTime now) const;
  enum class Learned { kNothing, kUpdated, kNew, kResurrected };
  // An authentic alive message that is_news().
  Learned learn_alive(const MessagePtr& message, SteadyTime now);
  // An authentic alive message of a peer that somebody calls dead: noted when we know nothing of it.
  bool learn_dead(const MessagePtr& message, SteadyTime now);

  // It spoke to us itself just now, whatever its newest alive message: dead -> alive. False when it was not dead.
  bool revive(const Bytes& pki_id, SteadyTime now);
  // Alive -> dead. False when it was not alive.
  bool expire(const Bytes& pki_id);
  // Its identity is no good any more, or was replaced: no member, until a later message than those that are known comes.
  // Others go on telling what they know of it for a while.
  void forget(const Bytes& pki_id, SteadyTime now);

  // Those not heard of for aliveExpirationTimeout, now dead.
  [[nodiscard]] std::vector<Bytes> expire_silent(SteadyTime now);
  // Members whose last message is so old that they are forgotten; now gone. Their time stamps are kept once as long again,
  // so that an old message does not bring them back.
  std::vector<Member> forget_old(SteadyTime now);

  [[nodiscard]] const Member* find(const Bytes& pki_id) const;  // alive or dead; null
  [[nodiscard]] bool is_alive(const Bytes& pki_id) const;
  // References are good until the next change.
  void for_each_alive(const std::function<void(const Member&)>& visit) const;
  [[nodiscard]] std::vector<Member> dead() const;
  [[nodiscard]] size_t alive_count() const { return alive_count_; }
  [[nodiscard]] bool has_external_endpoint(const Bytes& pki_id) const;  // ours included
  [[nodiscard]] const Self& self() const { return self_; }

  // Whether `to` may be told of the sender of `alive`; secrets are for the own organisation only.
  [[nodiscard]] bool may_disclose(const ::gossip::AliveMessage& alive, const Bytes& to_pki_id,
                                  const std::string& to_external_endpoint) const;
  // `alive` as `to_org` may see it.
  [[nodiscard]] MessagePtr for_org(const MessagePtr& alive, const std::string& to_org) const;
  // nullopt: the asker is of no organisation that may know us.
  [[nodiscard]] std::optional<::gossip::MembershipResponse> response(const MessagePtr& own_alive,
                                                                     const ::gossip::Member& asker) const;

 private:
  struct Entry {
    Member member;
    bool alive = true;
    SteadyTime last_seen;
  };
  struct Gone {
    ::gossip::PeerTime time;
    SteadyTime since;
  };
  void keep(Entry& entry, const MessagePtr& message, SteadyTime now) const;

  const Settings& settings_;
  const Self self_;
  const OrgOf org_of_;
  const IsFixture is_fixture_;
  std::map<Bytes, Entry> entries_;
  std::map<Bytes, Gone> gone_;
  size_t alive_count_ = 0;
};

}  // namespace selvage::gossip
