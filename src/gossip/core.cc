#include "gossip/core.h"

#include <algorithm>

#include "base/log.h"

namespace selvage::gossip {
namespace {

using Message = ::gossip::GossipMessage;

const log::Logger& logger() {
  static const log::Logger instance("gossip.gossip");
  return instance;
}
const log::Logger& discovery_logger() {
  static const log::Logger instance("gossip.discovery");
  return instance;
}
const log::Logger& channel_logger() {
  static const log::Logger instance("gossip.channel");
  return instance;
}
const log::Logger& election_logger() {
  static const log::Logger instance("gossip.election");
  return instance;
}

constexpr int kExpiryLooks = 10;  // in aliveExpirationTimeout

bool is_due(SteadyTime& due, Milliseconds interval, SteadyTime now) {
  if (now < due) return false;
  due = now + interval;
  return true;
}

// Where a draw puts a peer. PKI-ids are hashes: any eight bytes of one will do (the finalizer of splitmix64 follows).
uint64_t rank_of(const Bytes& pki_id, uint64_t lot) {
  uint64_t mixed = lot;
  for (size_t i = 0; i < std::min<size_t>(pki_id.size(), 8); ++i) mixed ^= uint64_t{static_cast<unsigned char>(pki_id[i])} << 8 * i;
  mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
  mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
  return mixed ^ mixed >> 31;
}

}  // namespace

Core::Channel::Channel(ChannelConfig config, const Settings& settings, const Bytes& own, Random& random, Now now)
    : view(config, own, now), transfer(settings.state, config.id, random, now.steady) {
  if (settings.use_leader_election) election.emplace(settings.election, own, now.steady);
}

Core::Core(const Settings& settings, const PeerCrypto& crypto, Random& random, Metrics& metrics, Now now)
    : settings_(settings), crypto_(crypto), random_(random), metrics_(metrics), own_(pki_id_of(crypto.own_identity())),
      own_org_(crypto.org_of(crypto.own_identity())), identities_(crypto, now),
      membership_(settings, {own_, settings.external_endpoint, settings.endpoint},
                  [this](const Bytes& pki_id) { return org_of(pki_id); },
                  [this](const std::string& endpoint) { return contacts_.has(endpoint); }),
      pull_(settings, random), contacts_(settings, own_org_, now.steady),
      incarnation_(static_cast<uint64_t>(now.system.time_since_epoch().count())),
      tell_identity_until_(now.steady + settings.publish_certificate),
      due_{now.steady + settings.alive_interval,    now.steady + settings.alive_expiration / kExpiryLooks,
           now.steady + settings.pull_interval,     now.steady + settings.reconnect_interval,
           now.steady + settings.publish_state_info, now.steady + settings.request_state_info,
           now.steady} {
  Message identity;
  identity.set_tag(Message::EMPTY);
  identity.mutable_peer_identity()->set_cert(crypto.own_identity());
  identity.mutable_peer_identity()->set_pki_id(own_);
  if (auto made = sign(std::move(identity))) pull_.add(own_, std::move(*made));
}

Result<MessagePtr> Core::sign(Message message) const {
  auto made = make_signed(std::move(message), [this](BytesView bytes) { return crypto_.sign(bytes); });
  if (!made) LOG_WARN(logger(), "Failed signing message: {}", to_string(made.error()));
  return made;
}

Outbox Core::take_output() {
  lot_.reset();
  return std::exchange(out_, {});
}

const ChannelView* Core::channel(const std::string& id) const {
  const auto found = channels_.find(id);
  return found == channels_.end() ? nullptr : &found->second.view;
}

std::vector<ChannelView::Peer> Core::peers_of(const std::string& channel) const {
  const auto found = channels_.find(channel);
  return found == channels_.end() ? std::vector<ChannelView::Peer>{} : found->second.view.peers(membership_);
}

bool Core::drop(const SenderPtr& from, const char* reason, bool suspicious, SteadyTime now) {
  metrics_.dropped.with({reason}).add(1);
  LOG_DEBUG(logger(), "A message from {} was dropped: {}", escape(from->address), reason);
  if (!suspicious) return false;
  Penalty& penalty = penalties_[from->pki_id];
  if (penalty.count == 0 || now - penalty.since > kInvalidWindow) penalty = {now, 0};
  if (++penalty.count == kInvalidMessagesMax) {
    LOG_WARN(logger(), "{} of {} sent {} messages that do not hold within {}s, the last for: {}. Closing the connection",
             escape(from->address), escape(from->org), penalty.count, kInvalidWindow.count() / 1000, reason);
    out_.closes.push_back(from->pki_id);
  }
  return penalty.count == 1;
}

void Core::received(const SenderPtr& from, const MessagePtr& message, Now now) {
  const Message& content = message->message;
  if (const auto found = penalties_.find(from->pki_id);
      found != penalties_.end() && found->second.count >= kInvalidMessagesMax) {
    if (now.steady - found->second.since <= kInvalidWindow) return metrics_.dropped.with({"flood"}).add(1);
    penalties_.erase(found);
  }
  static_cast<void>(identities_.find(from->pki_id, now.steady));  // in use
  switch (content.content_case()) {
    case Message::kConn:
    case Message::kEmpty: return;
    case Message::kAck: return out_.arrivals.push_back({from, message});
    case Message::kPrivateReq:
    case Message::kPrivateRes:
    case Message::kPrivateData: return handle_channel_message(from, message, now);
    default: break;
  }
  if (!check_tag(content)) return void(drop(from, "tag", true, now.steady));
  if (is_of_channel(content)) return handle_channel_message(from, message, now);
  switch (content.content_case()) {
    case Message::kAliveMsg: return handle_alive(from, message, now);
    case Message::kMemReq: return handle_membership_request(from, message, now);
    case Message::kMemRes: return handle_membership_response(from, message, now);
    default: return handle_identity_pull(from, message, now);
  }
}

void Core::dialled(const std::string& endpoint, Result<SenderPtr> outcome, Now now) {
  const uint64_t nonce = make_nonce(random_);
  if (!contacts_.dialled(endpoint, outcome, own_, nonce, now.steady)) return;
  request_membership({(*outcome)->pki_id, endpoint}, (*outcome)->org, nonce, now);
}

void Core::unreachable(const Bytes& pki_id, Now now) {
  if (!membership_.expire(pki_id)) return;
  LOG_WARN(discovery_logger(), "Peer {} cannot be reached, it counts as dead until it is heard of again", to_hex(pki_id));
  for (auto& [id, channel] : channels_) channel.members_changed = true;
  due_.tracker = std::min(due_.tracker, now.steady + kTrackerPause);
}

void Core::forget_peer(const Bytes& pki_id, Now now) {
  LOG_INFO(discovery_logger(), "Purging {} from membership", to_hex(pki_id));
  membership_.forget(pki_id, now.steady);
  pull_.remove(pki_id);
  for (auto& [id, channel] : channels_) {
    channel.view.forget(pki_id);
    channel.eligible.erase(pki_id);
    channel.members_changed = true;
  }
  out_.closes.push_back(pki_id);
}

void Core::replaced(const Bytes& old_pki_id, Now now) {
  forget_peer(old_pki_id, now);
  due_.tracker = std::min(due_.tracker, now.steady + kTrackerPause);
}

void Core::tick_members(Now now) {
  if (is_due(due_.alive, settings_.alive_interval, now.steady) && membership_.alive_count() > 0) {
    own_alive_ = nullptr;  // a new number
    if (const MessagePtr alive = own_alive(now)) gossip_alive(alive, own_, settings_.propagate_peers);
  }
  if (is_due(due_.expiry, settings_.alive_expiration / kExpiryLooks, now.steady)) {
    for (const Bytes& id : membership_.expire_silent(now.steady)) {
      LOG_WARN(discovery_logger(), "Haven't heard from {} for {}ms", to_hex(id), settings_.alive_expiration.count());
      LOG_WARN(discovery_logger(), "Closing connection to {}", escape(membership_.find(id)->preferred_endpoint()));
      out_.closes.push_back(id);
      for (auto& [name, channel] : channels_) channel.members_changed = true;
    }
    for (const Member& member : membership_.forget_old(now.steady)) {
      LOG_INFO(discovery_logger(), "Removing member: Endpoint: {}, InternalEndpoint: {}, PKIID: {}", escape(member.endpoint),
               escape(member.internal_endpoint), to_hex(member.pki_id));
      for (auto& [name, channel] : channels_) channel.view.forget(member.pki_id);
    }
    for (const Bytes& id : identities_.purge(now)) forget_peer(id, now);
    std::erase_if(penalties_, [&](const auto& item) { return now.steady - item.second.since > kInvalidWindow; });
    std::erase_if(identities_asked_, [&](const auto& item) { return now.steady - item.second > kInvalidWindow; });
    std::erase_if(ask_again_, [&](const auto& item) { return now.steady - item.second > kInvalidWindow; });
  }
  if (is_due(due_.sync, settings_.pull_interval, now.steady)) {
    const auto any = [](const Member&) { return true; };
    for (const Member* member : choose(settings_.pull_peers, any)) {
      request_membership(target_of(*member), org_of(member->pki_id), 0, now);
    }
    for (const Member* member : choose(settings_.pull_peers, any)) {
      out_.send(target_of(*member), pull_.hello(member->pki_id, now.steady));
    }
  }
  if (is_due(due_.reconnect, settings_.reconnect_interval, now.steady)) {
    for (const Member& member : membership_.dead()) {
      if (!member.preferred_endpoint().empty()) request_membership(target_of(member), org_of(member.pki_id), 0, now);
    }
  }
  for (auto& endpoint : contacts_.due(now.steady)) out_.dials.push_back(std::move(endpoint));
}

void Core::tick(Now now) {
  tick_members(now);
  const bool publishing = is_due(due_.publish, settings_.publish_state_info, now.steady);
  const bool requesting = is_due(due_.request, settings_.request_state_info, now.steady);
  const bool tracking = now.steady >= due_.tracker;
  if (tracking) due_.tracker = SteadyTime::max();
  for (auto& [id, channel] : channels_) {
    if (publishing && channel.unpublished) publish(channel, now);
    if (requesting && !channel.view.left()) {
      const MessagePtr request = make_unsigned(channel.view.snapshot_request());
      const auto in_channel = [this, &view = channel.view](const Member& member) { return view.has_org(org_of(member.pki_id)); };
      for (const Member* member : choose(settings_.pull_peers, in_channel)) out_.send(target_of(*member), request);
    }
    if (tracking && channel.members_changed) {
      channel.members_changed = false;
      auto peers = channel.view.peers(membership_);
      metrics_.members.with({id}).set(static_cast<double>(peers.size()));
      if (const auto change = describe_change(id, channel.reported, peers); !change.empty()) {
        LOG_INFO(channel_logger(), "{}", change);
      }
      channel.reported = std::move(peers);
    }
    tick_channel(channel, now);
  }
}

void Core::tick_channel(Channel& channel, Now now) {
  const bool wants_transfer = settings_.state.enabled && now.steady >= channel.transfer.next();
  const bool wants_election = channel.election && now.steady >= channel.election->next();
  if (channel.view.left() || (!wants_transfer && !wants_election)) return;
  const auto peers = channel.view.peers(membership_);
  if (wants_transfer) {
    const uint64_t height = std::max(channel.view.height(), channel.transfer_height);
    if (auto request = channel.transfer.tick(height, peers, now.steady)) {
      out_.send({request->pki_id, request->endpoint}, make_unsigned(std::move(request->message)));
    }
  }
  if (wants_election) {
    const auto own = std::count_if(peers.begin(), peers.end(),
                                   [&](const auto& peer) { return org_of(peer.member.pki_id) == own_org_; });
    act_on(channel, channel.election->tick(static_cast<size_t>(own), now.steady), now);
  }
}

void Core::act_on(Channel& channel, const Election::Step& step, Now now) {
  const std::string& id = channel.view.config().id;
  if (step.leader) {
    LOG_INFO(election_logger(), "{} {}", to_hex(own_), *step.leader ? ": Becoming a leader" : "Stopped being a leader");
    out_.leaderships.push_back({id, *step.leader});
  }
  metrics_.leader.with({id}).set(channel.election->is_leader() ? 1 : 0);
  if (step.say == Election::Say::kNothing) return;
  Message message;
  message.set_tag(Message::CHAN_AND_ORG);
  message.set_channel(id);
  auto& content = *message.mutable_leadership_msg();
  content.set_pki_id(own_);
  content.set_is_declaration(step.say == Election::Say::kDeclaration);
  content.mutable_timestamp()->set_inc_num(incarnation_);
  content.mutable_timestamp()->set_seq_num(static_cast<uint64_t>(now.system.time_since_epoch().count()));
  const auto signed_message = sign(std::move(message));
  if (!signed_message) return;
  for (const auto& peer : channel.view.peers(membership_)) {
    if (org_of(peer.member.pki_id) == own_org_) out_.send(target_of(peer.member), *signed_message);
  }
}

void Core::handle_leadership(Channel& channel, const SenderPtr& from, const MessagePtr& message, Now now) {
  const auto& content = message->message.leadership_msg();
  if (from->org != own_org_ || org_of(content.pki_id()) != own_org_) return void(drop(from, "leadership of others", true, now.steady));
  const auto known = channel.leadership.find(content.pki_id());
  if (known != channel.leadership.end() && !is_later(content.timestamp(), known->second)) return;
  const auto* identity = identities_.find(content.pki_id(), now.steady);
  const Status good = check_signature(*message, [&](BytesView signature, BytesView bytes) {
    return crypto_.verify(identity->identity, signature, bytes);
  });
  if (!good) return void(drop(from, "signature", true, now.steady));
  channel.leadership[content.pki_id()] = content.timestamp();
  if (!channel.election || !membership_.is_alive(content.pki_id()) || !channel.view.state_info_of(content.pki_id())) return;
  act_on(channel, channel.election->heard(content.pki_id(), content.is_declaration(), now.steady), now);
}

void Core::yield_leadership(const std::string& channel, Now now) {
  const auto found = channels_.find(channel);
  if (found == channels_.end() || !found->second.election) return;
  act_on(found->second, found->second.election->yield(now.steady), now);
}

SteadyTime Core::next_due() const {
  SteadyTime next = std::min({due_.alive, due_.expiry, due_.sync, due_.reconnect, due_.publish, due_.request, due_.tracker,
                              contacts_.next()});
  for (const auto& [id, channel] : channels_) {
    if (channel.view.left()) continue;
    if (settings_.state.enabled) next = std::min(next, channel.transfer.next());
    if (channel.election) next = std::min(next, channel.election->next());
  }
  return next;
}

std::vector<const Member*> Core::choose(size_t count, const Filter& filter) {
  if (!lot_) lot_ = random_.below(UINT64_MAX);
  std::vector<std::pair<uint64_t, const Member*>> able;
  membership_.for_each_alive([&](const Member& member) {
    if (!member.preferred_endpoint().empty() && filter(member)) able.emplace_back(rank_of(member.pki_id, *lot_), &member);
  });
  const auto end = able.begin() + static_cast<ptrdiff_t>(std::min(count, able.size()));
  std::partial_sort(able.begin(), end, able.end());
  std::vector<const Member*> chosen;
  for (auto at = able.begin(); at != end; ++at) chosen.push_back(at->second);
  return chosen;
}

}  // namespace selvage::gossip
