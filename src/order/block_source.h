// Blocks of a channel from other orderers: what a consenter that fell behind, and an orderer that follows a channel, need.
// node/orderer makes one out of deliver/pull.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "channel/bundle.h"
#include "common/common.pb.h"


namespace selvage::order {

// One thread but for stop().
class BlockSource {
 public:
  virtual ~BlockSource() = default;

  // Where the puller stands: the next block, the hash of the one before, the configuration in force (null: nothing is known
  // yet and the next block is the genesis block, which is not checked).
  struct Position {
    uint64_t next_number = 0;
    Bytes last_hash;
    channel::BundlePtr bundle;
  };
  using Take = std::function<Status(std::shared_ptr<common::Block> block)>;

  // The largest height among the orderers that `bundle` names and that answered. Errors: kUnavailable when none did,
  // kPermissionDenied when all that did refused us.
  [[nodiscard]] virtual Result<uint64_t> newest_height(const channel::Bundle& bundle) = 0;
  // The configuration block in force at the newest block of the orderer with the largest height. Its signatures satisfy
  // `bundle`; it is not linked to anything.
  [[nodiscard]] virtual Result<common::Block> newest_config(const channel::BundlePtr& bundle) = 0;
  // Gives verified blocks from `from` up to and including `until` to `take`, in order. `endpoints` says whom to ask; with
  // null the newest configuration that was seen. Returns early with an error; the caller tries again from where it stands.
  virtual Status pull(Position from, uint64_t until, const channel::BundlePtr& endpoints, const Take& take) = 0;
  // From any thread: what runs ends soon with kCancelled, and so does what comes later.
  virtual void stop() = 0;
};

using MakeBlockSource = std::function<std::unique_ptr<BlockSource>(const std::string& channel)>;

}  // namespace selvage::order
