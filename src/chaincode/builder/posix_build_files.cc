#include "chaincode/builder/posix_build_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <system_error>

#include "lifecycle/package.h"

namespace selvage::chaincode {
namespace fs = std::filesystem;
namespace {

tl::unexpected<Error> disk_error(const std::string& what, const std::error_code& error) {
  return fail(Code::kUnavailable, what + ": " + error.message());
}

Status copy_link(const fs::path& root, const fs::path& from, const fs::path& to) {
  std::error_code error;
  const fs::path target = fs::read_symlink(from, error);
  if (error) return disk_error("could not read symlink " + from.string(), error);
  if (target.is_absolute())
    return fail(Code::kInvalidArgument, "refusing to copy absolute symlink " + from.string() + " -> " + target.string());
  const fs::path leads_to = (from.parent_path() / target).lexically_normal().lexically_relative(root);
  if (leads_to.empty() || *leads_to.begin() == "..")
    return fail(Code::kInvalidArgument, "refusing to copy symlink " + from.string() + " -> " + target.string() +
                                            " pointing outside of source root");
  fs::create_symlink(target, to, error);
  if (error) return disk_error("symlink " + to.string(), error);
  return {};
}

Status copy_entry(const fs::path& root, const fs::path& from, const fs::path& to) {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(from, error);
  if (error) return disk_error("lstat " + from.string(), error);
  switch (status.type()) {
    case fs::file_type::directory: {
      fs::create_directories(to, error);
      if (error) return disk_error("mkdir " + to.string(), error);
      for (fs::directory_iterator entry(from, error), end; !error && entry != end; entry.increment(error))
        SELVAGE_CHECK(copy_entry(root, entry->path(), to / entry->path().filename()));
      if (error) return disk_error("open " + from.string(), error);
      fs::permissions(to, status.permissions(), error);  // last: a folder may be read-only
      return {};
    }
    case fs::file_type::symlink: return copy_link(root, from, to);
    case fs::file_type::regular:
      fs::copy_file(from, to, error);
      if (error) return disk_error("copy " + from.string(), error);
      return {};
    default:
      return fail(Code::kInvalidArgument, "refusing to copy unsupported file " + from.string());
  }
}

}  // namespace

std::string folder_name_of(const std::string& package_id) {
  std::string out = package_id;
  for (char& c : out) {
    if (std::strchr("<>:\"/\\|?*&", c) != nullptr) c = '-';
  }
  return out;
}

Result<ScratchFolder> ScratchFolder::make(const std::string& prefix) {
  const char* base = std::getenv("TMPDIR");
  std::string pattern = (fs::path(base != nullptr && *base != '\0' ? base : "/tmp") / (prefix + "XXXXXX")).string();
  if (::mkdtemp(pattern.data()) == nullptr)
    return fail(Code::kUnavailable, std::string("could not create temp dir: ") + std::strerror(errno), pattern,
                "TMPDIR must name a folder that the peer may write to");
  return ScratchFolder(pattern);
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

Status unpack_code(BytesView code_tar_gz, const fs::path& folder) {
  SELVAGE_TRY(auto files, lifecycle::read_tar_gz(code_tar_gz));
  for (const auto& file : files) {
    const fs::path target = folder / file.name;
    std::error_code error;
    fs::create_directories(target.parent_path(), error);
    if (error) return disk_error("could not create directory '" + fs::path(file.name).parent_path().string() + "'", error);
    SELVAGE_CHECK(write_file(target, file.content, file.mode));
  }
  return {};
}

Status copy_tree(const fs::path& from, const fs::path& to) {
  auto copied = copy_entry(from, from, to);
  if (copied) return copied;
  std::error_code ignored;
  fs::remove_all(to, ignored);
  return fail(std::move(copied).error().within("failed to copy " + from.string() + " to " + to.string()));
}

Status write_file(const fs::path& file, BytesView content, int mode) {
  const int fd = ::open(file.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, static_cast<mode_t>(mode));
  if (fd < 0) return fail(Code::kUnavailable, "open " + file.string() + ": " + std::strerror(errno));
  while (!content.empty()) {
    const ssize_t count = ::write(fd, content.data(), content.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      const int error = errno;
      ::close(fd);
      return fail(Code::kUnavailable, "write " + file.string() + ": " + std::strerror(error));
    }
    content.remove_prefix(static_cast<size_t>(count));
  }
  ::close(fd);
  return {};
}

Result<Bytes> read_file(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return fail(Code::kNotFound, "open " + file.string() + ": " + std::strerror(errno));
  return Bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

Status sync_tree(const fs::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return fail(Code::kUnavailable, "open " + folder.string() + ": " + std::strerror(errno));
  const int failed = ::syncfs(fd);
  const int error = errno;
  ::close(fd);
  if (failed != 0) return fail(Code::kUnavailable, "syncfs " + folder.string() + ": " + std::strerror(error));
  return {};
}

}  // namespace selvage::chaincode
