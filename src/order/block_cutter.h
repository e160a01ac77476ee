// Which ordered messages make a block: Fabric's batching rules. Pure; one owner. The batch timeout is the owner's affair.
#pragma once

#include <cstddef>
#include <vector>

#include "base/bytes.h"
#include "channel/orderer_config.h"

namespace selvage::order {

// Marshalled envelopes of one block, in order.
using Batch = std::vector<Bytes>;

class BlockCutter {
 public:
  struct Cut {
    std::vector<Batch> batches;  // at most two
    bool pending = false;        // something waits for more messages, or for the timeout
  };
  // `message_bytes` is payload and signature together: what Fabric counts.
  [[nodiscard]] Cut ordered(Bytes envelope, size_t message_bytes, const channel::BatchSize& limits);
  // What is pending; empty when nothing is.
  [[nodiscard]] Batch cut();
  [[nodiscard]] bool pending() const { return !pending_.empty(); }

 private:
  Batch pending_;
  size_t pending_bytes_ = 0;
};

}  // namespace selvage::order
