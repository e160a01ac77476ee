#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tools/terminal.h"

namespace selvage::tools {
namespace {

// Go writes the system's words without a capital.
std::string system_words(int error) {
  std::string text = std::strerror(error);
  if (!text.empty()) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

tl::unexpected<Error> file_error(const char* what, const std::string& path, int error) {
  return fail(error == ENOENT ? Code::kNotFound : Code::kFailedPrecondition,
              std::string(what) + " " + path + ": " + system_words(error));
}

}  // namespace

std::string version_banner(const std::string& program) {
  // Scripts read the second line: the version of the Fabric whose behaviour this is.
  return program + ":\n Version: v3.1.5\n Commit SHA: development build\n Selvage: 0.1.0\n OS/Arch: linux/amd64\n";
}

Result<Bytes> read_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return file_error("open", path, errno);
  Bytes content;
  char part[65536];
  ssize_t got = 0;
  while ((got = ::read(fd, part, sizeof part)) > 0) content.append(part, static_cast<size_t>(got));
  const int error = errno;
  ::close(fd);
  if (got < 0) return file_error("read", path, error);
  return content;
}

selvage::Status write_file(const std::string& path, BytesView content, unsigned mode) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (fd < 0) return file_error("open", path, errno);
  while (!content.empty()) {
    const ssize_t wrote = ::write(fd, content.data(), content.size());
    if (wrote < 0) {
      const int error = errno;
      ::close(fd);
      return file_error("write", path, error);
    }
    content.remove_prefix(static_cast<size_t>(wrote));
  }
  if (::close(fd) < 0) return file_error("close", path, errno);
  return {};
}

selvage::Status make_folder(const std::string& path, unsigned mode) {
  for (size_t at = path.find('/', 1); true; at = path.find('/', at + 1)) {
    const std::string part = path.substr(0, at);
    if (::mkdir(part.c_str(), mode) < 0 && errno != EEXIST) return file_error("mkdir", part, errno);
    if (at == std::string::npos) return {};
  }
}

bool exists(const std::string& path) {
  struct stat ignored {};
  return ::stat(path.c_str(), &ignored) == 0;
}

}  // namespace selvage::tools
