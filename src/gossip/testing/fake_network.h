// Peers for tests of the state machines: no certificates, no sockets, one thread, a clock that the test moves. What one
// peer sends the others get at once, after a handshake as the transport makes it; whoever dials an identity and finds another
// one of its organisation at its endpoint is told so, as by the transport.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>

#include "crypto/hash.h"
#include "gossip/core.h"
#include "kit/random.h"
#include "kit/recorded_metrics.h"
#include "msp/identities.pb.h"

namespace selvage::gossip::testing {

inline Bytes identity_named(const std::string& org, const std::string& name) {
  ::msp::SerializedIdentity identity;
  identity.set_mspid(org);
  identity.set_id_bytes(name);
  return identity.SerializeAsString();
}

// "Signs" with a hash, and knows the organisations that it is told of.
class FakeCrypto final : public PeerCrypto {
 public:
  FakeCrypto(std::string org, const std::string& name) : own_(identity_named(org, name)), orgs{std::move(org)} {}
  const Bytes& own_identity() const override { return own_; }
  Result<Bytes> sign(BytesView message) const override { return signature_of(own_, message); }
  std::string org_of(BytesView identity) const override {
    ::msp::SerializedIdentity parsed;
    if (!parsed.ParseFromString(std::string(identity)) || !orgs.contains(parsed.mspid())) return "";
    return parsed.mspid();
  }
  Status validate(BytesView identity) const override {
    if (org_of(identity).empty() || revoked.contains(Bytes(identity))) return fail(Code::kPermissionDenied, "unknown");
    return {};
  }
  Result<SystemTime> expires_at(BytesView identity) const override {
    SELVAGE_CHECK(validate(identity));
    const auto found = expiry.find(Bytes(identity));
    return found == expiry.end() ? SystemTime::max() : found->second;
  }
  Status verify(BytesView identity, BytesView signature, BytesView message) const override {
    ++verified;
    SELVAGE_CHECK(validate(identity));
    if (signature == signature_of(identity, message)) return {};
    return fail(Code::kPermissionDenied, "The signature is invalid");
  }
  Status verify_in_channel(const std::string&, BytesView identity, BytesView signature, BytesView message) const override {
    return verify(identity, signature, message);
  }
  static Bytes signature_of(BytesView identity, BytesView message) { return crypto::sha256({identity, message}); }

 private:
  Bytes own_;

 public:
  std::set<std::string> orgs;
  std::set<Bytes> revoked;
  std::map<Bytes, SystemTime> expiry;
  mutable int verified = 0;
};

struct Peer {
  Peer(const std::string& org, const std::string& certificate, Settings with, uint64_t seed, Now now)
      : crypto(org, certificate), settings(std::move(with)), random(seed), metrics(recorded) {
    for (const char* other : {"Org1MSP", "Org2MSP", "Org3MSP", "Org4MSP", "Org5MSP"}) crypto.orgs.insert(other);
    sender = std::make_shared<Sender>(Sender{pki_id_of(crypto.own_identity()), crypto.own_identity(), org,
                                             settings.endpoint, "hello", FakeCrypto::signature_of(crypto.own_identity(), "hello")});
    core = std::make_unique<Core>(settings, crypto, random, metrics, now);
  }
  FakeCrypto crypto;
  Settings settings;
  // Messages of others that were not used, for this reason.
  [[nodiscard]] double dropped(const std::string& reason) const {
    return recorded.value("gossip_comm_messages_dropped", {reason});
  }

  test::SeededRandom random;
  test::RecordedMetrics recorded;
  Metrics metrics;
  SenderPtr sender;
  std::unique_ptr<Core> core;
  bool down = false;
  std::deque<Outbox::Arrival> arrivals;
  std::map<std::string, bool> leads;
};

class FakeNetwork {
 public:
  Now now{SteadyTime(std::chrono::hours(1)), SystemTime(std::chrono::hours(500000))};

  // Endpoint is the name.
  Peer& add(const std::string& org, const std::string& name, const std::function<void(Settings&)>& change = {}) {
    Settings settings;
    settings.endpoint = settings.external_endpoint = name;
    if (change) change(settings);
    auto peer = std::make_unique<Peer>(org, name, settings, peers_.size() + 1, now);
    Peer& made = *peer;
    peers_[name] = std::move(peer);
    return made;
  }
  Peer& at(const std::string& name) { return *peers_.at(name); }
  // Started anew at its endpoint with a renewed certificate. The old one is gone, `Peer&` of it with it.
  Peer& renew(const std::string& name) {
    const Peer& old = at(name);
    const std::string certificate = name + " renewed " + std::to_string(++renewals_);
    auto peer = std::make_unique<Peer>(old.sender->org, certificate, old.settings, 1000 + renewals_, now);
    return *(peers_[name] = std::move(peer));
  }

  // Everything that is due, and all that follows from it.
  void settle() {
    for (auto& [name, peer] : peers_) {
      if (!peer->down) peer->core->tick(now);
    }
    const size_t before = messages;
    for (bool moved = true; moved;) {
      moved = false;
      if (messages - before > kMessagesMax) throw std::runtime_error("the peers do not stop talking");
      for (auto& [name, peer] : peers_) moved = flush(*peer) || moved;
    }
  }
  void advance(std::chrono::milliseconds time, std::chrono::milliseconds step = std::chrono::milliseconds(250)) {
    for (auto passed = std::chrono::milliseconds(0); passed < time; passed += step) {
      now.steady += step;
      now.system += step;
      settle();
    }
  }
  size_t messages = 0;
  static constexpr size_t kMessagesMax = 100000;  // of one settle(): more is a storm, and an exception

 private:
  // Over the connection to this identity, or by dialling the endpoint.
  Peer* find(const Target& target) {
    for (auto& [name, peer] : peers_) {
      if (!peer->down && peer->sender->pki_id == target.pki_id) return peer.get();
    }
    const auto there = peers_.find(target.endpoint);
    return there == peers_.end() || there->second->down ? nullptr : there->second.get();
  }
  void shake_hands(Peer& one, Peer& other) {
    static_cast<void>(one.core->identities().put(other.sender->pki_id, other.sender->identity, now));
    static_cast<void>(other.core->identities().put(one.sender->pki_id, one.sender->identity, now));
  }
  bool flush(Peer& peer) {
    if (peer.down) return false;
    Outbox out = peer.core->take_output();
    for (const auto& endpoint : out.dials) {
      Peer* other = find({"", endpoint});
      if (other != nullptr) shake_hands(peer, *other);
      peer.core->dialled(endpoint, other != nullptr ? Result<SenderPtr>(other->sender)
                                                    : Result<SenderPtr>(fail(Code::kUnavailable, "connection refused")), now);
    }
    for (const auto& send : out.sends) {
      ++messages;
      Peer* other = find(send.to);
      if (other == nullptr) {
        peer.core->unreachable(send.to.pki_id, now);
        continue;
      }
      shake_hands(peer, *other);
      if (!send.to.pki_id.empty() && send.to.pki_id != other->sender->pki_id) peer.core->replaced(send.to.pki_id, now);
      auto message = read_message(send.message->envelope.SerializeAsString());
      if (message) other->core->received(peer.sender, *message, now);
    }
    for (auto& arrival : out.arrivals) peer.arrivals.push_back(std::move(arrival));
    for (const auto& change : out.leaderships) peer.leads[change.channel] = change.leader;
    return !out.sends.empty() || !out.dials.empty();
  }
  std::map<std::string, std::unique_ptr<Peer>> peers_;
  uint64_t renewals_ = 0;
};

}  // namespace selvage::gossip::testing
