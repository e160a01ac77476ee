// Where each block of a channel is in the block files: 28 bytes a block in the file `numbers`, appended after the block
// reached the disk and never synced. An entry whose checksum holds therefore proves that its block was whole.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"

namespace selvage {
class Disk;
class File;
}  // namespace selvage

namespace selvage::ledger {

struct BlockPlace {
  uint32_t file = 0;
  uint64_t offset = 0;  // of the record's length
  uint64_t size = 0;    // of the record, its length included
};

// append() and cut() by one thread; find() from any.
class NumberIndex {
 public:
  [[nodiscard]] static Result<std::unique_ptr<NumberIndex>> open(Disk& disk, const std::string& path);
  ~NumberIndex();

  [[nodiscard]] uint64_t count() const { return count_; }
  // nullopt: the entry is damaged.
  [[nodiscard]] Result<std::optional<BlockPlace>> find(uint64_t number) const;
  Status append(const BlockPlace& place);
  // How many entries from the first on hold. A crash may have left zeros anywhere in what was not synced.
  [[nodiscard]] Result<uint64_t> good() const;
  // Drops entries from `count` on.
  Status cut(uint64_t count);

 private:
  NumberIndex(std::unique_ptr<File> writer, std::unique_ptr<File> reader, uint64_t count);

  std::unique_ptr<File> writer_;
  std::unique_ptr<File> reader_;
  uint64_t count_;
};

}  // namespace selvage::ledger
