#include "gossip/gossip_worker.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "gossip/msp_crypto.h"
#include "kit/channels.h"
#include "kit/random.h"
#include "kit/recorded_metrics.h"
#include "os/system_clock.h"
#include "rpc/channel.h"
#include "rpc/server.h"
#include "tls/context.h"

namespace selvage::gossip {
namespace {

using namespace std::chrono_literals;

template <class Predicate>
bool eventually(Predicate predicate) {
  for (const auto end = std::chrono::steady_clock::now() + 20s; std::chrono::steady_clock::now() < end;) {
    if (predicate()) return true;
    std::this_thread::sleep_for(2ms);  // between two looks; what counts is the deadline
  }
  return false;
}

std::shared_ptr<tls::CredentialStore> pair_of(const test::Identity& identity) {
  return std::make_shared<tls::CredentialStore>(*tls::Credentials::from_pem(identity.chain_pem(), identity.key_pem()));
}

struct Spoiled {
  bool wrong_hash = false;
  Settings settings;
  size_t receive_bytes_max = 100u << 20;
};

// A whole gossiping peer on loopback, mutual TLS both ways, with a server certificate and another one as client.
class GossipingPeer {
 public:
  GossipingPeer(test::Channel& channel, size_t org, const std::string& name, Spoiled spoiled = {})
      : channel_(channel), server_pair_(pair_of(channel.org(org).tls_ca().server(name, {"localhost", "127.0.0.1"}))),
        client_pair_(pair_of(channel.org(org).tls_ca().client(name + "-client"))),
        trust_(std::make_shared<tls::TrustStore>()),
        crypto_(channel.org(org).msp(), wire::signer_of(channel.org(org).peer(name))) {
    std::vector<tls::Root> roots;
    for (size_t i = 0; i < 2; ++i) roots.push_back({channel.org(i).tls_ca().certificate(), {}});
    trust_->set_source("all", std::move(roots));
    rpc::ServerSettings settings;
    settings.listen_address = "127.0.0.1:0";
    settings.receive_bytes_max = spoiled.receive_bytes_max;
    tls::ServerPolicy policy;
    policy.client_auth = tls::ClientAuth::kRequireAndVerify;
    settings.tls = std::make_shared<tls::ServerContext>(server_pair_, trust_, policy);
    // The address must be known before gossip is: bind a server for the port first.
    {
      rpc::Server probe(settings);
      EXPECT_TRUE(probe.start());
      settings.listen_address = probe.address();
    }
    server_ = std::make_unique<rpc::Server>(settings);
    Settings gossip = spoiled.settings;
    gossip.endpoint = gossip.external_endpoint = address_ = settings.listen_address;
    TransportSettings transport;
    transport.dial.tls = std::make_shared<tls::ClientContext>(client_pair_, trust_);
    transport.client_hash = [pair = spoiled.wrong_hash ? server_pair_ : client_pair_] { return pair->current()->leaf().sha256(); };
    transport.server_hash = [pair = server_pair_] { return pair->current()->leaf().sha256(); };
    Gossip::Events events;
    events.arrived = [this](const Outbox::Arrival& arrival) {
      std::lock_guard lock(mutex_);
      arrived_.push_back(arrival);
    };
    gossip_ = std::make_unique<Gossip>(gossip, transport,
                                       Gossip::Parts{crypto_, os::system_clock(), random_, metrics_}, events);
    gossip_->add_to(*server_);
    EXPECT_TRUE(server_->start());
    gossip_->start();
  }
  ~GossipingPeer() { stop(); }
  void stop() {
    server_->stop();
    gossip_->stop();
  }
  void join(const std::vector<std::string>& anchors) {
    const auto bundle = channel_.bundle();
    crypto_.follow(bundle);
    ChannelConfig config{bundle->channel_id(), bundle->sequence(), {{"Org1MSP", {}}, {"Org2MSP", {}}}};
    for (const auto& anchor : anchors) {
      const size_t colon = anchor.rfind(':');
      config.orgs["Org1MSP"].push_back({anchor.substr(0, colon), std::stoi(anchor.substr(colon + 1))});
    }
    gossip_->set_channel(config);
  }
  [[nodiscard]] size_t sees() const { return gossip_->peers_of_channel(channel_.id()).size(); }
  [[nodiscard]] size_t arrived() {
    std::lock_guard lock(mutex_);
    return arrived_.size();
  }
  [[nodiscard]] Outbox::Arrival arrival(size_t index) {
    std::lock_guard lock(mutex_);
    return arrived_.at(index);
  }
  // A stream to this peer, over TLS with a good certificate, of somebody who has not said who they are.
  [[nodiscard]] std::shared_ptr<rpc::Channel> stranger() const {
    rpc::ChannelSettings to;
    to.targets = {address_};
    to.tls = std::make_shared<tls::ClientContext>(client_pair_, trust_);
    return rpc::Channel::make(std::move(to));
  }
  [[nodiscard]] double counted(const std::string& name, const metrics::LabelValues& labels = {}) const {
    return metrics_.value(name, labels);
  }
  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] Gossip& gossip() { return *gossip_; }

 private:
  test::Channel& channel_;
  std::shared_ptr<tls::CredentialStore> server_pair_, client_pair_;
  std::shared_ptr<tls::TrustStore> trust_;
  MspCrypto crypto_;
  test::SeededRandom random_{std::random_device{}()};
  test::RecordedMetrics metrics_;
  std::mutex mutex_;
  std::vector<Outbox::Arrival> arrived_;
  std::string address_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<Gossip> gossip_;
};

class GossipOverTls : public testing::Test {
 protected:
  test::Channel channel;
};

TEST_F(GossipOverTls, PeersOfTwoOrganisationsSeeEachOtherSoonAfterTheLastJoined) {
  GossipingPeer a(channel, 0, "a"), b(channel, 0, "b"), c(channel, 1, "c");
  for (auto* peer : {&a, &b, &c}) peer->join({a.address()});
  EXPECT_TRUE(eventually([&] { return a.sees() == 2 && b.sees() == 2 && c.sees() == 2; }));
  for (const PeerInfo& info : c.gossip().peers_of_channel(channel.id())) {
    EXPECT_EQ(info.org, "Org1MSP");
    EXPECT_TRUE(info.internal_endpoint.empty());
    EXPECT_FALSE(info.alive.signature().empty());
    EXPECT_FALSE(info.state_info.signature().empty());
    EXPECT_FALSE(info.identity.empty());
  }
}

TEST_F(GossipOverTls, HeightsAndChaincodesAreTold) {
  Settings quick;
  quick.publish_state_info = 50ms;
  GossipingPeer a(channel, 0, "a", {false, quick}), c(channel, 1, "c");
  for (auto* peer : {&a, &c}) peer->join({a.address()});
  a.gossip().set_chaincodes(channel.id(), {{"basic", "2"}});
  a.gossip().set_height(channel.id(), 9);
  EXPECT_TRUE(eventually([&] {
    const auto peers = c.gossip().peers_of_channel(channel.id());
    return peers.size() == 1 && peers[0].height == 9 && peers[0].chaincodes.size() == 1 && peers[0].chaincodes[0].version == "2";
  }));
}

TEST_F(GossipOverTls, AHashOfAnotherCertificateThanTheOneOnTheConnectionIsRefused) {
  GossipingPeer a(channel, 0, "a"), impostor(channel, 1, "c", {true, {}});
  a.join({});
  impostor.join({a.address()});
  std::atomic<int> answered = 0;  // 1: refused, 2: answered
  ::gossip::GossipMessage message;
  message.set_tag(::gossip::GossipMessage::CHAN_OR_ORG);
  impostor.gossip().ask({"", a.address()}, message, 3s, [&](auto answer) { answered = answer ? 2 : 1; });
  EXPECT_TRUE(eventually([&] { return answered != 0; }));
  EXPECT_EQ(answered, 1);
  EXPECT_EQ(a.gossip().members().size(), 0u);
}

TEST_F(GossipOverTls, StateRequestsArriveWithTheirSender) {
  GossipingPeer a(channel, 0, "a"), c(channel, 1, "c");
  for (auto* peer : {&a, &c}) peer->join({a.address()});
  ASSERT_TRUE(eventually([&] { return a.sees() == 1 && c.sees() == 1; }));
  ::gossip::GossipMessage message;
  message.set_tag(::gossip::GossipMessage::CHAN_OR_ORG);
  message.set_channel(channel.id());
  message.mutable_state_request()->set_end_seq_num(3);
  const auto to = c.gossip().peers_of_channel(channel.id()).at(0);
  c.gossip().send({to.pki_id, to.preferred_endpoint()}, message);
  ASSERT_TRUE(eventually([&] { return a.arrived() == 1; }));
  EXPECT_EQ(a.arrival(0).from->org, "Org2MSP");
  EXPECT_EQ(a.arrival(0).message->message.state_request().end_seq_num(), 3u);
}

TEST_F(GossipOverTls, AStrangerThatSaysNothingIsPutOut) {
  Settings impatient;
  impatient.connection_timeout = 50ms;
  GossipingPeer a(channel, 0, "a", {false, impatient});
  const auto there = a.stranger();
  const auto stream = there->stream("/gossip.Gossip/GossipStream", {.timeout = 20s});
  Bytes message;
  EXPECT_TRUE(stream->read(&message));  // who `a` is
  EXPECT_FALSE(stream->read(&message));
  EXPECT_NE(stream->finish().message.find("timed out waiting for connection message"), std::string::npos);
}

TEST_F(GossipOverTls, AStrangerThatTalksNonsenseIsPutOutAndCounted) {
  GossipingPeer a(channel, 0, "a");
  const auto there = a.stranger();
  for (const Bytes& nonsense : {Bytes("nonsense"), Bytes(100, '\xff')}) {
    const auto stream = there->stream("/gossip.Gossip/GossipStream");
    stream->write(nonsense);
    Bytes message;
    while (stream->read(&message)) {
    }
    EXPECT_FALSE(stream->finish().ok());
  }
  EXPECT_EQ(a.counted("gossip_comm_messages_dropped", {"bytes"}), 2);
  const auto stream = there->stream("/gossip.Gossip/GossipStream");
  stream->write(make_unsigned({})->envelope.SerializeAsString());
  Bytes message;
  while (stream->read(&message)) {
  }
  EXPECT_EQ(stream->finish().message, "wrong type");
}

TEST_F(GossipOverTls, AMessageThatIsTooLargeCostsItsSenderTheStreamAndNobodyElseAnything) {
  GossipingPeer a(channel, 0, "a", {false, {}, 64u << 10}), c(channel, 1, "c");
  for (auto* peer : {&a, &c}) peer->join({a.address()});
  ASSERT_TRUE(eventually([&] { return a.sees() == 1 && c.sees() == 1; }));
  ::gossip::GossipMessage message;
  message.set_tag(::gossip::GossipMessage::CHAN_ONLY);
  message.set_channel(channel.id());
  const auto to = c.gossip().peers_of_channel(channel.id()).at(0);
  message.mutable_private_data()->mutable_payload()->set_private_rwset(Bytes(65u << 10, 'x'));
  c.gossip().send({to.pki_id, to.preferred_endpoint()}, message);
  message.mutable_private_data()->mutable_payload()->set_private_rwset("small");
  EXPECT_TRUE(eventually([&] {
    c.gossip().send({to.pki_id, to.preferred_endpoint()}, message);
    return a.arrived() > 0;
  }));
  EXPECT_EQ(a.arrival(0).message->message.private_data().payload().private_rwset(), "small");
}

TEST_F(GossipOverTls, MessagesMembersAndHeightsAreCounted) {
  GossipingPeer a(channel, 0, "a"), c(channel, 1, "c");
  for (auto* peer : {&a, &c}) peer->join({a.address()});
  a.gossip().set_height(channel.id(), 9);
  for (const char* name : {"gossip_comm_messages_sent", "gossip_comm_messages_received"}) {
    EXPECT_TRUE(eventually([&] { return a.counted(name) > 0 && c.counted(name) > 0; })) << name;
  }
  EXPECT_TRUE(eventually([&] { return a.counted("gossip_membership_total_peers_known", {channel.id()}) == 1; }));
  EXPECT_TRUE(eventually([&] { return a.counted("gossip_state_height", {channel.id()}) == 9; }));
}

TEST_F(GossipOverTls, WhatWaitsForAConnectionIsBoundedAndTheRestCounted) {
  Settings small;
  small.send_queue = 5;
  GossipingPeer a(channel, 0, "a", {false, small});
  ::gossip::GossipMessage message;
  message.set_tag(::gossip::GossipMessage::CHAN_OR_ORG);
  // Nobody answers there: a listener that accepts nothing.
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener, 1), 0);
  ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  for (int i = 0; i < 12; ++i) a.gossip().send({"", "127.0.0.1:" + std::to_string(ntohs(address.sin_port))}, message);
  EXPECT_TRUE(eventually([&] { return a.counted("gossip_comm_overflow_count") == 7; }));
  a.stop();
  ::close(listener);
}

TEST_F(GossipOverTls, APeerThatIsGoneIsNotInTheView) {
  Settings quick;
  quick.alive_interval = 100ms;
  quick.alive_expiration = 1000ms;
  GossipingPeer a(channel, 0, "a", {false, quick});
  auto c = std::make_unique<GossipingPeer>(channel, 1, "c", Spoiled{false, quick});
  for (auto* peer : {&a, c.get()}) peer->join({a.address()});
  ASSERT_TRUE(eventually([&] { return a.sees() == 1 && c->sees() == 1; }));
  c->stop();
  EXPECT_TRUE(eventually([&] { return a.sees() == 0; }));
}

}  // namespace
}  // namespace selvage::gossip
