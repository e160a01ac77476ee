// Keeps a peer from endorsing while blocks that `peer node rollback` or `reset` took away are still missing: on no channel,
// until all channels are as high as they were.
//
// Fabric quirk: internal/peer/node/start.go (reset filter, whose lines and text these are); there a look every 10 s opens it,
// here the block that was missing.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/disk.h"
#include "base/result.h"
#include "ledger/ledger.h"

namespace selvage::node {

// Any thread.
class RebuildGate {
 public:
  // Open where nothing was taken away. `disk` outlives it; `root` as in LedgerSet::Settings.
  [[nodiscard]] static Result<std::unique_ptr<RebuildGate>> make(Disk& disk, const std::string& root,
                                                                 const std::vector<std::shared_ptr<ledger::Ledger>>& ledgers);

  // To be told of each block that is committed: the channel's height after it.
  void committed(const std::string& channel, uint64_t height);
  // kUnknown with Fabric's words while it is closed.
  [[nodiscard]] Status check() const;

 private:
  RebuildGate(Disk& disk, std::string root, std::map<std::string, uint64_t> heights);

  Disk& disk_;
  const std::string root_;
  const std::vector<std::string> channels_;  // that were rolled back
  std::atomic<bool> closed_;
  std::mutex mutex_;
  std::map<std::string, uint64_t> missing_;  // heights that are still to be reached
};

}  // namespace selvage::node
