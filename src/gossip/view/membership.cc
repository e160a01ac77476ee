#include "gossip/view/membership.h"

namespace selvage::gossip {

Membership::Membership(const Settings& settings, Self self, OrgOf org_of, IsFixture is_fixture)
    : settings_(settings), self_(std::move(self)), org_of_(std::move(org_of)), is_fixture_(std::move(is_fixture)) {}

bool Membership::is_news(const ::gossip::AliveMessage& alive) const {
  const Bytes& id = alive.membership().pki_id();
  if (id == self_.pki_id) return false;
  if (const auto known = entries_.find(id); known != entries_.end()) {
    return is_later(alive.timestamp(), known->second.member.alive->message.alive_msg().timestamp());
  }
  const auto gone = gone_.find(id);
  return gone == gone_.end() || is_later(alive.timestamp(), gone->second.time);
}

bool Membership::is_fresh(const Bytes& pki_id, SteadyTime now) const {
  const auto known = entries_.find(pki_id);
  return known != entries_.end() && known->second.alive && now - known->second.last_seen < settings_.alive_interval / 2;
}

void Membership::keep(Entry& entry, const MessagePtr& message, SteadyTime now) const {
  const auto& told = message->message.alive_msg().membership();
  entry.member.pki_id = told.pki_id();
  entry.member.endpoint = told.endpoint();
  entry.member.metadata = told.metadata();
  // A message that came by way of another organisation has no secret; what we knew stays.
  if (message->envelope.has_secret_envelope()) entry.member.internal_endpoint = internal_endpoint(message->envelope);
  entry.member.alive = message;
  entry.last_seen = now;
}

Membership::Learned Membership::learn_alive(const MessagePtr& message, SteadyTime now) {
  const auto& told = message->message.alive_msg().membership();
  if (told.pki_id() == self_.pki_id) return Learned::kNothing;
  const auto known = entries_.find(told.pki_id());
  if (known == entries_.end()) {
    if (entries_.size() >= kMembersMax) return Learned::kNothing;
    keep(entries_[told.pki_id()], message, now);
    gone_.erase(told.pki_id());
    ++alive_count_;
    return Learned::kNew;
  }
  Entry& entry = known->second;
  if (!is_later(message->message.alive_msg().timestamp(), entry.member.alive->message.alive_msg().timestamp())) {
    return Learned::kNothing;
  }
  keep(entry, message, now);
  if (entry.alive) return Learned::kUpdated;
  entry.alive = true;
  ++alive_count_;
  return Learned::kResurrected;
}

bool Membership::learn_dead(const MessagePtr& message, SteadyTime now) {
  const Bytes& id = message->message.alive_msg().membership().pki_id();
  if (id == self_.pki_id || entries_.contains(id) || entries_.size() >= kMembersMax) return false;
  Entry& entry = entries_[id];
  keep(entry, message, now);
  entry.alive = false;
  return true;
}

bool Membership::expire(const Bytes& pki_id) {
  const auto found = entries_.find(pki_id);
  if (found == entries_.end() || !found->second.alive) return false;
  found->second.alive = false;
  --alive_count_;
  return true;
}

bool Membership::revive(const Bytes& pki_id, SteadyTime now) {
  const auto found = entries_.find(pki_id);
  if (found == entries_.end() || found->second.alive) return false;
  found->second.alive = true;
  found->second.last_seen = now;
  ++alive_count_;
  return true;
}

void Membership::forget(const Bytes& pki_id, SteadyTime now) {
  const auto found = entries_.find(pki_id);
  if (found == entries_.end()) return;
  const auto& newest = found->second.member.alive->message.alive_msg().timestamp();
  if (gone_.size() < kMembersMax) gone_[pki_id] = {newest, now};
  if (found->second.alive) --alive_count_;
  entries_.erase(found);
}

std::vector<Bytes> Membership::expire_silent(SteadyTime now) {
  std::vector<Bytes> expired;
  for (auto& [id, entry] : entries_) {
    if (entry.alive && now - entry.last_seen > settings_.alive_expiration) expired.push_back(id);
  }
  for (const Bytes& id : expired) expire(id);
  return expired;
}

std::vector<Member> Membership::forget_old(SteadyTime now) {
  const auto kept_for = settings_.alive_expiration * settings_.message_expiration_factor;
  std::vector<Member> forgotten;
  for (const auto& [id, entry] : entries_) {
    if (now - entry.last_seen <= kept_for) continue;
    const Member& member = entry.member;
    if (is_fixture_(member.endpoint) || is_fixture_(member.internal_endpoint)) continue;
    forgotten.push_back(member);
  }
  std::erase_if(gone_, [&](const auto& item) { return now - item.second.since > kept_for; });
  for (const Member& member : forgotten) forget(member.pki_id, now);
  return forgotten;
}

const Member* Membership::find(const Bytes& pki_id) const {
  const auto found = entries_.find(pki_id);
  return found == entries_.end() ? nullptr : &found->second.member;
}

bool Membership::is_alive(const Bytes& pki_id) const {
  const auto found = entries_.find(pki_id);
  return found != entries_.end() && found->second.alive;
}

void Membership::for_each_alive(const std::function<void(const Member&)>& visit) const {
  for (const auto& [id, entry] : entries_) {
    if (entry.alive) visit(entry.member);
  }
}

std::vector<Member> Membership::dead() const {
  std::vector<Member> members;
  for (const auto& [id, entry] : entries_) {
    if (!entry.alive) members.push_back(entry.member);
  }
  return members;
}

bool Membership::has_external_endpoint(const Bytes& pki_id) const {
  if (pki_id == self_.pki_id) return !self_.endpoint.empty();
  const Member* member = find(pki_id);
  return member != nullptr && !member->endpoint.empty();
}

bool Membership::may_disclose(const ::gossip::AliveMessage& alive, const Bytes& to_pki_id,
                              const std::string& to_external_endpoint) const {
  const std::string asking = org_of_(to_pki_id);
  const std::string told = org_of_(alive.membership().pki_id());
  if (asking.empty() || told.empty()) return false;
  if (asking == told) return true;
  if (told != org_of_(self_.pki_id)) return false;  // of a third organisation: its own peers tell
  return !alive.membership().endpoint().empty() && !to_external_endpoint.empty();
}

MessagePtr Membership::for_org(const MessagePtr& alive, const std::string& to_org) const {
  return to_org == org_of_(self_.pki_id) ? alive : without_secret(alive);
}

std::optional<::gossip::MembershipResponse> Membership::response(const MessagePtr& own_alive,
                                                                 const ::gossip::Member& asker) const {
  const auto may = [&](const MessagePtr& alive) {
    return may_disclose(alive->message.alive_msg(), asker.pki_id(), asker.endpoint());
  };
  if (!may(own_alive)) return std::nullopt;
  const std::string org = org_of_(asker.pki_id());
  ::gossip::MembershipResponse response;
  for (const auto& [id, entry] : entries_) {
    if (!may(entry.member.alive)) continue;
    *(entry.alive ? response.add_alive() : response.add_dead()) = for_org(entry.member.alive, org)->envelope;
  }
  *response.add_alive() = for_org(own_alive, org)->envelope;
  return response;
}

}  // namespace selvage::gossip
