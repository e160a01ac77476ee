#include "tools/selvage/compare/blocks.h"

#include <gtest/gtest.h>

#include "base/bytes.h"

namespace selvage::tools::compare {
namespace {

::common::Block good_block() {
  ::common::Block block;
  block.mutable_header()->set_number(3);
  block.mutable_header()->set_data_hash("data");
  block.mutable_data()->add_data("one");
  block.mutable_data()->add_data("two");
  for (int i = 0; i <= ::common::COMMIT_HASH; ++i) block.mutable_metadata()->add_metadata();
  *block.mutable_metadata()->mutable_metadata(::common::TRANSACTIONS_FILTER) = Bytes("\0\x0b", 2);
  ::common::Metadata hash;
  hash.set_value("hash");
  *block.mutable_metadata()->mutable_metadata(::common::COMMIT_HASH) = hash.SerializeAsString();
  return block;
}

TEST(Compare, FindsNothingInTheSameBlock) { EXPECT_EQ(difference(good_block(), good_block()), std::nullopt); }

TEST(Compare, DoesNotMindOtherSignatures) {
  auto other = good_block();
  *other.mutable_metadata()->mutable_metadata(::common::SIGNATURES) = "another orderer's";
  EXPECT_EQ(difference(good_block(), other), std::nullopt);
}

TEST(Compare, NamesTheTransactionWhoseCodeDiffers) {
  auto other = good_block();
  *other.mutable_metadata()->mutable_metadata(::common::TRANSACTIONS_FILTER) = Bytes("\0\0", 2);
  EXPECT_EQ(difference(good_block(), other), "transaction 1 (no id) is MVCC_READ_CONFLICT and VALID");
}

TEST(Compare, SeesAnotherCommitHash) {
  auto other = good_block();
  other.mutable_metadata()->mutable_metadata(::common::COMMIT_HASH)->clear();
  EXPECT_EQ(difference(good_block(), other), "commit hash 68617368 and none");
}

TEST(Compare, SeesOtherBytesBehindTheSameHeader) {
  auto other = good_block();
  *other.mutable_data()->mutable_data(0) = "forged";
  EXPECT_EQ(difference(good_block(), other), "transaction 0 has other bytes");
}

TEST(Compare, SeesAnotherChain) {
  auto other = good_block();
  other.mutable_header()->set_previous_hash("else");
  EXPECT_NE(difference(good_block(), other), std::nullopt);
}

}  // namespace
}  // namespace selvage::tools::compare
