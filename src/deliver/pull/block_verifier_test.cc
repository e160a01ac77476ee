#include "deliver/pull/block_verifier.h"

#include <gtest/gtest.h>

#include "common/common.pb.h"
#include "common/configtx.pb.h"
#include "kit/channels.h"
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

}  // namespace
}  // namespace selvage::deliver
