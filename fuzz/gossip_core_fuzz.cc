// A peer's gossip state machine and what a neighbour with a good certificate sends it: input is a run of messages, each after
// two bytes of length; a length of 0 lets time pass, one of 65535 gives every member another identity at its endpoint. Every
// signature holds, so that what comes after is reached.
#include <algorithm>

#include "base/log.h"
#include "base/metrics.h"
#include "gossip/comm/handshake.h"
#include "gossip/core.h"
#include "gossip/metrics.h"
#include "kit/random.h"
#include "msp/identities.pb.h"
#include "wire/protobuf_log.h"

namespace {

namespace g = selvage::gossip;
using selvage::Bytes;
using selvage::BytesView;

Bytes identity_of(const char* org, const char* name) {
  ::msp::SerializedIdentity identity;
  identity.set_mspid(org);
  identity.set_id_bytes(name);
  return identity.SerializeAsString();
}

class Trusting final : public g::PeerCrypto {
 public:
  const Bytes& own_identity() const override { return own_; }
  selvage::Result<Bytes> sign(BytesView) const override { return Bytes("signature"); }
  std::string org_of(BytesView identity) const override {
    ::msp::SerializedIdentity parsed;
    return parsed.ParseFromArray(identity.data(), static_cast<int>(identity.size())) ? parsed.mspid() : "";
  }
  selvage::Status validate(BytesView identity) const override {
    if (org_of(identity).empty()) return selvage::fail(selvage::Code::kPermissionDenied, "unknown");
    return {};
  }
  selvage::Result<selvage::SystemTime> expires_at(BytesView) const override { return selvage::SystemTime::max(); }
  selvage::Status verify(BytesView, BytesView, BytesView) const override { return {}; }
  selvage::Status verify_in_channel(const std::string&, BytesView, BytesView, BytesView) const override { return {}; }

 private:
  Bytes own_ = identity_of("Org1MSP", "self");
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  static const bool quiet = (selvage::wire::route_protobuf_log(), selvage::log::set_spec("fatal").has_value());
  (void)quiet;
  const Trusting crypto;
  g::Settings settings;
  settings.endpoint = settings.external_endpoint = "self:7051";
  selvage::test::SeededRandom random(1);
  g::Metrics metrics(selvage::metrics::disabled());
  g::Now now{selvage::SteadyTime(std::chrono::hours(1)), selvage::SystemTime(std::chrono::hours(500000))};
  g::Core core(settings, crypto, random, metrics, now);
  g::ChannelConfig channel;
  channel.id = "ch";
  channel.sequence = 1;
  channel.orgs = {{"Org1MSP", {{"other", 7051}}}, {"Org2MSP", {}}};
  core.set_channel(channel, now);
  core.set_height("ch", 5, now);
  const Bytes neighbour = identity_of("Org1MSP", "other");
  const auto sender = std::make_shared<g::Sender>(
      g::Sender{g::pki_id_of(neighbour), neighbour, "Org1MSP", "10.0.0.7:7051", "hello", "signature"});
  (void)core.identities().put(sender->pki_id, neighbour, now).has_value();
  g::IdentityStore strangers(crypto, now);  // of streams whose first message this is
  BytesView rest(reinterpret_cast<const char*>(bytes), size);
  while (rest.size() >= 2) {
    size_t length = static_cast<unsigned char>(rest[0]) << 8 | static_cast<unsigned char>(rest[1]);
    rest.remove_prefix(2);
    if (length == 0) {
      now.steady += std::chrono::seconds(3);
      now.system += std::chrono::seconds(3);
      core.tick(now);
    } else if (length == 0xffff) {
      for (const auto& peer : core.peers_of("ch")) core.replaced(peer.member.pki_id, now);
      length = 0;
    } else if (auto message = g::read_message(rest.substr(0, length))) {
      (void)g::check_handshake(**message, {true, Bytes(32, 'h')}, "10.0.0.8:7051", crypto, strangers, now).has_value();
      core.received(sender, *message, now);
    }
    rest.remove_prefix(std::min(length, rest.size()));
    (void)core.take_output();
  }
  (void)core.peers_of("ch");
  return 0;
}
