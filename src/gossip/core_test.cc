#include "gossip/core.h"

#include <gtest/gtest.h>

#include "gossip/testing/three_peers.h"

namespace selvage::gossip {
namespace {

using namespace std::chrono_literals;
using testing::FakeCrypto;
using testing::FakeNetwork;
using testing::Peer;
using testing::channel_of;
using testing::view_of;
using Message = ::gossip::GossipMessage;

class GossipCore : public testing::ThreePeers {};

TEST_F(GossipCore, PeersThatKnowAnAnchorSeeEachOtherAtOnce) {
  EXPECT_EQ(view_of(a), (std::set<std::string>{"b:1", "c:1"}));
  EXPECT_EQ(view_of(b), (std::set<std::string>{"a:1", "c:1"}));
  EXPECT_EQ(view_of(c), (std::set<std::string>{"a:1", "b:1"}));
}

TEST_F(GossipCore, AMemberThatIsSilentExpiresAndComesBackWhenItSpeaks) {
  c.down = true;
  net.advance(30s);
  EXPECT_EQ(view_of(a), (std::set<std::string>{"b:1"}));
  c.down = false;
  net.advance(60s);
  EXPECT_EQ(view_of(a), (std::set<std::string>{"b:1", "c:1"}));
  EXPECT_EQ(view_of(c), (std::set<std::string>{"a:1", "b:1"}));
}

TEST_F(GossipCore, AForgedAliveMessageIsDroppedAndItsSenderCutOffWhenItGoesOn) {
  Message forged;
  forged.set_tag(Message::EMPTY);
  forged.mutable_alive_msg()->mutable_membership()->set_pki_id(b.sender->pki_id);
  forged.mutable_alive_msg()->mutable_membership()->set_endpoint("evil:1");
  forged.mutable_alive_msg()->mutable_timestamp()->set_inc_num(UINT64_MAX);
  const MessagePtr message = signed_by(c, forged);  // in the name of another
  for (size_t i = 0; i < kInvalidMessagesMax; ++i) a.core->received(c.sender, message, net.now);
  EXPECT_EQ(a.core->membership().find(b.sender->pki_id)->endpoint, "b:1");
  EXPECT_EQ(a.core->take_output().closes, (std::vector<Bytes>{c.sender->pki_id}));
  const int verified = a.crypto.verified;
  a.core->received(c.sender, message, net.now);
  EXPECT_EQ(a.crypto.verified, verified);  // not even looked at
}

TEST_F(GossipCore, AReplayedAliveMessageTellsNothing) {
  const MessagePtr old = a.core->membership().find(b.sender->pki_id)->alive;
  net.advance(6s);
  static_cast<void>(a.core->take_output());
  const int verified = a.crypto.verified;
  a.core->received(c.sender, old, net.now);
  EXPECT_EQ(a.crypto.verified, verified);
  EXPECT_TRUE(a.core->take_output().sends.empty());
}

TEST_F(GossipCore, AReplayedStateInfoDoesNotSetTheHeightBack) {
  const MessagePtr old = a.core->channel("ch")->state_info_of(b.sender->pki_id);
  b.core->set_height("ch", 7, net.now);
  net.advance(5s);
  ASSERT_EQ(a.core->channel("ch")->state_info_of(b.sender->pki_id)->message.state_info().properties().ledger_height(), 7u);
  a.core->received(c.sender, old, net.now);
  EXPECT_EQ(a.core->channel("ch")->state_info_of(b.sender->pki_id)->message.state_info().properties().ledger_height(), 7u);
}

TEST_F(GossipCore, AStateInfoWithTheWrongMacIsOfNoChannel) {
  Message message = a.core->channel("ch")->state_info_of(b.sender->pki_id)->message;
  message.mutable_state_info()->set_channel_mac(channel_mac(b.sender->pki_id, "another"));
  message.mutable_state_info()->mutable_properties()->set_ledger_height(99);
  message.mutable_state_info()->mutable_timestamp()->set_seq_num(UINT64_MAX);
  a.core->received(b.sender, signed_by(b, message), net.now);
  EXPECT_EQ(a.core->channel("ch")->state_info_of(b.sender->pki_id)->message.state_info().properties().ledger_height(), 1u);
}

TEST_F(GossipCore, AnOrganisationOutsideTheChannelNeverEntersItsView) {
  Peer& d = net.add("Org3MSP", "d:1", [](Settings& settings) { settings.bootstrap = {}; });
  ChannelConfig config = channel_of({"Org1MSP", "Org2MSP", "Org3MSP"}, 9);  // as d pretends
  config.orgs["Org1MSP"].push_back({"a", 1});
  d.core->set_channel(config, net.now);
  net.advance(10s);
  EXPECT_FALSE(view_of(a).contains("d:1"));
  EXPECT_FALSE(view_of(b).contains("d:1"));
}

TEST_F(GossipCore, AnIdentityOfAnUnknownOrganisationIsNotTakenIn) {
  const Bytes identity = testing::identity_named("EvilMSP", "evil");
  Message alive;
  alive.set_tag(Message::EMPTY);
  alive.mutable_alive_msg()->mutable_membership()->set_pki_id(pki_id_of(identity));
  alive.mutable_alive_msg()->mutable_membership()->set_endpoint("evil:1");
  alive.mutable_alive_msg()->set_identity(identity);
  alive.mutable_alive_msg()->mutable_timestamp()->set_inc_num(1);
  const auto message = make_signed(alive, [&](BytesView bytes) { return FakeCrypto::signature_of(identity, bytes); });
  a.core->received(c.sender, *message, net.now);
  EXPECT_EQ(a.core->membership().find(pki_id_of(identity)), nullptr);
  EXPECT_EQ(a.core->identities().look(pki_id_of(identity)), nullptr);
}

TEST_F(GossipCore, AnIdentityThatExpiresGoesFromAllTables) {
  Peer& d = net.add("Org1MSP", "d:1", [](Settings& settings) { settings.bootstrap = {"a:1"}; });
  for (Peer* peer : {&a, &b, &c, &d}) peer->crypto.expiry[d.sender->identity] = net.now.system + 20s;
  d.core->set_channel(channel_of({"Org1MSP", "Org2MSP"}), net.now);
  net.advance(2s);
  ASSERT_TRUE(view_of(a).contains("d:1"));
  net.advance(25s);
  EXPECT_FALSE(view_of(a).contains("d:1"));
  EXPECT_EQ(a.core->identities().look(d.sender->pki_id), nullptr);
  EXPECT_EQ(a.core->membership().find(d.sender->pki_id), nullptr);
}

TEST_F(GossipCore, APeerThatComesBackWithARenewedCertificateTakesThePlaceOfTheOldOne) {
  const Bytes old = b.sender->pki_id;
  Peer& renewed = net.renew("b:1");
  ChannelConfig config = channel_of({"Org1MSP", "Org2MSP"});
  config.orgs["Org1MSP"].push_back({"a", 1});
  renewed.core->set_channel(config, net.now);
  const size_t before = net.messages;
  net.advance(20s);
  EXPECT_EQ(view_of(a), (std::set<std::string>{"b:1", "c:1"}));
  EXPECT_EQ(view_of(renewed), (std::set<std::string>{"a:1", "c:1"}));
  EXPECT_EQ(view_of(c), (std::set<std::string>{"a:1", "b:1"}));
  for (const Peer* peer : {&a, &c}) {
    EXPECT_EQ(peer->core->membership().find(old), nullptr) << peer->settings.endpoint;
    EXPECT_TRUE(peer->core->membership().is_alive(renewed.sender->pki_id)) << peer->settings.endpoint;
  }
  EXPECT_EQ(renewed.core->membership().find(old), nullptr);
  EXPECT_LT(net.messages - before, 3u * 20 * 12);  // as few as of peers that nothing happened to
}

TEST_F(GossipCore, ACertificateIsRenewedAgainAndAgainWhilePeersComeThatKnowTheOldOnes) {
  ChannelConfig config = channel_of({"Org1MSP", "Org2MSP"});
  config.orgs["Org1MSP"].push_back({"a", 1});
  for (int i = 0; i < 3; ++i) {
    net.renew("b:1").core->set_channel(config, net.now);
    net.advance(3s, 1s);
  }
  Peer& d = net.add("Org1MSP", "d:1", [](Settings& settings) { settings.bootstrap = {"b:1"}; });
  d.core->set_channel(config, net.now);
  net.advance(60s);
  for (Peer* peer : {&a, &c, &d, &net.at("b:1")}) EXPECT_EQ(peer->core->peers_of("ch").size(), 3u) << peer->settings.endpoint;
}

TEST_F(GossipCore, ACertificateThatANewConfigurationRevokesIsThrownOut) {
  a.crypto.revoked.insert(c.sender->identity);
  a.core->set_channel(channel_of({"Org1MSP", "Org2MSP"}, 2), net.now);
  EXPECT_EQ(view_of(a), (std::set<std::string>{"b:1"}));
}

TEST_F(GossipCore, PeersOfAnOrganisationThatLeftTheChannelAreNotInItsView) {
  a.core->set_channel(channel_of({"Org1MSP"}, 2), net.now);
  EXPECT_EQ(view_of(a), (std::set<std::string>{"b:1"}));
}

TEST_F(GossipCore, APeerThatLeftTheChannelIsNotInItsView) {
  b.core->leave_channel("ch", net.now);
  net.settle();
  EXPECT_EQ(view_of(a), (std::set<std::string>{"c:1"}));
}

TEST_F(GossipCore, InternalEndpointsStayInTheOrganisation) {
  EXPECT_EQ(a.core->membership().find(b.sender->pki_id)->internal_endpoint, "b:1");
  EXPECT_EQ(a.core->membership().find(c.sender->pki_id)->internal_endpoint, "");
  EXPECT_EQ(c.core->membership().find(a.sender->pki_id)->internal_endpoint, "");
}

TEST_F(GossipCore, WithoutAnExternalEndpointOnlyTheOwnOrganisationLearnsOfAPeer) {
  Peer& d = net.add("Org1MSP", "d:1", [](Settings& settings) {
    settings.bootstrap = {"a:1"};
    settings.external_endpoint = "";
  });
  ChannelConfig config = channel_of({"Org1MSP", "Org2MSP"});
  config.orgs["Org2MSP"].push_back({"c", 1});
  d.core->set_channel(config, net.now);
  net.advance(12s);
  EXPECT_NE(b.core->membership().find(d.sender->pki_id), nullptr);
  EXPECT_EQ(c.core->membership().find(d.sender->pki_id), nullptr);
}

TEST_F(GossipCore, TheOriginalSignedEnvelopesAreKept) {
  const Member& member = *c.core->membership().find(b.sender->pki_id);
  const auto verify = [&](BytesView signature, BytesView message) {
    return c.crypto.verify(b.sender->identity, signature, message);
  };
  EXPECT_TRUE(check_signature(*member.alive, verify));
  EXPECT_TRUE(check_signature(*c.core->channel("ch")->state_info_of(b.sender->pki_id), verify));
}

TEST_F(GossipCore, AMembershipRequestInTheNameOfAnotherIsRefused) {
  Message message;
  message.set_tag(Message::EMPTY);
  *message.mutable_mem_req()->mutable_self_information() = a.core->membership().find(b.sender->pki_id)->alive->envelope;
  static_cast<void>(a.core->take_output());
  a.core->received(c.sender, make_unsigned(message), net.now);
  EXPECT_TRUE(a.core->take_output().sends.empty());
}

TEST_F(GossipCore, StateRequestsReachThePeerOnlyFromThoseWhoMayReadTheChannel) {
  Message message;
  message.set_tag(Message::CHAN_OR_ORG);
  message.set_channel("ch");
  message.mutable_state_request()->set_end_seq_num(3);
  a.core->received(c.sender, make_unsigned(message), net.now);
  EXPECT_EQ(a.core->take_output().arrivals.size(), 1u);
  auto stranger = std::make_shared<Sender>(*c.sender);
  stranger->signature = "forged";
  a.core->received(stranger, make_unsigned(message), net.now);
  EXPECT_TRUE(a.core->take_output().arrivals.empty());
  message.set_tag(Message::EMPTY);
  a.core->received(c.sender, make_unsigned(message), net.now);
  EXPECT_TRUE(a.core->take_output().arrivals.empty());
}

TEST_F(GossipCore, APeerThatIsBehindAsksANeighbourForWhatItLacks) {
  Peer& d = net.add("Org1MSP", "d:1", [](Settings& settings) {
    settings.bootstrap = {"a:1"};
    settings.state.enabled = true;
  });
  d.core->set_channel(channel_of({"Org1MSP", "Org2MSP"}), net.now);
  a.core->set_height("ch", 30, net.now);
  net.advance(11s);
  ASSERT_EQ(a.arrivals.size(), 1u);
  const auto& request = a.arrivals.front().message->message;
  EXPECT_EQ(request.state_request().start_seq_num(), 1u);
  EXPECT_EQ(request.state_request().end_seq_num(), 11u);
  Message answer;
  answer.set_nonce(request.nonce());
  answer.set_channel("ch");
  answer.mutable_state_response()->add_payloads();
  EXPECT_FALSE(d.core->take_state_answer(answer, b.sender->pki_id, net.now));
  EXPECT_TRUE(d.core->take_state_answer(answer, a.sender->pki_id, net.now));
  EXPECT_FALSE(d.core->take_state_answer(answer, a.sender->pki_id, net.now));
}

// A block as its organisation's leader passes it on.
MessagePtr passed_block(uint64_t number) {
  Message message;
  message.set_tag(Message::CHAN_AND_ORG);
  message.set_channel("ch");
  message.mutable_data_msg()->mutable_payload()->set_seq_num(number);
  message.mutable_data_msg()->mutable_payload()->set_data("block");
  return make_unsigned(std::move(message));
}

TEST_F(GossipCore, ABlockIsPassedOnWithinTheOrganisationOnlyAndNotBackToWhereItCameFrom) {
  Peer& d = net.add("Org1MSP", "d:1", [](Settings& settings) { settings.bootstrap = {"a:1"}; });
  d.core->set_channel(channel_of({"Org1MSP", "Org2MSP"}), net.now);
  net.advance(2s);
  a.core->pass_block_on(passed_block(5), "", net.now);
  net.settle();
  ASSERT_EQ(b.arrivals.size(), 1u);
  EXPECT_EQ(b.arrivals.front().message->message.data_msg().payload().seq_num(), 5u);
  EXPECT_EQ(d.arrivals.size(), 1u);
  EXPECT_TRUE(c.arrivals.empty());
  b.core->pass_block_on(b.arrivals.front().message, a.sender->pki_id, net.now);  // as the peer does with a good one
  net.settle();
  EXPECT_TRUE(a.arrivals.empty());
  EXPECT_EQ(d.arrivals.size(), 2u);
}

TEST_F(GossipCore, NoBlockIsPassedOnWithoutIterations) {
  Peer& d = net.add("Org1MSP", "d:1", [](Settings& settings) {
    settings.bootstrap = {"a:1"};
    settings.propagate_iterations = 0;
  });
  d.core->set_channel(channel_of({"Org1MSP", "Org2MSP"}), net.now);
  net.advance(2s);
  static_cast<void>(d.core->take_output());
  d.core->pass_block_on(passed_block(5), "", net.now);
  EXPECT_TRUE(d.core->take_output().sends.empty());
}

TEST(GossipElection, OnePeerOfAnOrganisationLeadsAndIsReplacedWhenItIsGone) {
  FakeNetwork net;
  std::vector<Peer*> peers;
  for (const char* name : {"a:1", "b:1", "c:1"}) {
    peers.push_back(&net.add("Org1MSP", name, [](Settings& settings) {
      settings.bootstrap = {"a:1"};
      settings.use_leader_election = true;
    }));
    peers.back()->core->set_channel(channel_of({"Org1MSP"}), net.now);
  }
  const auto leaders = [&] {
    std::vector<Peer*> found;
    for (Peer* peer : peers) {
      if (!peer->down && peer->leads["ch"]) found.push_back(peer);
    }
    return found;
  };
  net.advance(40s);
  ASSERT_EQ(leaders().size(), 1u);
  Peer* first = leaders().front();
  for (Peer* peer : peers) EXPECT_GE(peer->sender->pki_id, first->sender->pki_id);
  first->down = true;
  net.advance(60s);
  ASSERT_EQ(leaders().size(), 1u);
  Peer* second = leaders().front();
  second->core->yield_leadership("ch", net.now);  // it reaches no orderer
  net.settle();
  EXPECT_FALSE(second->leads["ch"]);
  net.advance(30s);
  ASSERT_EQ(leaders().size(), 1u);
  EXPECT_NE(leaders().front(), second);
}

TEST(GossipNetwork, TenPeersOfFiveOrganisationsSeeEachOtherWithinOneRound) {
  FakeNetwork net;
  std::vector<std::string> orgs = {"Org1MSP", "Org2MSP", "Org3MSP", "Org4MSP", "Org5MSP"};
  ChannelConfig config = channel_of(orgs);
  std::vector<Peer*> peers;
  for (const auto& org : orgs) {
    config.orgs[org].push_back({org + "p0", 1});
    for (const char* name : {"p0:1", "p1:1"}) peers.push_back(&net.add(org, org + name, [&](Settings& settings) {
      settings.bootstrap = {org + "p0:1"};
    }));
  }
  for (Peer* peer : peers) {
    peer->core->set_channel(config, net.now);
    net.advance(300ms);
  }
  net.advance(4s);
  for (Peer* peer : peers) EXPECT_EQ(view_of(*peer).size(), 9u) << peer->settings.endpoint;
  const size_t before = net.messages;
  net.advance(60s);
  EXPECT_LT(net.messages - before, 10u * 60 * 12);  // of ten idle peers: a dozen a second each at the very most
}

}  // namespace
}  // namespace selvage::gossip
