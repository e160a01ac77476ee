// A Disk in memory that fails as real ones do: a crash loses what was not synced, or leaves a part of it; space runs out
// in the middle of a write; a sync reports EIO. Deterministic: one seed, one run.
//
// Files that are open when crash() runs are dead: every call on them fails, as the process that held them is gone.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>

#include "base/disk.h"

namespace selvage::test {

class FaultyDisk final : public Disk {
 public:
  explicit FaultyDisk(uint64_t seed = 1) : random_(seed) {}

  enum class Tear {
    kDropAll,   // what was not synced is gone
    kPrefix,    // a prefix of it is there
    kSectors,   // its length is there, some of its 512-byte sectors are zeros
    kKeepAll,   // kill -9: the machine lives on
  };
  // The process dies; the disk is as a new process finds it.
  void crash(Tear tear);

  // The write or sync after `operations` more of them fails, once; a write leaves a prefix behind.
  enum class Fault { kNoSpace, kIoError };
  void fail_after(uint64_t operations, Fault fault);
  // Only appends, or only syncs, of files whose name holds this text count; empty: all.
  void only(std::string name_part) { only_ = std::move(name_part); }
  [[nodiscard]] bool fault_happened() const { return happened_; }
  [[nodiscard]] uint64_t syncs() const { return syncs_; }

  // For tests that spoil bytes by hand: the content of a file, synced.
  [[nodiscard]] Bytes& content(const std::string& path);

  [[nodiscard]] Result<std::unique_ptr<File>> open(const std::string& path, Open how) override;
  [[nodiscard]] bool exists(const std::string& path) const override;
  [[nodiscard]] Result<std::vector<std::string>> list(const std::string& directory) const override;
  Status make_directories(const std::string& directory) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override;
  Status remove_all(const std::string& path) override;
  Status sync_directory(const std::string& directory) override;
  [[nodiscard]] Result<std::unique_ptr<DiskLock>> lock(const std::string& path) override;

 private:
  struct Inode {
    Bytes now;
    Bytes synced;
    bool rewritten = false;  // since the last sync: `synced` may be no prefix of `now`
  };
  class OpenFile;
  class Held;
  Status step(const std::string& path);  // counts towards fail_after; under mutex_

  mutable std::recursive_mutex mutex_;
  std::mt19937_64 random_;
  uint64_t life_ = 0;  // grows with each crash
  std::map<std::string, std::shared_ptr<Inode>> names_;         // what the process sees
  std::map<std::string, std::shared_ptr<Inode>> synced_names_;  // what a crash leaves
  std::set<std::string> directories_;
  std::set<std::string> locked_;
  std::optional<std::pair<uint64_t, Fault>> fault_;
  std::string only_;
  bool happened_ = false;
  uint64_t syncs_ = 0;
};

}  // namespace selvage::test
