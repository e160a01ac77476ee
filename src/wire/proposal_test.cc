#include "wire/proposal.h"

#include <gtest/gtest.h>

#include "wire/envelope.h"
#include "wire/marshal.h"
#include "wire/views.h"

namespace selvage::wire {
namespace {

class CountingRandom final : public Random {
 public:
  Bytes bytes(size_t count) override { return Bytes(count, static_cast<char>(++calls_)); }
  uint64_t below(uint64_t) override { return 0; }

 private:
  int calls_ = 0;
};

Signer signer(const std::string& who = "alice") {
  return Signer{who, [who](BytesView message) -> Result<Bytes> { return "signed by " + who + " " + Bytes(message); }};
}

NewProposal good_proposal(const std::map<std::string, Bytes>& transient = {}) {
  CountingRandom random;
  const std::vector<Bytes> arguments{"put", "k", "v"};
  return make_proposal("ch", make_call("cc", arguments), "alice",
                       SystemTime(std::chrono::seconds(1700000000) + std::chrono::nanoseconds(42)), random, transient);
}

::protos::ProposalResponse good_response(const NewProposal& made, const std::string& endorser) {
  const auto header = *parse<::common::Header>(made.proposal.header());
  ::protos::ProposalResponse answer;
  answer.mutable_response()->set_status(200);
  ::protos::ChaincodeID id;
  id.set_name("cc");
  answer.set_payload(
      response_payload(*proposal_hash(header.channel_header(), header.signature_header(), made.proposal.payload()),
                       answer.response(), "rwset", "", id));
  answer.mutable_endorsement()->set_endorser(endorser);
  answer.mutable_endorsement()->set_signature("s");
  return answer;
}

TEST(Proposal, HeaderSaysWhoWhereAndWhich) {
  const NewProposal made = good_proposal();
  const auto header = *parse<::common::Header>(made.proposal.header());
  const auto channel = *read_channel_header(header.channel_header());
  const auto signature = *read_signature_header(header.signature_header());
  EXPECT_EQ(channel.type, ::common::ENDORSER_TRANSACTION);
  EXPECT_EQ(channel.channel_id, "ch");
  EXPECT_EQ(channel.timestamp_seconds, 1700000000);
  EXPECT_EQ(channel.timestamp_nanos, 42);
  EXPECT_EQ(signature.nonce.size(), kNonceSize);
  EXPECT_EQ(channel.tx_id, made.transaction_id);
  EXPECT_EQ(made.transaction_id, transaction_id(signature.nonce, "alice"));
}

TEST(Proposal, TransientDataIsNeitherHashedNorOrdered) {
  const NewProposal plain = good_proposal();
  const NewProposal secret = good_proposal({{"key", "hush"}});
  EXPECT_NE(plain.proposal.payload(), secret.proposal.payload());
  EXPECT_EQ(*payload_for_transaction(secret.proposal.payload()), plain.proposal.payload());
  const std::vector answers{good_response(secret, "peer1")};
  auto transaction = make_transaction(secret.proposal, signer(), answers);
  ASSERT_TRUE(transaction.has_value());
  EXPECT_EQ(transaction->payload().find("hush"), Bytes::npos);
}

TEST(Transaction, HoldsEachEndorserOnce) {
  const NewProposal made = good_proposal();
  const std::vector answers{good_response(made, "peer1"), good_response(made, "peer2"), good_response(made, "peer1")};
  auto payload = make_transaction_payload(made.proposal, answers);
  ASSERT_TRUE(payload.has_value());
  const Bytes bytes = marshal(*payload);
  const std::string text = bytes;
  EXPECT_NE(text.find("peer1"), std::string::npos);
  EXPECT_EQ(text.find("peer1"), text.rfind("peer1"));
  EXPECT_NE(text.find("peer2"), std::string::npos);
}

TEST(Transaction, RefusesWhatEndorsersDoNotAgreeOn) {
  const NewProposal made = good_proposal();
  std::vector answers{good_response(made, "peer1"), good_response(made, "peer2")};
  answers[1].set_payload("different");
  EXPECT_TRUE(make_transaction(made.proposal, signer(), answers)
                  .error()
                  .message.starts_with("ProposalResponsePayloads do not match (base64): '"));
  answers[1].mutable_response()->set_status(500);
  answers[1].mutable_response()->set_message("no");
  EXPECT_EQ(make_transaction(made.proposal, signer(), answers).error().message,
            "proposal response was not successful, error code 500, msg no");
  EXPECT_EQ(make_transaction(made.proposal, signer(), {}).error().message,
            "at least one proposal response is required");
}

TEST(Transaction, RefusesAForeignSigner) {
  const NewProposal made = good_proposal();
  const std::vector answers{good_response(made, "peer1")};
  EXPECT_EQ(make_transaction(made.proposal, signer("mallory"), answers).error().message,
            "signer must be the same as the one referenced in the header");
}

TEST(Envelope, IsSignedOverItsPayloadAndOpensAgain) {
  CountingRandom random;
  ::common::LastConfig message;
  message.set_index(5);
  auto envelope = make_signed_envelope(::common::CONFIG_UPDATE, "ch", signer(), message,
                                       SystemTime(std::chrono::seconds(9)), random, {0, "hash"});
  ASSERT_TRUE(envelope.has_value());
  EXPECT_EQ(envelope->signature(), "signed by alice " + envelope->payload());
  ::common::LastConfig opened;
  auto header = open_envelope_of(*envelope, ::common::CONFIG_UPDATE, opened);
  ASSERT_TRUE(header.has_value());
  EXPECT_EQ(opened.index(), 5u);
  EXPECT_EQ(header->tls_cert_hash(), "hash");
  EXPECT_EQ(open_envelope_of(*envelope, ::common::CONFIG, opened).error().message,
            "invalid type CONFIG_UPDATE, expected CONFIG");
}

TEST(Views, SayWhatTheGeneratedClassesSay) {
  // Fields that come twice are merged or overwritten; unknown ones and those of another wire type are passed over.
  ::common::Payload first;
  first.mutable_header()->set_channel_header("one");
  ::common::Payload second;
  second.mutable_header()->set_signature_header("two");
  second.set_data("data");
  const Bytes bytes = marshal(first) + marshal(second) + Bytes("\x10\x07", 2);
  const auto whole = *parse<::common::Payload>(bytes);
  const auto view = *read_payload(bytes);
  EXPECT_EQ(view.header.channel_header, whole.header().channel_header());
  EXPECT_EQ(view.header.signature_header, whole.header().signature_header());
  EXPECT_EQ(view.data, whole.data());
}

TEST(Views, RefuseTheBytesThatTheGeneratedClassesRefuse) {
  ::common::ChannelHeader header;
  header.set_channel_id("ok");
  Bytes bytes = marshal(header);
  ASSERT_TRUE(read_channel_header(bytes).has_value());
  bytes.back() = static_cast<char>(0xff);  // not UTF-8
  EXPECT_FALSE(parse<::common::ChannelHeader>(bytes).has_value());
  EXPECT_EQ(read_channel_header(bytes).error().message,
            "error unmarshalling ChannelHeader: proto: cannot parse invalid wire-format data");
  for (const Bytes& bad : {Bytes("\x0a\x05"
                                 "ab"),
                           Bytes("\x00\x00", 2), Bytes("\x07"), Bytes("\x0c"), Bytes(11, '\xff')}) {
    EXPECT_FALSE(parse<::common::ChannelHeader>(bad).has_value()) << to_hex(bad);
    EXPECT_FALSE(read_channel_header(bad).has_value()) << to_hex(bad);
  }
}

}  // namespace
}  // namespace selvage::wire
