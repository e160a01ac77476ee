#include "order/block_cutter.h"

#include <utility>

namespace selvage::order {

BlockCutter::Cut BlockCutter::ordered(Bytes envelope, size_t message_bytes, const channel::BatchSize& limits) {
  Cut result;
  if (message_bytes > limits.preferred_max_bytes) {
    // Too large to share a block: it gets one of its own, behind what waits.
    if (pending()) result.batches.push_back(cut());
    result.batches.emplace_back();
    result.batches.back().push_back(std::move(envelope));
    return result;
  }
  if (pending_bytes_ + message_bytes > limits.preferred_max_bytes) result.batches.push_back(cut());
  pending_.push_back(std::move(envelope));
  pending_bytes_ += message_bytes;
  if (pending_.size() >= limits.max_message_count) result.batches.push_back(cut());
  result.pending = pending();
  return result;
}

Batch BlockCutter::cut() {
  pending_bytes_ = 0;
  return std::exchange(pending_, {});
}

}  // namespace selvage::order
