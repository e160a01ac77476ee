#include "deliver/pull/block_verifier.h"

#include <gtest/gtest.h>

#include "common/common.pb.h"
#include "common/configtx.pb.h"
#include "kit/channels.h"
#include "kit/consenters.h"
#include "wire/block.h"
#include "wire/envelope.h"
#include "wire/signer.h"

namespace selvage::deliver {
namespace {

class BlockVerifierTest : public testing::Test {
 protected:
  BlockVerifierTest()
      : genesis_(channel_.genesis_block()),
        verifier_(channel_.bundle(), 1, wire::header_hash(genesis_.header())) {}

  // An envelope as a client signs it.
  Bytes transaction(const std::string& content = "content") {
    ::common::LastConfig body;  // any message does
    body.set_index(content.size());
    auto envelope = wire::make_signed_envelope(::common::MESSAGE, channel_.id(),
                                               wire::signer_of(channel_.org(0).client()), body, SystemTime{}, random_);
    EXPECT_TRUE(envelope);
    return envelope->SerializeAsString();
  }
  ::common::Block good_block() {
    return channel_.block(1, wire::header_hash(genesis_.header()), {transaction("a"), transaction("bc")}, true);
  }
  static std::string message_of(const Status& status) { return status ? "accepted" : status.error().message; }

  test::Channel channel_;
  test::SeededRandom random_{7};
  ::common::Block genesis_;
  BlockVerifier verifier_;
};

TEST_F(BlockVerifierTest, AcceptsTheNextBlockAndMovesOn) {
  const ::common::Block block = good_block();
  EXPECT_EQ(message_of(verifier_.accept(block)), "accepted");
  EXPECT_EQ(verifier_.next_number(), 2u);
  const ::common::Block second = channel_.block(2, wire::header_hash(block.header()), {transaction()}, true);
  EXPECT_EQ(message_of(verifier_.accept(second)), "accepted");
}

TEST_F(BlockVerifierTest, RefusesABlockOutOfTurn) {
  ::common::Block block = channel_.block(2, wire::header_hash(genesis_.header()), {transaction()}, true);
  EXPECT_EQ(message_of(verifier_.accept(block)),
            "expected block number is [1] but actual block number inside block is [2]");
  EXPECT_EQ(verifier_.next_number(), 1u);
}

TEST_F(BlockVerifierTest, RefusesABlockOfAnotherChain) {
  ::common::Block block = channel_.block(1, Bytes(32, 'x'), {transaction()}, true);
  EXPECT_NE(message_of(verifier_.accept(block)).find("Header.PreviousHash of block [1] is different"), std::string::npos);
}

TEST_F(BlockVerifierTest, RefusesTransactionsThatTheHeaderDoesNotName) {
  ::common::Block block = good_block();
  block.mutable_data()->set_data(1, transaction("other"));
  EXPECT_NE(message_of(verifier_.accept(block)).find("Header.DataHash is different from Hash(block.Data)"),
            std::string::npos);
}

TEST_F(BlockVerifierTest, RefusesAnEnvelopeThatGoWouldWriteOtherwise) {
  ::common::Block block = good_block();
  // Signature first: the same message, other bytes.
  ::common::Envelope envelope;
  ASSERT_TRUE(envelope.ParseFromString(block.data().data(0)));
  ::common::Envelope payload_only = envelope, signature_only = envelope;
  payload_only.clear_signature();
  signature_only.clear_payload();
  block.mutable_data()->set_data(0, signature_only.SerializeAsString() + payload_only.SerializeAsString());
  block.mutable_header()->set_data_hash(wire::data_hash(block.data()));
  EXPECT_NE(message_of(verifier_.accept(block)).find("well formed"), std::string::npos);
}

TEST_F(BlockVerifierTest, RefusesABlockThatNobodySigned) {
  const ::common::Block block = channel_.block(1, wire::header_hash(genesis_.header()), {transaction()}, false);
  EXPECT_FALSE(verifier_.accept(block));
}

TEST_F(BlockVerifierTest, RefusesASignatureOverAnotherHeader) {
  ::common::Block block = good_block();
  const ::common::Block other = channel_.block(1, wire::header_hash(genesis_.header()), {transaction("z")}, true);
  *block.mutable_metadata() = other.metadata();
  EXPECT_NE(message_of(verifier_.accept(block)).find("implicit policy evaluation failed"), std::string::npos);
}

TEST_F(BlockVerifierTest, FollowsAConfigBlock) {
  ::common::Config updated = channel_.config();
  auto& batch = (*(*updated.mutable_channel_group()->mutable_groups())["Orderer"].mutable_values())["BatchTimeout"];
  batch.set_version(batch.version() + 1);
  batch.set_value("\n\x05" "900ms");
  const auto update = channel_.signed_update(updated, {&channel_.orderer().admin()});
  const ::common::Envelope config = channel_.config_envelope(update);
  const ::common::Block block =
      channel_.block(1, wire::header_hash(genesis_.header()), {config.SerializeAsString()}, true);
  EXPECT_EQ(message_of(verifier_.accept(block)), "accepted");
  EXPECT_EQ(verifier_.bundle()->sequence(), 1u);
}

TEST_F(BlockVerifierTest, NeverTakesAGenesisBlockFromTheNetwork) {
  BlockVerifier from_nothing(channel_.bundle(), 0, "");
  EXPECT_FALSE(from_nothing.accept(genesis_));
}

// What an orderer of a BFT ordering service attests: the next block without its data.
class AttestationTest : public BlockVerifierTest {
 protected:
  AttestationTest() { position_ = std::make_unique<BlockVerifier>(channel_.bundle(), 1, wire::header_hash(genesis_.header())); }
  ::common::Block attestation(const std::vector<uint32_t>& signers) {
    ::common::Block block = channel_.block(1, wire::header_hash(genesis_.header()), {transaction()});
    consenters_.sign(block, signers);
    block.clear_data();
    return block;
  }
  std::string attested(const ::common::Block& block) { return message_of(position_->accept_attestation(block)); }

  test::Consenters consenters_{channel_};
  std::unique_ptr<BlockVerifier> position_;
};

TEST_F(AttestationTest, TakesTheNextHeaderThatEnoughConsentersSigned) {
  const ::common::Block first = attestation({1, 3});
  EXPECT_EQ(attested(first), "accepted");
  EXPECT_EQ(position_->next_number(), 2u);
  ::common::Block second = channel_.block(2, wire::header_hash(first.header()), {transaction()});
  consenters_.sign(second, {2, 3});
  second.clear_data();
  EXPECT_EQ(attested(second), "accepted");
  EXPECT_EQ(position_->next_number(), 3u);
}

TEST_F(AttestationTest, ABlockWithoutItsDataIsNoBlock) {
  EXPECT_NE(message_of(position_->accept(attestation({1, 2, 3}))).find("well formed"), std::string::npos);
  EXPECT_EQ(position_->next_number(), 1u);
}

TEST_F(AttestationTest, OneConsenterIsNotEnoughHoweverOftenItSigns) {
  for (const auto& signers : {std::vector<uint32_t>{}, {2}, {2, 2, 2}}) {
    EXPECT_NE(attested(attestation(signers)), "accepted") << signers.size();
  }
  EXPECT_EQ(position_->next_number(), 1u);
  EXPECT_EQ(attested(attestation({1, 2})), "accepted");
}

TEST_F(AttestationTest, WhoIsNoConsenterCountsForNothing) {
  EXPECT_NE(attested(attestation({1, 4})), "accepted");
  EXPECT_EQ(attested(attestation({4, 1, 2})), "accepted");
}

TEST_F(AttestationTest, NobodySignsWithTheNumberOfAnother) {
  ::common::Block block = attestation({1, 2});
  ::common::Metadata metadata;
  ASSERT_TRUE(metadata.ParseFromString(block.metadata().metadata(::common::SIGNATURES)));
  metadata.mutable_signatures(1)->set_signature(metadata.signatures(0).signature());
  block.mutable_metadata()->set_metadata(::common::SIGNATURES, metadata.SerializeAsString());
  EXPECT_NE(attested(block), "accepted");
}

TEST_F(AttestationTest, RefusesAHeaderThatDoesNotFollow) {
  ::common::Block block = attestation({1, 2});
  block.mutable_header()->set_number(2);
  consenters_.sign(block, {1, 2});
  EXPECT_EQ(attested(block), "expected block number is [1] but actual block number inside block is [2]");
  block.mutable_header()->set_number(1);
  block.mutable_header()->set_previous_hash("another chain's");
  consenters_.sign(block, {1, 2});
  EXPECT_NE(attested(block).find("Header.PreviousHash of block [1] is different"), std::string::npos);
  EXPECT_EQ(position_->next_number(), 1u);
}

TEST_F(AttestationTest, RefusesWhatIsNotSignedOrNotABlock) {
  ::common::Block block = attestation({1, 2});
  block.mutable_header()->set_data_hash("of other transactions");
  EXPECT_NE(attested(block), "accepted");
  block.mutable_metadata()->set_metadata(::common::SIGNATURES, "\xff");
  EXPECT_EQ(attested(block), "error unmarshalling signatures from metadata");
  block.clear_metadata();
  EXPECT_NE(attested(block).find("does not have metadata"), std::string::npos);
  EXPECT_NE(attested({}).find("header must be different from nil"), std::string::npos);
}

}  // namespace
}  // namespace selvage::deliver
