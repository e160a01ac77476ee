// From ordered messages to finished blocks: the hash chain, and the metadata that an orderer adds and signs. Pure but for
// the signature; one owner.
#pragma once

#include <memory>

#include "base/random.h"
#include "base/result.h"
#include "common/common.pb.h"
#include "order/block_cutter.h"
#include "wire/signer.h"

namespace selvage::order {

// Makes blocks one after another before any of them is written: a leader has several in flight.
class BlockCreator {
 public:
  explicit BlockCreator(const common::BlockHeader& last);
  // The next block, without metadata values.
  [[nodiscard]] common::Block next(Batch batch);
  [[nodiscard]] uint64_t last_number() const { return number_; }

 private:
  uint64_t number_;
  Bytes hash_;
};

class BlockWriter {
 public:
  // `last` is the newest block; `sequence` that of the configuration in force. `random` must outlive the writer.
  // Errors: kDataLoss when `last` does not say which config block is in force.
  [[nodiscard]] static Result<BlockWriter> after(const common::Block& last, uint64_t sequence, wire::Signer signer,
                                                 Random& random);

  // Fills in LAST_CONFIG and the signed SIGNATURES slot. `sequence` is that of the configuration in force with this
  // block: when it grew, this block is the config block.
  Status finish(common::Block& block, BytesView consenter_metadata, uint64_t sequence);
  [[nodiscard]] uint64_t last_config() const { return last_config_; }

 private:
  BlockWriter(uint64_t last_config, uint64_t sequence, wire::Signer signer, Random& random);
  uint64_t last_config_;
  uint64_t last_sequence_;
  wire::Signer signer_;
  Random* random_;
};

}  // namespace selvage::order
