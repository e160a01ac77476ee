// How high a channel was before `peer node rollback` or `reset` took blocks away: a file in the channel's folder, until the
// blocks are back. A peer endorses nothing meanwhile: what it would read is old.
//
// Fabric quirk: common/ledger/blkstorage/reset.go (file and texts)
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"

namespace selvage {
class Disk;
}

namespace selvage::ledger {

// Before blocks are taken away. A greater height that was noted earlier stays. Durable on return.
Status note_old_height(Disk& disk, const std::string& channel_folder, uint64_t height);

// Of those channels that have one. `root` as in LedgerSet::Settings.
[[nodiscard]] Result<std::map<std::string, uint64_t>> load_old_heights(Disk& disk, const std::string& root,
                                                                       const std::vector<std::string>& channels);
Status forget_old_heights(Disk& disk, const std::string& root, const std::vector<std::string>& channels);

}  // namespace selvage::ledger
