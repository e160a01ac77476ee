// What a channel join or removal has begun and not ended: one file a channel under `<FileLedger.Location>/pendingops`, so
// that a crash in between is made good at the next start.
//
// Fabric quirk: orderer/common/filerepo: `join/<channel>.join` holds the join block.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/disk.h"
#include "base/result.h"

namespace selvage::order {

// One thread at a time.
class JoinStore {
 public:
  // `disk` must outlive the store.
  [[nodiscard]] static Result<JoinStore> open(Disk& disk, const std::string& ledger_directory);

  Status save_join(const std::string& channel, BytesView block);
  Status join_done(const std::string& channel);
  [[nodiscard]] Result<std::vector<std::string>> joins() const;
  [[nodiscard]] Result<Bytes> join_block(const std::string& channel) const;

  // The channel is followed, and a consenter's log for it would be new, unless there is one of node `log_of`: at start this
  // tells a new log from one that was lost. The first mark stays until following_done().
  Status save_following(const std::string& channel, std::optional<uint64_t> log_of);
  Status following_done(const std::string& channel);
  [[nodiscard]] bool following(const std::string& channel) const;
  // nullopt: no log was there.
  [[nodiscard]] Result<std::optional<uint64_t>> following_with_log_of(const std::string& channel) const;

  Status save_removal(const std::string& channel);
  Status removal_done(const std::string& channel);
  [[nodiscard]] Result<std::vector<std::string>> removals() const;

 private:
  JoinStore(Disk& disk, std::string directory) : disk_(&disk), directory_(std::move(directory)) {}
  [[nodiscard]] std::string path(const char* kind, const std::string& channel) const;
  Status forget(const char* kind, const std::string& channel);
  [[nodiscard]] Result<std::vector<std::string>> list(const char* kind) const;

  Disk* disk_;
  std::string directory_;
};

}  // namespace selvage::order
