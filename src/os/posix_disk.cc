#include "os/posix_disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace selvage::os {
namespace {

// Go's wording: "open /data/file: permission denied".
tl::unexpected<Error> failed(const char* what, const std::string& path, int error) {
  Code code = Code::kInternal;
  if (error == ENOENT || error == ENOTDIR) code = Code::kNotFound;
  if (error == EEXIST || error == ENOTEMPTY) code = Code::kAlreadyExists;
  if (error == ENOSPC || error == EDQUOT) code = Code::kResourceExhausted;
  std::string reason = std::strerror(error);
  if (!reason.empty() && reason[0] >= 'A' && reason[0] <= 'Z' && error != EIO) {
    reason[0] = static_cast<char>(reason[0] - 'A' + 'a');
  }
  return fail(code, std::string(what) + " " + path + ": " + reason, "errno " + std::to_string(error));
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

class PosixFile : public File {
 public:
  PosixFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}

  Status append(BytesView bytes) override {
    SELVAGE_CHECK(usable());
    while (!bytes.empty()) {
      const ssize_t count = ::write(fd_.get(), bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return failed("write", path_, errno);
      bytes.remove_prefix(static_cast<size_t>(count));
    }
    return {};
  }

  Result<Bytes> read_at(uint64_t offset, size_t count) const override {
    // The file says how much there is; a caller's `count` may come from a damaged length field.
    SELVAGE_TRY(const uint64_t end, size());
    if (offset >= end) return Bytes();
    Bytes bytes(std::min<uint64_t>(count, end - offset), '\0');
    size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t got = ::pread(fd_.get(), bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return failed("read", path_, errno);
      if (got == 0) break;
      done += static_cast<size_t>(got);
    }
    bytes.resize(done);
    return bytes;
  }

  Status truncate(uint64_t size) override {
    SELVAGE_CHECK(usable());
    while (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) {
      if (errno != EINTR) return failed("truncate", path_, errno);
    }
    return {};
  }

  Status sync() override {
    SELVAGE_CHECK(usable());
    // fdatasync writes the new length too, which is all the metadata that reading back needs.
    while (::fdatasync(fd_.get()) != 0) {
      if (errno == EINTR) continue;
      broken_ = true;  // the kernel may have dropped the dirty pages: a second try would lie
      return failed("sync", path_, errno);
    }
    return {};
  }

  Result<uint64_t> size() const override {
    struct stat facts {};
    if (::fstat(fd_.get(), &facts) != 0) return failed("stat", path_, errno);
    return static_cast<uint64_t>(facts.st_size);
  }

 private:
  [[nodiscard]] Status usable() const {
    if (broken_) return fail(Code::kInternal, "write " + path_ + ": an earlier sync failed");
    return {};
  }
  Descriptor fd_;
  std::string path_;
  bool broken_ = false;
};

class PosixLock : public DiskLock {
 public:
  explicit PosixLock(int fd) : fd_(fd) {}

 private:
  Descriptor fd_;  // closing it gives the lock up
};

class PosixDisk : public Disk {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, Open how) override {
    const int flags = how == Open::kRead ? O_RDONLY : O_RDWR | O_CREAT | O_APPEND;
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0640);
    if (fd < 0) return failed("open", path, errno);
    return std::make_unique<PosixFile>(fd, path);
  }

  bool exists(const std::string& path) const override {
    struct stat facts {};
    return ::stat(path.c_str(), &facts) == 0;
  }

  Result<std::vector<std::string>> list(const std::string& directory) const override {
    DIR* stream = ::opendir(directory.c_str());
    if (stream == nullptr) return failed("open", directory, errno);
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = ::readdir(stream)) {
      const std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(name);
    }
    const int error = errno;
    ::closedir(stream);
    if (error != 0) return failed("read", directory, error);
    std::sort(names.begin(), names.end());
    return names;
  }

  Status make_directories(const std::string& directory) override {
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    if (error) return failed("mkdir", directory, error.value());
    return {};
  }

  Status rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return failed("rename", from, errno);
    return {};
  }

  Status remove(const std::string& path) override {
    if (::remove(path.c_str()) != 0) return failed("remove", path, errno);
    return {};
  }

  Status remove_all(const std::string& path) override {
    std::error_code error;
    std::filesystem::remove_all(path, error);
    if (error) return failed("remove", path, error.value());
    return {};
  }

  Status sync_directory(const std::string& directory) override {
    const Descriptor fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd.get() < 0) return failed("open", directory, errno);
    while (::fsync(fd.get()) != 0) {
      if (errno == EINTR) continue;
      if (errno == EINVAL) return {};  // file systems that keep directories durable by themselves
      return failed("sync", directory, errno);
    }
    return {};
  }

  Result<std::unique_ptr<DiskLock>> lock(const std::string& path) override {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0) return failed("open", path, errno);
    auto held = std::make_unique<PosixLock>(fd);
    while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
      if (errno == EINTR) continue;
      if (errno == EWOULDBLOCK) {
        return fail(Code::kFailedPrecondition, "lock " + path + ": held by another process", "errno EWOULDBLOCK",
                    "stop the other process that uses this directory, or name another directory");
      }
      return failed("lock", path, errno);
    }
    return held;
  }
};

}  // namespace

Disk& posix_disk() {
  static auto& disk = *new PosixDisk;
  return disk;
}

}  // namespace selvage::os
