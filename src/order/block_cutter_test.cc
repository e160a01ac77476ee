#include "order/block_cutter.h"

#include <gtest/gtest.h>

namespace selvage::order {
namespace {

constexpr channel::BatchSize kLimits{.max_message_count = 3, .absolute_max_bytes = 1000, .preferred_max_bytes = 100};

TEST(BlockCutter, WaitsUntilTheBatchIsFull) {
  BlockCutter cutter;
  EXPECT_TRUE(cutter.ordered("a", 10, kLimits).pending);
  EXPECT_TRUE(cutter.ordered("b", 10, kLimits).batches.empty());
  const auto cut = cutter.ordered("c", 10, kLimits);
  ASSERT_EQ(cut.batches.size(), 1u);
  EXPECT_EQ(cut.batches[0], (Batch{"a", "b", "c"}));
  EXPECT_FALSE(cut.pending);
}

TEST(BlockCutter, IsolatesAMessageLargerThanPreferred) {
  BlockCutter cutter;
  (void)cutter.ordered("a", 10, kLimits);
  const auto cut = cutter.ordered("large", 101, kLimits);
  ASSERT_EQ(cut.batches.size(), 2u);
  EXPECT_EQ(cut.batches[0], Batch{"a"});
  EXPECT_EQ(cut.batches[1], Batch{"large"});
  EXPECT_FALSE(cut.pending);
}

TEST(BlockCutter, CutsBeforeAMessageThatWouldNotFit) {
  BlockCutter cutter;
  (void)cutter.ordered("a", 60, kLimits);
  const auto cut = cutter.ordered("b", 41, kLimits);
  ASSERT_EQ(cut.batches.size(), 1u);
  EXPECT_EQ(cut.batches[0], Batch{"a"});
  EXPECT_TRUE(cut.pending);
  EXPECT_EQ(cutter.cut(), Batch{"b"});
}

TEST(BlockCutter, FillsABatchToTheLastByte) {
  BlockCutter cutter;
  (void)cutter.ordered("a", 60, kLimits);
  EXPECT_TRUE(cutter.ordered("b", 40, kLimits).batches.empty());
}

TEST(BlockCutter, CutsTwiceWhenTheNextMessageFillsABatchAlone) {
  BlockCutter cutter;
  const channel::BatchSize one{.max_message_count = 1, .absolute_max_bytes = 1000, .preferred_max_bytes = 100};
  const auto cut = cutter.ordered("a", 60, one);
  EXPECT_EQ(cut.batches.size(), 1u);
  EXPECT_FALSE(cut.pending);
}

TEST(BlockCutter, CuttingTwiceGivesNothing) {
  BlockCutter cutter;
  (void)cutter.ordered("a", 10, kLimits);
  EXPECT_EQ(cutter.cut(), Batch{"a"});
  EXPECT_TRUE(cutter.cut().empty());
  EXPECT_FALSE(cutter.pending());
}

}  // namespace
}  // namespace selvage::order
