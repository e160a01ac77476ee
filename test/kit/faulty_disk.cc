#include "kit/faulty_disk.h"

#include <algorithm>
#include <utility>

namespace selvage::test {
namespace {

std::string parent_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

}  // namespace

class FaultyDisk::OpenFile final : public File {
 public:
  OpenFile(FaultyDisk& disk, std::string path, std::shared_ptr<Inode> inode, bool writable)
      : disk_(disk), path_(std::move(path)), inode_(std::move(inode)), writable_(writable), life_(disk.life_) {}

  Status append(BytesView bytes) override {
    std::lock_guard lock(disk_.mutex_);
    if (auto alive = check(true); !alive) return alive;
    if (auto done = disk_.step(path_); !done) {
      inode_->now.append(bytes.substr(0, disk_.random_() % (bytes.size() + 1)));
      return done;
    }
    inode_->now.append(bytes);
    return {};
  }
  [[nodiscard]] Result<Bytes> read_at(uint64_t offset, size_t count) const override {
    std::lock_guard lock(disk_.mutex_);
    if (auto alive = check(false); !alive) return fail(alive.error());
    if (offset >= inode_->now.size()) return Bytes();
    return inode_->now.substr(offset, count);
  }
  Status truncate(uint64_t size) override {
    std::lock_guard lock(disk_.mutex_);
    if (auto alive = check(true); !alive) return alive;
    if (size < inode_->synced.size()) inode_->rewritten = true;
    inode_->now.resize(size);
    return {};
  }
  Status sync() override {
    std::lock_guard lock(disk_.mutex_);
    if (auto alive = check(true); !alive) return alive;
    SELVAGE_CHECK(disk_.step(path_));
    if (inode_->rewritten) {
      inode_->synced = inode_->now;
      inode_->rewritten = false;
    } else {
      inode_->synced.append(inode_->now, inode_->synced.size());
    }
    ++disk_.syncs_;
    return {};
  }
  [[nodiscard]] Result<uint64_t> size() const override {
    std::lock_guard lock(disk_.mutex_);
    if (auto alive = check(false); !alive) return fail(alive.error());
    return inode_->now.size();
  }

 private:
  [[nodiscard]] Status check(bool writes) const {
    if (life_ != disk_.life_) return fail(Code::kInternal, "file of a dead process: " + path_);
    if (writes && !writable_) return fail(Code::kInternal, "file is open for reading only: " + path_);
    return {};
  }

  FaultyDisk& disk_;
  std::string path_;
  std::shared_ptr<Inode> inode_;
  bool writable_;
  uint64_t life_;
};

class FaultyDisk::Held final : public DiskLock {
 public:
  Held(FaultyDisk& disk, std::string path) : disk_(disk), path_(std::move(path)), life_(disk.life_) {}
  ~Held() override {
    std::lock_guard lock(disk_.mutex_);
    if (life_ == disk_.life_) disk_.locked_.erase(path_);
  }

 private:
  FaultyDisk& disk_;
  std::string path_;
  uint64_t life_;
};

void FaultyDisk::crash(Tear tear) {
  std::lock_guard lock(mutex_);
  ++life_;
  locked_.clear();
  fault_.reset();
  if (tear == Tear::kKeepAll) return;
  for (auto& [path, inode] : synced_names_) {
    Bytes& now = inode->now;
    const Bytes& synced = inode->synced;
    const bool rewritten = std::exchange(inode->rewritten, false);
    if (now.size() <= synced.size() || rewritten || tear == Tear::kDropAll) {
      now = synced;
      continue;
    }
    const size_t fresh = now.size() - synced.size();
    if (tear == Tear::kPrefix) {
      now.resize(synced.size() + random_() % (fresh + 1));
    } else {
      for (size_t at = synced.size(); at < now.size(); at = (at / 512 + 1) * 512) {
        const size_t end = std::min(now.size(), (at / 512 + 1) * 512);
        if (random_() % 2 == 0) std::fill(now.begin() + static_cast<long>(at), now.begin() + static_cast<long>(end), '\0');
      }
    }
    inode->synced = now;
  }
  names_ = synced_names_;
}

void FaultyDisk::fail_after(uint64_t operations, Fault fault) {
  std::lock_guard lock(mutex_);
  fault_ = {operations, fault};
  happened_ = false;
}

Status FaultyDisk::step(const std::string& path) {
  if (!fault_ || (!only_.empty() && path.find(only_) == std::string::npos)) return {};
  if (fault_->first-- > 0) return {};
  const Fault fault = fault_->second;
  fault_.reset();
  happened_ = true;
  if (fault == Fault::kNoSpace) return fail(Code::kResourceExhausted, "no space left on device", "errno 28 " + path);
  return fail(Code::kInternal, "input/output error", "errno 5 " + path);
}

Bytes& FaultyDisk::content(const std::string& path) {
  std::lock_guard lock(mutex_);
  Inode& inode = *names_.at(path);
  inode.synced = inode.now;
  inode.rewritten = true;  // whoever asks may change it
  return inode.now;
}

Result<std::unique_ptr<File>> FaultyDisk::open(const std::string& path, Open how) {
  std::lock_guard lock(mutex_);
  auto found = names_.find(path);
  if (found == names_.end()) {
    if (how == Open::kRead) return fail(Code::kNotFound, "no such file: " + path);
    found = names_.emplace(path, std::make_shared<Inode>()).first;
  }
  return std::unique_ptr<File>(std::make_unique<OpenFile>(*this, path, found->second, how == Open::kAppend));
}

bool FaultyDisk::exists(const std::string& path) const {
  std::lock_guard lock(mutex_);
  return names_.contains(path) || directories_.contains(path);
}

Result<std::vector<std::string>> FaultyDisk::list(const std::string& directory) const {
  std::lock_guard lock(mutex_);
  std::set<std::string> found;
  const std::string prefix = directory + "/";
  const auto add = [&](const std::string& path) {
    if (!path.starts_with(prefix)) return;
    found.insert(path.substr(prefix.size(), path.find('/', prefix.size()) - prefix.size()));
  };
  for (const auto& [path, inode] : names_) add(path);
  for (const auto& path : directories_) add(path);
  if (found.empty() && !directories_.contains(directory)) return fail(Code::kNotFound, "no such directory: " + directory);
  return std::vector<std::string>(found.begin(), found.end());
}

Status FaultyDisk::make_directories(const std::string& directory) {
  std::lock_guard lock(mutex_);
  for (size_t slash = directory.find('/', 1); slash != std::string::npos; slash = directory.find('/', slash + 1)) {
    directories_.insert(directory.substr(0, slash));
  }
  directories_.insert(directory);
  return {};
}

Status FaultyDisk::rename(const std::string& from, const std::string& to) {
  std::lock_guard lock(mutex_);
  const auto found = names_.find(from);
  if (found == names_.end()) return fail(Code::kNotFound, "no such file: " + from);
  names_[to] = found->second;
  names_.erase(from);
  return {};
}

Status FaultyDisk::remove(const std::string& path) {
  std::lock_guard lock(mutex_);
  if (names_.erase(path) == 0) return fail(Code::kNotFound, "no such file: " + path);
  return {};
}

Status FaultyDisk::remove_all(const std::string& path) {
  std::lock_guard lock(mutex_);
  std::erase_if(names_, [&](const auto& item) { return item.first == path || item.first.starts_with(path + "/"); });
  std::erase_if(directories_, [&](const auto& item) { return item == path || item.starts_with(path + "/"); });
  return {};
}

Status FaultyDisk::sync_directory(const std::string& directory) {
  std::lock_guard lock(mutex_);
  std::erase_if(synced_names_, [&](const auto& item) {
    return parent_of(item.first) == directory && !names_.contains(item.first);
  });
  for (const auto& [path, inode] : names_) {
    if (parent_of(path) == directory) synced_names_[path] = inode;
  }
  return {};
}

Result<std::unique_ptr<DiskLock>> FaultyDisk::lock(const std::string& path) {
  std::lock_guard lock(mutex_);
  if (!locked_.insert(path).second) return fail(Code::kFailedPrecondition, "locked by another process: " + path);
  return std::unique_ptr<DiskLock>(std::make_unique<Held>(*this, path));
}

}  // namespace selvage::test
