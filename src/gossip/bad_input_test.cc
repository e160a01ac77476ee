// What neighbours with a good certificate may send and must not: each message is dropped, counted by its reason, and changes
// nothing. Each test starts from a message that would be taken.
#include <gtest/gtest.h>

#include "gossip/core.h"
#include "gossip/testing/three_peers.h"

namespace selvage::gossip {
namespace {

using namespace std::chrono_literals;
using testing::FakeCrypto;
using testing::Peer;
using testing::channel_of;
using testing::view_of;
using Message = ::gossip::GossipMessage;

class GossipBadInput : public testing::ThreePeers {
 protected:
  // `a` gets it from `from`.
  void tell(const Peer& from, const MessagePtr& message) { a.core->received(from.sender, message, net.now); }
  void expect_dropped(const Peer& from, const MessagePtr& message, const std::string& reason) {
    static_cast<void>(a.core->take_output());
    const double before = a.dropped(reason);
    tell(from, message);
    EXPECT_EQ(a.dropped(reason), before + 1) << reason << " of " << describe(*message);
  }

  // The next alive message of `b`, to be spoiled before it is signed.
  Message alive_of_b() {
    Message message = a.core->membership().find(b.sender->pki_id)->alive->message;
    auto& time = *message.mutable_alive_msg()->mutable_timestamp();
    time.set_seq_num(time.seq_num() + 1000);
    return message;
  }
  uint64_t number_of_b() {
    return a.core->membership().find(b.sender->pki_id)->alive->message.alive_msg().timestamp().seq_num();
  }
  // b's next state-info, at height 99.
  Message state_info_of_b() {
    Message message = a.core->channel("ch")->state_info_of(b.sender->pki_id)->message;
    auto& info = *message.mutable_state_info();
    info.mutable_timestamp()->set_seq_num(UINT64_MAX);
    info.mutable_properties()->set_ledger_height(99);
    return message;
  }
  uint64_t height_of_b() {
    return a.core->channel("ch")->state_info_of(b.sender->pki_id)->message.state_info().properties().ledger_height();
  }
  MessagePtr snapshot_of(const std::vector<MessagePtr>& elements) {
    Message message;
    message.set_tag(Message::CHAN_OR_ORG);
    message.set_channel("ch");
    for (const auto& element : elements) *message.mutable_state_snapshot()->add_elements() = element->envelope;
    if (elements.empty()) message.mutable_state_snapshot();
    return make_unsigned(std::move(message));
  }
  Message leadership_of(const Peer& peer, uint64_t number = 1) {
    Message message;
    message.set_tag(Message::CHAN_AND_ORG);
    message.set_channel("ch");
    message.mutable_leadership_msg()->set_pki_id(peer.sender->pki_id);
    message.mutable_leadership_msg()->set_is_declaration(true);
    message.mutable_leadership_msg()->mutable_timestamp()->set_inc_num(number);
    return message;
  }
  MessagePtr identity_of(const Bytes& identity, const Bytes& pki_id, const Bytes& signed_as) {
    Message message;
    message.set_tag(Message::EMPTY);
    message.mutable_peer_identity()->set_cert(identity);
    message.mutable_peer_identity()->set_pki_id(pki_id);
    return *make_signed(message, [&](BytesView bytes) { return FakeCrypto::signature_of(signed_as, bytes); });
  }
  static MessagePtr update_of(const MessagePtr& identity) {
    Message message;
    message.set_tag(Message::EMPTY);
    message.mutable_data_update()->set_msg_type(::gossip::IDENTITY_MSG);
    *message.mutable_data_update()->add_data() = identity->envelope;
    return make_unsigned(std::move(message));
  }
  // Of an organisation that is known, but not in the channel.
  Peer& outsider() {
    Peer& d = net.add("Org3MSP", "d:1");
    static_cast<void>(a.core->identities().put(d.sender->pki_id, d.sender->identity, net.now));
    return d;
  }
};

TEST_F(GossipBadInput, AMessageWithAnotherTagThanItsContentHas) {
  for (const auto tag : {Message::UNDEFINED, Message::ORG_ONLY, Message::CHAN_ONLY}) {
    Message alive = alive_of_b();
    alive.set_tag(tag);
    expect_dropped(b, signed_by(b, alive), "tag");
    Message info = state_info_of_b();
    info.set_tag(tag);
    expect_dropped(b, signed_by(b, info), "tag");
  }
  Message nothing;
  nothing.set_tag(Message::EMPTY);
  expect_dropped(b, make_unsigned(nothing), "tag");
  EXPECT_EQ(height_of_b(), 1u);
}

TEST_F(GossipBadInput, AnAliveMessageWithoutSignatureOrWithThatOfAnother) {
  const uint64_t before = number_of_b();
  expect_dropped(b, make_unsigned(alive_of_b()), "alive message");
  expect_dropped(c, signed_by(c, alive_of_b()), "alive message");
  EXPECT_EQ(number_of_b(), before);
  tell(c, signed_by(b, alive_of_b()));  // unspoiled, by way of another
  EXPECT_EQ(number_of_b(), before + 1000);
}

TEST_F(GossipBadInput, AnInternalEndpointThatSomebodyElseSigned) {
  auto spoiled = std::make_shared<SignedMessage>(*signed_by(b, alive_of_b()));
  ::gossip::Secret secret;
  secret.set_internalendpoint("evil:1");
  auto& envelope = *spoiled->envelope.mutable_secret_envelope();
  envelope.set_payload(secret.SerializeAsString());
  envelope.set_signature(*c.crypto.sign(envelope.payload()));
  expect_dropped(c, spoiled, "alive message");
  EXPECT_EQ(a.core->membership().find(b.sender->pki_id)->internal_endpoint, "b:1");
}

TEST_F(GossipBadInput, EndpointsAndMetadataThatAreTooLong) {
  const std::string longest(kEndpointBytesMax, 'x');
  Message endpoint = alive_of_b(), metadata = alive_of_b();
  endpoint.mutable_alive_msg()->mutable_membership()->set_endpoint(longest + "x");
  metadata.mutable_alive_msg()->mutable_membership()->set_metadata(longest + "x");
  expect_dropped(b, signed_by(b, endpoint), "alive message");
  expect_dropped(b, signed_by(b, metadata), "alive message");
  const auto secret = make_signed_with_secret(alive_of_b(), longest + "x", [&](BytesView bytes) { return b.crypto.sign(bytes); });
  expect_dropped(b, *secret, "alive message");
  const auto good = make_signed_with_secret(alive_of_b(), longest, [&](BytesView bytes) { return b.crypto.sign(bytes); });
  tell(b, *good);
  EXPECT_EQ(a.core->membership().find(b.sender->pki_id)->internal_endpoint, longest);
}

TEST_F(GossipBadInput, AnAliveMessageWhoseIdentityIsNotThatOfItsPkiId) {
  Message message = alive_of_b();
  const Bytes other = testing::identity_named("Org2MSP", "other");
  message.mutable_alive_msg()->set_identity(other);
  expect_dropped(c, *make_signed(message, [&](BytesView bytes) { return FakeCrypto::signature_of(other, bytes); }),
                 "alive message");
  EXPECT_EQ(a.core->identities().org_of(b.sender->pki_id), "Org1MSP");
}

TEST_F(GossipBadInput, AnAliveMessageOfAnIdentityThatIsExpired) {
  const Bytes expired = testing::identity_named("Org2MSP", "expired");
  a.crypto.expiry[expired] = net.now.system - 1s;
  Message message = alive_of_b();
  auto& alive = *message.mutable_alive_msg();
  alive.mutable_membership()->set_pki_id(pki_id_of(expired));
  alive.set_identity(expired);
  const auto told = make_signed(message, [&](BytesView bytes) { return FakeCrypto::signature_of(expired, bytes); });
  expect_dropped(c, *told, "unknown identity");
  EXPECT_EQ(a.core->membership().find(pki_id_of(expired)), nullptr);
}

TEST_F(GossipBadInput, AMembershipRequestThatIsNoneOrInTheNameOfAnother) {
  Message message;
  message.set_tag(Message::EMPTY);
  *message.mutable_mem_req()->mutable_self_information() = signed_by(b, state_info_of_b())->envelope;
  expect_dropped(b, make_unsigned(message), "membership request");
  *message.mutable_mem_req()->mutable_self_information() = a.core->membership().find(b.sender->pki_id)->alive->envelope;
  expect_dropped(c, make_unsigned(message), "membership request");
  EXPECT_TRUE(a.core->take_output().sends.empty());
}

TEST_F(GossipBadInput, AMembershipRequestWithAnAliveMessageThatDoesNotHold) {
  Message message;
  message.set_tag(Message::EMPTY);
  Message old = a.core->membership().find(b.sender->pki_id)->alive->message;  // no news, and so not looked at as such
  *message.mutable_mem_req()->mutable_self_information() = signed_by(c, old)->envelope;
  expect_dropped(b, make_unsigned(message), "alive message");
  EXPECT_TRUE(a.core->take_output().sends.empty());
}

TEST_F(GossipBadInput, AMembershipResponseWithTooManyMembersOrWithOtherThings) {
  Message message;
  message.set_tag(Message::EMPTY);
  *message.mutable_mem_res()->add_dead() = signed_by(b, state_info_of_b())->envelope;
  expect_dropped(b, make_unsigned(message), "membership response");
  message.mutable_mem_res()->clear_dead();
  *message.mutable_mem_res()->add_alive() = signed_by(b, state_info_of_b())->envelope;
  expect_dropped(b, make_unsigned(message), "membership response");
  message.mutable_mem_res()->clear_alive();
  for (size_t i = 0; i <= kElementsMax; ++i) message.mutable_mem_res()->add_dead();
  expect_dropped(b, make_unsigned(message), "too many elements");
}

TEST_F(GossipBadInput, AMemberThatIsSaidToBeDeadByAMessageThatItDidNotSign) {
  const Bytes unheard_of = testing::identity_named("Org1MSP", "unheard of");
  static_cast<void>(a.core->identities().put(pki_id_of(unheard_of), unheard_of, net.now));
  Message alive = alive_of_b(), message;
  alive.mutable_alive_msg()->mutable_membership()->set_pki_id(pki_id_of(unheard_of));
  message.set_tag(Message::EMPTY);
  *message.mutable_mem_res()->add_dead() = signed_by(b, alive)->envelope;
  expect_dropped(b, make_unsigned(message), "alive message");
  EXPECT_EQ(a.core->membership().find(pki_id_of(unheard_of)), nullptr);
}

TEST_F(GossipBadInput, AnIdentityThatIsForgedOrForeignOrExpired) {
  const Bytes fresh = testing::identity_named("Org2MSP", "fresh"), foreign = testing::identity_named("EvilMSP", "evil");
  const Bytes expired = testing::identity_named("Org2MSP", "expired");
  a.crypto.expiry[expired] = net.now.system - 1s;
  expect_dropped(c, update_of(identity_of(fresh, pki_id_of(fresh), foreign)), "signature");
  expect_dropped(c, update_of(identity_of(fresh, pki_id_of(foreign), fresh)), "identity");
  expect_dropped(c, update_of(identity_of(foreign, pki_id_of(foreign), foreign)), "identity");
  expect_dropped(c, update_of(identity_of(expired, pki_id_of(expired), expired)), "identity");
  expect_dropped(c, update_of(signed_by(c, state_info_of_b())), "identity");
  for (const Bytes& identity : {foreign, expired}) EXPECT_EQ(a.core->identities().look(pki_id_of(identity)), nullptr);
}

TEST_F(GossipBadInput, PullsOfOtherKindsAndOfTooMuch) {
  Message hello;
  hello.set_tag(Message::CHAN_AND_ORG);
  hello.set_channel("ch");
  hello.mutable_hello()->set_msg_type(::gossip::BLOCK_MSG);
  expect_dropped(b, make_unsigned(hello), "block pull");
  Message digest, request;
  digest.set_tag(Message::EMPTY);
  request.set_tag(Message::EMPTY);
  digest.mutable_data_dig()->set_msg_type(::gossip::IDENTITY_MSG);
  request.mutable_data_req()->set_msg_type(::gossip::IDENTITY_MSG);
  for (size_t i = 0; i <= kElementsMax; ++i) {
    digest.mutable_data_dig()->add_digests("x");
    request.mutable_data_req()->add_digests("x");
  }
  Message update;
  update.set_tag(Message::EMPTY);
  update.mutable_data_update()->set_msg_type(::gossip::IDENTITY_MSG);
  for (size_t i = 0; i <= kElementsMax; ++i) update.mutable_data_update()->add_data();
  for (const Message& message : {digest, request, update}) expect_dropped(b, make_unsigned(message), "too many elements");
}

TEST_F(GossipBadInput, DigestsThatNobodyAskedForAndRequestsWithoutAHello) {
  Message digest, request;
  digest.set_tag(Message::EMPTY);
  digest.mutable_data_dig()->set_msg_type(::gossip::IDENTITY_MSG);
  digest.mutable_data_dig()->set_nonce(4711);
  digest.mutable_data_dig()->add_digests(Bytes(32, 'x'));
  request.set_tag(Message::EMPTY);
  request.mutable_data_req()->set_msg_type(::gossip::IDENTITY_MSG);
  request.mutable_data_req()->set_nonce(4711);
  request.mutable_data_req()->add_digests(a.sender->pki_id);
  static_cast<void>(a.core->take_output());
  tell(b, make_unsigned(digest));
  tell(b, make_unsigned(request));
  EXPECT_TRUE(a.core->take_output().sends.empty());
}

TEST_F(GossipBadInput, AStateInfoThatIsForgedOrOfAnotherChannelOrOrganisation) {
  expect_dropped(c, signed_by(c, state_info_of_b()), "state info");
  expect_dropped(b, make_unsigned(state_info_of_b()), "state info");
  Message other = state_info_of_b();
  other.mutable_state_info()->set_channel_mac(channel_mac(b.sender->pki_id, "another"));
  expect_dropped(b, signed_by(b, other), "channel MAC");
  other.mutable_state_info()->set_channel_mac(channel_mac(c.sender->pki_id, "ch"));  // as another may have it
  expect_dropped(b, signed_by(b, other), "channel MAC");
  EXPECT_EQ(height_of_b(), 1u);

  Peer& d = outsider();
  Message foreign = state_info_of_b();
  foreign.mutable_state_info()->set_pki_id(d.sender->pki_id);
  foreign.mutable_state_info()->set_channel_mac(channel_mac(d.sender->pki_id, "ch"));
  expect_dropped(c, signed_by(d, foreign), "state info");
  expect_dropped(d, signed_by(d, foreign), "organisation");
  EXPECT_EQ(a.core->channel("ch")->state_info_of(d.sender->pki_id), nullptr);
}

TEST_F(GossipBadInput, ASnapshotWithAnElementThatDoesNotHold) {
  Message other = state_info_of_b();
  other.mutable_state_info()->set_channel_mac(channel_mac(b.sender->pki_id, "another"));
  expect_dropped(c, snapshot_of({signed_by(b, other)}), "channel MAC");
  expect_dropped(c, snapshot_of({signed_by(c, state_info_of_b())}), "state info");
  expect_dropped(c, snapshot_of({signed_by(b, alive_of_b())}), "snapshot");
  Message many = snapshot_of({})->message;
  for (size_t i = 0; i <= kElementsMax; ++i) many.mutable_state_snapshot()->add_elements();
  expect_dropped(c, make_unsigned(many), "too many elements");
  EXPECT_EQ(height_of_b(), 1u);
  tell(c, snapshot_of({signed_by(b, state_info_of_b())}));
  EXPECT_EQ(height_of_b(), 99u);
}

TEST_F(GossipBadInput, AReplayedSnapshotSetsNobodyBack) {
  const MessagePtr old = a.core->channel("ch")->state_info_of(b.sender->pki_id);
  tell(b, signed_by(b, state_info_of_b()));
  ASSERT_EQ(height_of_b(), 99u);
  const int verified = a.crypto.verified;
  tell(c, snapshot_of({old}));
  EXPECT_EQ(height_of_b(), 99u);
  EXPECT_EQ(a.crypto.verified, verified);
}

TEST_F(GossipBadInput, MessagesOfAChannelByThoseWhoMayNotBeInIt) {
  Peer& d = outsider();
  Message request;
  request.set_tag(Message::CHAN_OR_ORG);
  request.set_channel("ch");
  request.mutable_state_request()->set_end_seq_num(3);
  expect_dropped(d, make_unsigned(request), "organisation");
  request.set_channel("another");
  expect_dropped(c, make_unsigned(request), "channel");
  request.set_channel("ch");
  Peer& forger = net.add("Org2MSP", "e:1");
  auto sender = std::make_shared<Sender>(*forger.sender);
  sender->signature = "forged";
  forger.sender = sender;
  expect_dropped(forger, make_unsigned(request), "not eligible");
  Message pull;
  pull.set_tag(Message::CHAN_OR_ORG);
  pull.mutable_state_info_pull_req()->set_channel_mac(channel_mac(d.sender->pki_id, "ch"));
  expect_dropped(d, make_unsigned(pull), "organisation");
  EXPECT_TRUE(a.core->take_output().arrivals.empty());
}

TEST_F(GossipBadInput, LeadershipOfOthersAndThatIsForged) {
  expect_dropped(c, signed_by(c, leadership_of(c)), "leadership of others");
  expect_dropped(b, signed_by(c, leadership_of(c)), "leadership of others");
  expect_dropped(b, signed_by(c, leadership_of(b)), "signature");
}

TEST_F(GossipBadInput, ALeadershipMessageThatIsSaidAgainIsNotLookedAtAgain) {
  const MessagePtr declared = signed_by(b, leadership_of(b, 5));
  tell(b, declared);
  const int verified = a.crypto.verified;
  tell(b, declared);
  tell(c, signed_by(b, leadership_of(b, 4)));
  EXPECT_EQ(a.crypto.verified, verified);
}

TEST_F(GossipBadInput, AFloodIsCutOffCountedAndForgivenLater) {
  const MessagePtr forged = signed_by(c, alive_of_b());
  for (size_t i = 0; i < kInvalidMessagesMax; ++i) tell(c, forged);
  EXPECT_EQ(a.core->take_output().closes, (std::vector<Bytes>{c.sender->pki_id}));
  const uint64_t before = number_of_b();
  expect_dropped(c, signed_by(b, alive_of_b()), "flood");  // good, but nobody looks
  EXPECT_EQ(number_of_b(), before);
  net.now.steady += kInvalidWindow + 1s;
  tell(c, signed_by(b, alive_of_b()));
  EXPECT_EQ(number_of_b(), before + 1000);
}

}  // namespace
}  // namespace selvage::gossip
