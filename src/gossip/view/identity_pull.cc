#include "gossip/view/identity_pull.h"

namespace selvage::gossip {
namespace {

using Message = ::gossip::GossipMessage;

constexpr auto kDigestsTakenFor = std::chrono::seconds(10);
constexpr auto kAskedAgainAfter = std::chrono::seconds(2);
constexpr size_t kHellosMax = 10000;

Message make() {
  Message message;
  message.set_tag(Message::EMPTY);
  return message;
}

}  // namespace

void IdentityPull::add(const Bytes& pki_id, MessagePtr identity) {
  requested_.erase(pki_id);
  if (items_.size() < kIdentitiesMax) items_.emplace(pki_id, std::move(identity));
}

void IdentityPull::remove(const Bytes& pki_id) { items_.erase(pki_id); }

MessagePtr IdentityPull::find(const Bytes& pki_id) const {
  const auto found = items_.find(pki_id);
  return found == items_.end() ? nullptr : found->second;
}

void IdentityPull::drop_old(SteadyTime now) {
  std::erase_if(asked_, [&](const auto& item) { return now - item.second.since > kDigestsTakenFor; });
  std::erase_if(answered_, [&](const auto& item) { return now - item.second > settings_.request_wait; });
  std::erase_if(requested_, [&](const auto& item) { return now - item.second > kAskedAgainAfter; });
}

MessagePtr IdentityPull::hello(const Bytes& to, SteadyTime now) {
  drop_old(now);
  Message message = make();
  message.mutable_hello()->set_nonce(make_nonce(random_));
  message.mutable_hello()->set_msg_type(::gossip::IDENTITY_MSG);
  asked_[message.hello().nonce()] = {to, now};
  return make_unsigned(std::move(message));
}

MessagePtr IdentityPull::answer(const Message& message, const Bytes& from, const MayHave& may_have, SteadyTime now) {
  drop_old(now);
  Message answer = make();
  if (message.has_hello()) {
    auto& digest = *answer.mutable_data_dig();
    digest.set_msg_type(::gossip::IDENTITY_MSG);
    digest.set_nonce(message.hello().nonce());
    for (const auto& [id, identity] : items_) {
      if (may_have(id)) digest.add_digests(id);
    }
    if (digest.digests_size() == 0 || answered_.size() >= kHellosMax) return nullptr;
    answered_[{from, message.hello().nonce()}] = now;
    return make_unsigned(std::move(answer));
  }
  if (message.has_data_dig()) {
    const auto asked = asked_.find(message.data_dig().nonce());
    if (asked == asked_.end() || asked->second.peer != from) return nullptr;
    auto& request = *answer.mutable_data_req();
    request.set_msg_type(::gossip::IDENTITY_MSG);
    request.set_nonce(message.data_dig().nonce());
    for (const Bytes& id : message.data_dig().digests()) {
      if (id.size() != 32 || items_.contains(id) || requested_.contains(id) || requested_.size() >= kElementsMax) continue;
      requested_[id] = now;
      request.add_digests(id);
    }
    return request.digests_size() == 0 ? nullptr : make_unsigned(std::move(answer));
  }
  if (message.has_data_req()) {
    if (!answered_.contains({from, message.data_req().nonce()})) return nullptr;
    auto& update = *answer.mutable_data_update();
    update.set_msg_type(::gossip::IDENTITY_MSG);
    update.set_nonce(message.data_req().nonce());
    std::set<Bytes> given;  // each once, however often it was asked for
    for (const Bytes& id : message.data_req().digests()) {
      const auto item = items_.find(id);
      if (item != items_.end() && may_have(id) && given.insert(id).second) *update.add_data() = item->second->envelope;
    }
    return update.data_size() == 0 ? nullptr : make_unsigned(std::move(answer));
  }
  return nullptr;
}

}  // namespace selvage::gossip
