// Core: alive messages, membership requests and responses, identities.
#include <algorithm>

#include "base/log.h"
#include "gossip/core.h"

namespace selvage::gossip {
namespace {

using Message = ::gossip::GossipMessage;

const log::Logger& logger() {
  static const log::Logger instance("gossip.discovery");
  return instance;
}

constexpr auto kAliveKeptFor = std::chrono::milliseconds(500);  // one signature for several requests
constexpr auto kIdentitiesAskedEvery = std::chrono::milliseconds(500);

}  // namespace

MessagePtr Core::own_alive(Now now) {
  if (own_alive_ && now.steady - own_alive_made_ < kAliveKeptFor) return own_alive_;
  Message message;
  message.set_tag(Message::EMPTY);
  auto& alive = *message.mutable_alive_msg();
  alive.mutable_membership()->set_endpoint(settings_.external_endpoint);
  alive.mutable_membership()->set_pki_id(own_);
  alive.mutable_timestamp()->set_inc_num(incarnation_);
  alive.mutable_timestamp()->set_seq_num(++alive_number_);
  if (now.steady < tell_identity_until_) alive.set_identity(crypto_.own_identity());
  auto made = make_signed_with_secret(std::move(message), settings_.endpoint,
                                      [this](BytesView bytes) { return crypto_.sign(bytes); });
  if (!made) {
    LOG_WARN(logger(), "Failed creating alive message: {}", to_string(made.error()));
    return own_alive_;
  }
  own_alive_ = std::move(*made);
  own_alive_made_ = now.steady;
  return own_alive_;
}

void Core::request_membership(const Target& to, const std::string& to_org, uint64_t nonce, Now now) {
  const MessagePtr alive = own_alive(now);
  if (!alive) return;
  Message message;
  message.set_tag(Message::EMPTY);
  message.set_nonce(nonce);
  *message.mutable_mem_req()->mutable_self_information() = membership_.for_org(alive, to_org)->envelope;
  out_.send(to, make_unsigned(std::move(message)));
}

Core::Verdict Core::check_alive(const SignedMessage& message, Now now) {
  const auto& alive = message.message.alive_msg();
  const auto& told = alive.membership();
  if (told.pki_id().empty() || message.envelope.signature().empty()) return Verdict::kBad;
  if (told.endpoint().size() > kEndpointBytesMax || told.metadata().size() > kEndpointBytesMax ||
      internal_endpoint(message.envelope).size() > kEndpointBytesMax) {
    return Verdict::kBad;
  }
  if (!alive.identity().empty()) {
    if (auto put = identities_.put(told.pki_id(), alive.identity(), now); !put) {
      LOG_DEBUG(logger(), "Failed validating identity of {} reason: {}", escape(told.endpoint()), to_string(put.error()));
      // Of an organisation that we do not know (yet): nobody's fault.
      return put.error().code == Code::kInvalidArgument ? Verdict::kBad : Verdict::kUnknown;
    }
  }
  const auto* identity = identities_.find(told.pki_id(), now.steady);
  if (identity == nullptr) return Verdict::kUnknown;
  const Status good = check_signature(message, [&](BytesView signature, BytesView bytes) {
    return crypto_.verify(identity->identity, signature, bytes);
  });
  return good ? Verdict::kGood : Verdict::kBad;
}

// True when it told something new.
bool Core::learn_alive(const SenderPtr& from, const MessagePtr& message, Now now) {
  const auto& alive = message->message.alive_msg();
  if (!membership_.is_news(alive)) return false;
  switch (check_alive(*message, now)) {
    case Verdict::kBad: drop(from, "alive message", true, now.steady); return false;
    case Verdict::kUnknown:
      drop(from, "unknown identity", false, now.steady);
      ask_identities({from->pki_id, ""}, now);
      ask_again_[from->pki_id] = now.steady;
      return false;
    case Verdict::kGood: break;
  }
  const auto learned = membership_.learn_alive(message, now.steady);
  if (learned == Membership::Learned::kNothing) return false;
  if (learned != Membership::Learned::kUpdated) {
    const Member& member = *membership_.find(alive.membership().pki_id());
    LOG_DEBUG(logger(), "Learned about a new alive member: {}", escape(member.preferred_endpoint()));
    welcome(member, now);
  }
  return true;
}

// A member that was not there before: tell the others at once, and talk to it at once, so that everybody sees everybody
// without waiting for the next round. In a large network some do so, and the others hear of it.
void Core::welcome(const Member& member, Now now) {
  tell_identity_until_ = std::max(tell_identity_until_, now.steady + settings_.publish_certificate);
  for (auto& [id, channel] : channels_) channel.members_changed = true;
  due_.tracker = std::min(due_.tracker, now.steady + kTrackerPause);
  if (settings_.propagate_iterations > 0) gossip_alive(member.alive, member.pki_id, kPushedAtOnceMax);
  const size_t count = membership_.alive_count();
  if (count > kPushedAtOnceMax && random_.below(count) >= kPushedAtOnceMax) return;
  if (member.preferred_endpoint().empty()) return;
  request_membership(target_of(member), org_of(member.pki_id), 0, now);
  for (auto& [id, channel] : channels_) introduce(channel, member);
  // Whoever was at its endpoint before is looked for: dialling finds out that its certificate was renewed.
  membership_.for_each_alive([&](const Member& other) {
    if (other.pki_id == member.pki_id || other.preferred_endpoint() != member.preferred_endpoint()) return;
    request_membership(target_of(other), org_of(other.pki_id), 0, now);
  });
}

void Core::handle_alive(const SenderPtr& from, const MessagePtr& message, Now now) {
  const auto& told = message->message.alive_msg().membership();
  if (told.pki_id() == own_) {
    const std::string internal = internal_endpoint(message->envelope);
    if (told.endpoint() != settings_.external_endpoint || (!internal.empty() && internal != settings_.endpoint)) {
      LOG_ERROR(logger(), "Bad configuration detected: Received AliveMessage from a peer with the same PKI-ID as myself: {}",
                describe(*message));
    }
    return;
  }
  if (!learn_alive(from, message, now) || settings_.propagate_iterations == 0) return;
  gossip_alive(message, from->pki_id, settings_.propagate_peers);
}

// Whose alive message goes where: ours to everybody (within the organisation only, without an external endpoint), those
// of others to their own organisation and to ours. Secrets stay in the organisation.
void Core::gossip_alive(const MessagePtr& alive, const Bytes& except, size_t count) {
  const auto& told = alive->message.alive_msg().membership();
  const std::string origin = org_of(told.pki_id());
  if (origin.empty()) return;
  const auto may_hear = [&](const Member& member) {
    if (member.pki_id == except || member.pki_id == told.pki_id()) return false;
    const std::string org = org_of(member.pki_id);
    if (origin == own_org_) return org == own_org_ || !told.endpoint().empty();
    return (org == own_org_ || org == origin) && !member.endpoint.empty();
  };
  for (const Member* member : choose(count, may_hear)) {
    out_.send(target_of(*member), membership_.for_org(alive, org_of(member->pki_id)));
  }
}

void Core::handle_membership_request(const SenderPtr& from, const MessagePtr& message, Now now) {
  const auto alive = read_message(message->message.mem_req().self_information());
  if (!alive || !(*alive)->message.has_alive_msg()) return void(drop(from, "membership request", true, now.steady));
  const auto& asker = (*alive)->message.alive_msg().membership();
  if (asker.pki_id() != from->pki_id) {
    LOG_WARN(logger(), "Got membership request with selfInfo that doesn't match the handshake");
    return void(drop(from, "membership request", true, now.steady));
  }
  if (membership_.is_news((*alive)->message.alive_msg())) {
    learn_alive(from, *alive, now);
    // What its members know they know of it, too.
    if (membership_.find(from->pki_id) == nullptr) return;
  } else if (check_alive(**alive, now) != Verdict::kGood) {
    return void(drop(from, "alive message", true, now.steady));
  } else if (membership_.revive(from->pki_id, now.steady)) {
    welcome(*membership_.find(from->pki_id), now);
  }
  const MessagePtr own = own_alive(now);
  if (!own) return;
  auto response = membership_.response(own, asker);
  if (!response) {
    LOG_WARN(logger(), "Got a membership request from a peer that shouldn't have sent one: {}, closing connection to the "
                       "peer as a result.", escape(asker.endpoint()));
    out_.closes.push_back(from->pki_id);
    return;
  }
  Message answer;
  answer.set_tag(Message::EMPTY);
  answer.set_nonce(message->message.nonce());
  *answer.mutable_mem_res() = std::move(*response);
  const std::string internal = internal_endpoint((*alive)->envelope);
  out_.send({from->pki_id, internal.empty() ? asker.endpoint() : internal}, make_unsigned(std::move(answer)));
}

void Core::handle_membership_response(const SenderPtr& from, const MessagePtr& message, Now now) {
  const auto& response = message->message.mem_res();
  if (response.alive_size() + response.dead_size() > static_cast<int>(kElementsMax)) {
    return void(drop(from, "too many elements", true, now.steady));
  }
  contacts_.answered(message->message.nonce());
  for (const auto& envelope : response.alive()) {
    const auto alive = read_message(envelope);
    if (!alive || !(*alive)->message.has_alive_msg()) return void(drop(from, "membership response", true, now.steady));
    if (!membership_.is_fresh((*alive)->message.alive_msg().membership().pki_id(), now.steady)) learn_alive(from, *alive, now);
  }
  for (const auto& envelope : response.dead()) {
    const auto dead = read_message(envelope);
    if (!dead || !(*dead)->message.has_alive_msg()) return void(drop(from, "membership response", true, now.steady));
    if (!membership_.is_news((*dead)->message.alive_msg())) continue;
    const Verdict verdict = check_alive(**dead, now);
    if (verdict == Verdict::kBad) drop(from, "alive message", true, now.steady);
    if (verdict == Verdict::kGood) membership_.learn_dead(*dead, now.steady);
  }
}

void Core::ask_identities(const Target& from, Now now) {
  auto& asked = identities_asked_[from.pki_id];
  if (now.steady - asked < kIdentitiesAskedEvery) return;
  asked = now.steady;
  out_.send(from, pull_.hello(from.pki_id, now.steady));
}

// Fabric quirk: gossip_impl.go sameOrgOrOurOrgPullFilter: other organisations are given identities of ours and of their
// own, of peers that they can reach.
bool Core::may_have_identity(const Bytes& pki_id, const std::string& org) const {
  if (org == own_org_) return true;
  const std::string of = org_of(pki_id);
  return !of.empty() && membership_.has_external_endpoint(pki_id) && (of == own_org_ || of == org);
}

void Core::handle_identity_pull(const SenderPtr& from, const MessagePtr& message, Now now) {
  const Message& content = message->message;
  if (pull_type(content) != ::gossip::IDENTITY_MSG) return void(drop(from, "content", true, now.steady));
  if (content.has_data_update()) return take_identities(from, content.data_update(), now);
  if (content.data_dig().digests_size() > static_cast<int>(kElementsMax) ||
      content.data_req().digests_size() > static_cast<int>(kElementsMax)) {
    return void(drop(from, "too many elements", true, now.steady));
  }
  auto answer = pull_.answer(content, from->pki_id,
                             [&](const Bytes& id) { return may_have_identity(id, from->org); }, now.steady);
  if (answer) out_.send({from->pki_id, ""}, std::move(answer));
}

void Core::take_identities(const SenderPtr& from, const ::gossip::DataUpdate& update, Now now) {
  if (update.data_size() > static_cast<int>(kElementsMax)) return void(drop(from, "too many elements", true, now.steady));
  for (const auto& envelope : update.data()) {
    const auto message = read_message(envelope);
    if (!message || !(*message)->message.has_peer_identity()) return void(drop(from, "identity", true, now.steady));
    const auto& told = (*message)->message.peer_identity();
    if (pull_.has(told.pki_id())) continue;
    if (auto put = identities_.put(told.pki_id(), told.cert(), now); !put) {
      LOG_WARN(logger(), "Failed associating PKI-ID with certificate: {}", to_string(put.error()));
      drop(from, "identity", put.error().code == Code::kInvalidArgument, now.steady);
      continue;
    }
    const Status good = check_signature(**message, [&](BytesView signature, BytesView bytes) {
      return crypto_.verify(told.cert(), signature, bytes);
    });
    if (!good) return void(drop(from, "signature", true, now.steady));
    pull_.add(told.pki_id(), *message);
  }
  if (ask_again_.erase(from->pki_id) > 0) request_membership({from->pki_id, ""}, from->org, 0, now);
}

}  // namespace selvage::gossip
