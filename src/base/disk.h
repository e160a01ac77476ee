// The one door to files that must survive a crash. os/posix_disk is the real one; test/kit has one that forgets what was
// not synced, tears writes and runs out of space.
//
// Errors: kNotFound, kAlreadyExists, kResourceExhausted (no space), kFailedPrecondition (locked by another process),
// kInternal (the rest, with errno in `cause`). After a failed sync the file must not be used again: what reached the disk
// is unknown.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace selvage {

// One open file. Not safe for use by several threads at once, but for read_at.
class File {
 public:
  virtual ~File() = default;  // closes; does not sync
  virtual Status append(BytesView bytes) = 0;
  // Up to `count` bytes from `offset`; fewer only at the end of the file.
  [[nodiscard]] virtual Result<Bytes> read_at(uint64_t offset, size_t count) const = 0;
  virtual Status truncate(uint64_t size) = 0;
  // Returns once everything written is on stable storage.
  virtual Status sync() = 0;
  [[nodiscard]] virtual Result<uint64_t> size() const = 0;
};

// Held until destroyed.
class DiskLock {
 public:
  virtual ~DiskLock() = default;
};

// Safe from any thread. Paths are as the caller's configuration gives them.
class Disk {
 public:
  virtual ~Disk() = default;
  enum class Open { kRead, kAppend /* creates */ };
  [[nodiscard]] virtual Result<std::unique_ptr<File>> open(const std::string& path, Open how) = 0;
  [[nodiscard]] virtual bool exists(const std::string& path) const = 0;
  // Names (not paths) in a directory, sorted.
  [[nodiscard]] virtual Result<std::vector<std::string>> list(const std::string& directory) const = 0;
  // With parents; fine if it is there.
  virtual Status make_directories(const std::string& directory) = 0;
  virtual Status rename(const std::string& from, const std::string& to) = 0;
  virtual Status remove(const std::string& path) = 0;
  virtual Status remove_all(const std::string& path) = 0;
  // Makes creations, renames and removals in this directory durable.
  virtual Status sync_directory(const std::string& directory) = 0;
  // Exclusive against other processes; kFailedPrecondition when another one holds it.
  [[nodiscard]] virtual Result<std::unique_ptr<DiskLock>> lock(const std::string& path) = 0;

  // Whole file at once.
  [[nodiscard]] Result<Bytes> read(const std::string& path);
  // Replaces `path` atomically and durably: temporary file, sync, rename, sync of the directory.
  Status write_atomically(const std::string& path, BytesView bytes);
};

}  // namespace selvage
