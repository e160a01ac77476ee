// The network that most tests of Core start from, and spoil.
#pragma once

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "gossip/testing/fake_network.h"

namespace selvage::gossip::testing {

inline ChannelConfig channel_of(const std::vector<std::string>& orgs, uint64_t sequence = 1) {
  ChannelConfig config{"ch", sequence, {}};
  for (const auto& org : orgs) config.orgs[org] = {};
  return config;
}

inline std::set<std::string> view_of(const Peer& peer) {
  std::set<std::string> names;
  for (const auto& other : peer.core->peers_of("ch")) names.insert(other.member.endpoint);
  return names;
}

// Two peers of Org1 and one of Org2 in channel `ch`, which see each other.
class ThreePeers : public ::testing::Test {
 protected:
  ThreePeers() {
    ChannelConfig config = channel_of({"Org1MSP", "Org2MSP"});
    config.orgs["Org1MSP"].push_back({"a", 1});
    config.orgs["Org2MSP"].push_back({"c", 1});
    for (Peer* peer : {&a, &b, &c}) peer->core->set_channel(config, net.now);
    net.settle();
    net.settle();
  }
  MessagePtr signed_by(const Peer& peer, ::gossip::GossipMessage message) {
    return *make_signed(std::move(message), [&](BytesView bytes) { return peer.crypto.sign(bytes); });
  }
  FakeNetwork net;
  Peer& a = net.add("Org1MSP", "a:1");
  Peer& b = net.add("Org1MSP", "b:1");
  Peer& c = net.add("Org2MSP", "c:1");
};

}  // namespace selvage::gossip::testing
