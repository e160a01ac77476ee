#include "base/disk.h"

namespace selvage {

Result<Bytes> Disk::read(const std::string& path) {
  SELVAGE_TRY(auto file, open(path, Open::kRead));
  SELVAGE_TRY(const uint64_t size, file->size());
  return file->read_at(0, size);
}

Status Disk::write_atomically(const std::string& path, BytesView bytes) {
  const std::string temporary = path + ".tmp";
  {
    SELVAGE_TRY(auto file, open(temporary, Open::kAppend));
    SELVAGE_CHECK(file->truncate(0));  // one may be left from a crash
    SELVAGE_CHECK(file->append(bytes));
    SELVAGE_CHECK(file->sync());
  }
  SELVAGE_CHECK(rename(temporary, path));
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return sync_directory(".");
  return sync_directory(slash == 0 ? "/" : path.substr(0, slash));
}

}  // namespace selvage
