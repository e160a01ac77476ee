// Core: what belongs to one channel.
#include <algorithm>

#include "base/log.h"
#include "gossip/core.h"

namespace selvage::gossip {
namespace {

using Message = ::gossip::GossipMessage;

const log::Logger& logger() {
  static const log::Logger instance("gossip.channel");
  return instance;
}
const log::Logger& gossip_logger() {
  static const log::Logger instance("gossip.gossip");
  return instance;
}

}  // namespace

void Core::set_channel(ChannelConfig config, Now now) {
  const std::string id = config.id;
  const auto org_of_peer = [this](const Bytes& pki_id) { return org_of(pki_id); };
  if (!config.orgs.contains(own_org_)) {
    std::string names;
    for (const auto& [org, anchors] : config.orgs) names += (names.empty() ? "" : " ") + org;
    LOG_ERROR(gossip_logger(), "Tried joining channel {} but our org( {} ), isn't among the orgs of the channel: [{}] , aborting.",
              id, own_org_, names);
    return;
  }
  auto found = channels_.find(id);
  const bool joined = found == channels_.end();
  if (joined) {
    found = channels_.try_emplace(id, config, settings_, own_, random_, now).first;
  } else if (!found->second.view.set_config(config, org_of_peer)) {
    LOG_WARN(logger(), "Already have a more updated JoinChannel message than {} for channel {}", config.sequence, id);
    return;
  }
  Channel& channel = found->second;
  channel.eligible.clear();
  channel.members_changed = true;
  due_.tracker = std::min(due_.tracker, now.steady + kTrackerPause);
  // Certificates that the new configuration revoked, organisations that it has no more.
  for (const Bytes& pki_id : identities_.purge_invalid()) forget_peer(pki_id, now);
  LOG_INFO(gossip_logger(), "Joining gossip network of channel {} with {} organizations", id, config.orgs.size());
  contacts_.set_channel(config, now.steady);
  publish(channel, now);
  if (joined) {
    for (const Member* member : choose(kPushedAtOnceMax, [&](const Member&) { return true; })) introduce(channel, *member);
  }
}

void Core::leave_channel(const std::string& channel, Now now) {
  const auto found = channels_.find(channel);
  if (found == channels_.end()) return;
  found->second.view.set_left(now);
  publish(found->second, now);
}

void Core::set_height(const std::string& channel, uint64_t height, Now now) {
  const auto found = channels_.find(channel);
  if (found == channels_.end() || found->second.view.height() == height) return;
  found->second.view.set_height(height, now);
  found->second.unpublished = true;
  metrics_.height.with({channel}).set(static_cast<double>(height));
}

void Core::set_chaincodes(const std::string& channel, std::vector<ChaincodeInfo> chaincodes, Now now) {
  const auto found = channels_.find(channel);
  if (found == channels_.end()) return;
  found->second.view.set_chaincodes(std::move(chaincodes), now);
  publish(found->second, now);
}

void Core::set_transfer_height(const std::string& channel, uint64_t height) {
  const auto found = channels_.find(channel);
  if (found != channels_.end()) found->second.transfer_height = height;
}

bool Core::take_state_answer(const Message& message, const Bytes& from, Now now) {
  const auto found = channels_.find(message.channel());
  return found != channels_.end() && found->second.transfer.take_answer(message, from, now.steady);
}

void Core::state_taken(const std::string& channel, bool all_good, Now now) {
  const auto found = channels_.find(channel);
  if (found != channels_.end()) found->second.transfer.taken(all_good, now.steady);
}

// Signs our state-info and tells it.
void Core::publish(Channel& channel, Now) {
  auto message = sign(channel.view.own_content());
  if (!message) return;
  channel.view.set_own(*message);
  channel.unpublished = false;
  if (settings_.propagate_iterations > 0) gossip_state_info(channel, *message, own_, settings_.propagate_peers);
}

// Who may be sent the state-info of `of`. Fabric quirk: gossip_impl.go gossipBatch.
bool Core::may_see_state_info(const Channel& channel, const Bytes& of, const Bytes& to) const {
  const std::string org = org_of(to);
  if (membership_.has_external_endpoint(of)) return channel.view.has_org(org);
  return org == own_org_;
}

void Core::gossip_state_info(Channel& channel, const MessagePtr& info, const Bytes& except, size_t count) {
  const Bytes& of = info->message.state_info().pki_id();
  const auto may_hear = [&](const Member& member) {
    return member.pki_id != except && member.pki_id != of && may_see_state_info(channel, of, member.pki_id);
  };
  for (const Member* member : choose(count, may_hear)) out_.send(target_of(*member), info);
}

// We and a peer that may be in the channel tell each other what we are there.
void Core::introduce(Channel& channel, const Member& member) {
  if (member.preferred_endpoint().empty() || !channel.view.has_org(org_of(member.pki_id)) || channel.view.left()) return;
  if (channel.view.own() && may_see_state_info(channel, own_, member.pki_id)) {
    out_.send(target_of(member), channel.view.own());
  }
  out_.send(target_of(member), make_unsigned(channel.view.snapshot_request()));
}

// A peer that knows the MAC knows the channel's name; other messages name the channel.
Core::Channel* Core::channel_for(const Message& message, const Bytes& from) {
  if (message.has_state_info() || message.has_state_info_pull_req()) {
    const bool info = message.has_state_info();
    const Bytes& mac = info ? message.state_info().channel_mac() : message.state_info_pull_req().channel_mac();
    const Bytes& pki_id = info ? message.state_info().pki_id() : from;
    for (auto& [id, channel] : channels_) {
      if (mac == channel_mac(pki_id, id)) return &channel;
    }
    return nullptr;
  }
  const auto found = channels_.find(message.channel());
  return found == channels_.end() ? nullptr : &found->second;
}

// May the peer at the other end read the channel? Its handshake is the proof that it holds its key.
bool Core::is_eligible(Channel& channel, const Sender& from) {
  auto& accepted = channel.eligible[from.pki_id];
  if (!accepted.empty() && accepted == from.signature) return true;
  const Status allowed =
      crypto_.verify_in_channel(channel.view.config().id, from.identity, from.signature, from.signed_data);
  accepted = allowed ? from.signature : Bytes();
  return allowed.has_value();
}

void Core::handle_channel_message(const SenderPtr& from, const MessagePtr& message, Now now) {
  const Message& content = message->message;
  Channel* channel = channel_for(content, from->pki_id);
  if (channel == nullptr) {
    // State-info of channels that are not ours is a matter of course.
    return void(drop(from, content.has_state_info() || content.has_state_info_pull_req() ? "channel MAC" : "channel", false,
                now.steady));
  }
  const std::string& id = channel->view.config().id;
  if (!channel->view.has_org(from->org)) {
    if (!drop(from, "organisation", true, now.steady)) return;
    LOG_WARN(logger(), "Point to point message came from {} , org( {} ) but it's not eligible for the channel {}",
                    escape(from->address), escape(from->org), id);
    return;
  }
  switch (content.content_case()) {
    case Message::kStateInfo: return handle_state_info(*channel, from, message, now);
    case Message::kStateSnapshot: return handle_snapshot(*channel, from, message, now);
    case Message::kLeadershipMsg: return handle_leadership(*channel, from, message, now);
    case Message::kStateInfoPullReq: {
      const auto org_of_peer = [this](const Bytes& pki_id) { return org_of(pki_id); };
      return out_.send({from->pki_id, ""},
                       make_unsigned(channel->view.snapshot_for(from->org, own_org_, membership_, org_of_peer)));
    }
    case Message::kHello:
    case Message::kDataDig:
    case Message::kDataReq:
    case Message::kDataUpdate: return void(drop(from, "block pull", false, now.steady));  // blocks are asked for by range
    default: break;
  }
  if (channel->view.left()) return void(drop(from, "channel", false, now.steady));
  if (!is_eligible(*channel, *from)) {
    if (!drop(from, "not eligible", true, now.steady)) return;
    LOG_WARN(logger(), "Got unauthorized request from {} of {} for channel {}", escape(from->address),
                    escape(from->org), id);
    return;
  }
  out_.arrivals.push_back({from, message});
}

Core::Verdict Core::check_state_info(Channel& channel, const SignedMessage& message, Now now) {
  const auto& info = message.message.state_info();
  const auto* identity = identities_.find(info.pki_id(), now.steady);
  if (identity == nullptr) return Verdict::kUnknown;
  if (!channel.view.has_org(identity->org)) return Verdict::kBad;
  const std::string& id = channel.view.config().id;
  const Status good = check_signature(message, [&](BytesView signature, BytesView bytes) {
    return crypto_.verify_in_channel(id, identity->identity, signature, bytes);
  });
  if (!good) {
    LOG_WARN(logger(), "Peer {} isn't eligible for channel {} : {}", to_hex(info.pki_id()), id, to_string(good.error()));
  }
  return good ? Verdict::kGood : Verdict::kBad;
}

void Core::handle_state_info(Channel& channel, const SenderPtr& from, const MessagePtr& message, Now now) {
  const auto& info = message->message.state_info();
  if (!channel.view.is_news(info)) return;
  switch (check_state_info(channel, *message, now)) {
    case Verdict::kBad: return void(drop(from, "state info", true, now.steady));
    case Verdict::kUnknown:
      drop(from, "unknown identity", false, now.steady);
      return ask_identities({from->pki_id, ""}, now);
    case Verdict::kGood: break;
  }
  const bool is_new = channel.view.learn(message);
  if (is_new || info.properties().left_channel()) {
    channel.members_changed = true;
    due_.tracker = std::min(due_.tracker, now.steady + kTrackerPause);
  }
  // It may not have heard of us.
  const Member* member = membership_.find(info.pki_id());
  if (is_new && member != nullptr && channel.view.own() && may_see_state_info(channel, own_, info.pki_id())) {
    out_.send(target_of(*member), channel.view.own());
  }
  if (settings_.propagate_iterations > 0) gossip_state_info(channel, message, from->pki_id, settings_.propagate_peers);
}

void Core::handle_snapshot(Channel& channel, const SenderPtr& from, const MessagePtr& message, Now now) {
  const auto& snapshot = message->message.state_snapshot();
  if (snapshot.elements_size() > static_cast<int>(kElementsMax)) return void(drop(from, "too many elements", true, now.steady));
  for (const auto& envelope : snapshot.elements()) {
    const auto element = read_message(envelope);
    if (!element || !(*element)->message.has_state_info()) return void(drop(from, "snapshot", true, now.steady));
    const auto& info = (*element)->message.state_info();
    if (!channel.view.fits(info)) {
      LOG_WARN(logger(), "Channel {} : StateInfo message has an invalid MAC, sent from {}", channel.view.config().id,
               escape(from->address));
      return void(drop(from, "channel MAC", true, now.steady));
    }
    // Of a peer that is not there (any more), or that we have not met: it is told again.
    if (!channel.view.is_news(info) || membership_.find(info.pki_id()) == nullptr) continue;
    switch (check_state_info(channel, **element, now)) {
      case Verdict::kBad: return void(drop(from, "state info", true, now.steady));
      case Verdict::kUnknown: continue;
      case Verdict::kGood: break;
    }
    if (channel.view.learn(*element)) {
      channel.members_changed = true;
      due_.tracker = std::min(due_.tracker, now.steady + kTrackerPause);
    }
  }
}

void Core::pass_block_on(const MessagePtr& block, const Bytes& except, Now) {
  const auto found = channels_.find(block->message.channel());
  if (found == channels_.end() || settings_.propagate_iterations == 0) return;
  ChannelView& view = found->second.view;
  const auto may_have = [&](const Member& member) {
    return member.pki_id != except && org_of(member.pki_id) == own_org_ && view.state_info_of(member.pki_id) != nullptr;
  };
  for (const Member* member : choose(settings_.propagate_peers, may_have)) out_.send(target_of(*member), block);
}

}  // namespace selvage::gossip
