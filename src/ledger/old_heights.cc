#include "ledger/old_heights.h"

#include <charconv>

#include "base/disk.h"

namespace selvage::ledger {
namespace {

constexpr const char* kFile = "/__preResetHeight";

std::string folder_of(const std::string& root, const std::string& channel) { return root + "/chains/chains/" + channel; }

// 0: none was noted.
Result<uint64_t> load(Disk& disk, const std::string& channel_folder) {
  const std::string path = channel_folder + kFile;
  if (!disk.exists(path)) return uint64_t{0};
  SELVAGE_TRY(const Bytes text, disk.read(path));
  uint64_t height = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), height);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) {
    return fail(Code::kDataLoss, "error loading prereset height: " + path + " does not hold a number", "",
                "remove the file: from then on the peer endorses, even if blocks that were rolled back are still missing");
  }
  return height;
}

}  // namespace

Status note_old_height(Disk& disk, const std::string& channel_folder, uint64_t height) {
  SELVAGE_TRY(const uint64_t noted, load(disk, channel_folder));
  if (height <= noted) return {};
  return disk.write_atomically(channel_folder + kFile, std::to_string(height));
}

Result<std::map<std::string, uint64_t>> load_old_heights(Disk& disk, const std::string& root,
                                                         const std::vector<std::string>& channels) {
  std::map<std::string, uint64_t> heights;
  for (const auto& channel : channels) {
    SELVAGE_TRY(const uint64_t height, load(disk, folder_of(root, channel)));
    if (height > 0) heights[channel] = height;
  }
  return heights;
}

Status forget_old_heights(Disk& disk, const std::string& root, const std::vector<std::string>& channels) {
  for (const auto& channel : channels) {
    const std::string folder = folder_of(root, channel);
    if (!disk.exists(folder + kFile)) continue;
    SELVAGE_CHECK(disk.remove(folder + kFile));
    SELVAGE_CHECK(disk.sync_directory(folder));
  }
  return {};
}

}  // namespace selvage::ledger
