#include "gossip/view/channel_view.h"

#include <fmt/format.h>

#include <algorithm>

namespace selvage::gossip {
namespace {

using Message = ::gossip::GossipMessage;

uint64_t nanoseconds(SystemTime time) { return static_cast<uint64_t>(time.time_since_epoch().count()); }

std::string endpoints_of(const std::vector<const Member*>& members) {
  std::string out = "[";
  for (const Member* member : members) {
    if (out.size() > 1) out += " ";
    out += "[" + escape(member->endpoint);
    if (member->endpoint != member->internal_endpoint) out += " " + escape(member->internal_endpoint);
    out += "]";
  }
  return out + "]";
}

std::vector<const Member*> missing_in(const std::vector<ChannelView::Peer>& of, const std::vector<ChannelView::Peer>& in) {
  std::vector<const Member*> missing;
  for (const auto& peer : of) {
    const bool there = std::any_of(in.begin(), in.end(),
                                   [&](const auto& other) { return other.member.pki_id == peer.member.pki_id; });
    if (!there) missing.push_back(&peer.member);
  }
  return missing;
}

}  // namespace

std::string ChannelConfig::Anchor::endpoint() const {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
}

ChannelView::ChannelView(ChannelConfig config, Bytes own_pki_id, Now now)
    : config_(std::move(config)), own_pki_id_(std::move(own_pki_id)) {
  own_.set_pki_id(own_pki_id_);
  own_.set_channel_mac(channel_mac(own_pki_id_, config_.id));
  own_.mutable_timestamp()->set_inc_num(nanoseconds(now.system));
  own_.mutable_properties()->set_ledger_height(1);
  touch(now);
}

bool ChannelView::set_config(ChannelConfig config, const Membership::OrgOf& org_of) {
  if (config.sequence < config_.sequence || config.orgs.empty()) return false;
  config_ = std::move(config);
  std::erase_if(infos_, [&](const auto& item) { return item.first != own_pki_id_ && !has_org(org_of(item.first)); });
  return true;
}

// Fabric quirk: the number is the time, so that no two messages of one incarnation have the same.
void ChannelView::touch(Now now) {
  auto& time = *own_.mutable_timestamp();
  time.set_seq_num(std::max(nanoseconds(now.system), time.seq_num() + 1));
}

void ChannelView::set_height(uint64_t height, Now now) {
  own_.mutable_properties()->set_ledger_height(height);
  touch(now);
}

void ChannelView::set_chaincodes(std::vector<ChaincodeInfo> chaincodes, Now now) {
  auto& properties = *own_.mutable_properties();
  properties.clear_chaincodes();
  for (auto& chaincode : chaincodes) {
    auto& out = *properties.add_chaincodes();
    out.set_name(std::move(chaincode.name));
    out.set_version(std::move(chaincode.version));
  }
  touch(now);
}

void ChannelView::set_left(Now now) {
  own_.mutable_properties()->set_left_channel(true);
  touch(now);
}

Message ChannelView::own_content() const {
  Message message;
  message.set_tag(Message::CHAN_OR_ORG);
  *message.mutable_state_info() = own_;
  return message;
}

void ChannelView::set_own(MessagePtr signed_message) {
  own_message_ = std::move(signed_message);
  infos_[own_pki_id_] = own_message_;
}

bool ChannelView::fits(const ::gossip::StateInfo& info) const {
  return info.channel_mac() == channel_mac(info.pki_id(), config_.id);
}

bool ChannelView::is_news(const ::gossip::StateInfo& info) const {
  if (info.pki_id() == own_pki_id_) return false;
  const auto known = infos_.find(info.pki_id());
  if (known == infos_.end()) return infos_.size() < kMembersMax;
  return is_later(info.timestamp(), known->second->message.state_info().timestamp());
}

bool ChannelView::learn(const MessagePtr& message) {
  auto& slot = infos_[message->message.state_info().pki_id()];
  const bool is_new = slot == nullptr || slot->message.state_info().properties().left_channel();
  slot = message;
  return is_new;
}

void ChannelView::forget(const Bytes& pki_id) {
  if (pki_id != own_pki_id_) infos_.erase(pki_id);
}

MessagePtr ChannelView::state_info_of(const Bytes& pki_id) const {
  const auto found = infos_.find(pki_id);
  return found == infos_.end() ? nullptr : found->second;
}

Message ChannelView::snapshot_for(const std::string& org, const std::string& own_org, const Membership& membership,
                                  const Membership::OrgOf& org_of) const {
  Message message;
  message.set_channel(config_.id);
  message.set_tag(Message::CHAN_OR_ORG);
  auto& snapshot = *message.mutable_state_snapshot();
  for (const auto& [id, info] : infos_) {
    if (org != own_org && org_of(id) == own_org && !membership.has_external_endpoint(id)) continue;
    *snapshot.add_elements() = info->envelope;
  }
  return message;
}

Message ChannelView::snapshot_request() const {
  Message message;
  message.set_tag(Message::CHAN_OR_ORG);
  message.mutable_state_info_pull_req()->set_channel_mac(own_.channel_mac());
  return message;
}

std::vector<ChannelView::Peer> ChannelView::peers(const Membership& membership) const {
  std::vector<Peer> peers;
  if (left()) return peers;
  for (const auto& [id, info] : infos_) {
    if (id == own_pki_id_ || info->message.state_info().properties().left_channel() || !membership.is_alive(id)) continue;
    peers.push_back({*membership.find(id), info});
  }
  return peers;
}

std::string describe_change(const std::string& channel, const std::vector<ChannelView::Peer>& before,
                            const std::vector<ChannelView::Peer>& now) {
  const auto offline = missing_in(before, now);
  const auto online = missing_in(now, before);
  if (offline.empty() && online.empty()) return "";
  std::vector<const Member*> all;
  for (const auto& peer : now) all.push_back(&peer.member);
  // Fabric prints a list of values, with its brackets and a space between them.
  std::string text = "[[" + channel + "] Membership view has changed.";
  if (!offline.empty()) text += " peers went offline:  " + endpoints_of(offline) + " ,";
  if (!online.empty()) text += " peers went online:  " + endpoints_of(online) + " ,";
  return text + " current view:  " + endpoints_of(all) + "]";
}

}  // namespace selvage::gossip
