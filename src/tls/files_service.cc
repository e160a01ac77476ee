#include "tls/files_service.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "crypto/hash.h"

namespace selvage::tls {
namespace {

constexpr size_t kFileBytesMax = 1 << 20;  // a bundle of hundreds of certificates

Result<Bytes> read_file(const std::string& path, const Origin& origin) {
  auto refuse = [&](int error) {
    std::string reason = std::strerror(error);
    if (!reason.empty() && reason[0] >= 'A' && reason[0] <= 'Z') reason[0] = static_cast<char>(reason[0] - 'A' + 'a');
    return fail(error == ENOENT ? Code::kNotFound : Code::kInvalidArgument, "open " + path + ": " + reason,
                origin.to_string(), origin.key.empty() ? "" : "set " + origin.to_string() + " to a file that is there");
  };
  struct stat status{};
  if (path.empty() || ::stat(path.c_str(), &status) != 0) return refuse(path.empty() ? ENOENT : errno);
  if (S_ISDIR(status.st_mode)) return refuse(EISDIR);
  if (static_cast<size_t>(status.st_size) > kFileBytesMax) return refuse(EFBIG);
  std::ifstream file(path, std::ios::binary);
  if (!file) return refuse(errno);
  std::ostringstream content;
  content << file.rdbuf();
  if (file.bad()) return refuse(EIO);
  return std::move(content).str();
}

}  // namespace

Result<std::shared_ptr<const Credentials>> load_credentials(const CredentialFiles& files) {
  SELVAGE_TRY(Bytes certificate, read_file(files.certificate_path, files.certificate_origin));
  SELVAGE_TRY(Bytes key, read_file(files.key_path, files.key_origin));
  auto credentials = Credentials::from_pem(certificate, key, files);
  crypto::wipe(key);
  return credentials;
}

Result<std::vector<Root>> load_roots(const std::string& path, const Origin& origin) {
  SELVAGE_TRY(Bytes pem, read_file(path, origin));
  Provenance from;
  from.kind = Provenance::Kind::kFile;
  from.origin = origin;
  from.file = path;
  return roots_from_pem(pem, from);
}

Result<std::vector<Root>> load_roots(const std::vector<std::string>& paths, const Origin& origin) {
  std::vector<Root> all;
  for (const std::string& path : paths) {
    SELVAGE_TRY(auto some, load_roots(path, origin));
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

}  // namespace selvage::tls
