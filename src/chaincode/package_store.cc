#include "chaincode/package_store.h"

#include "lifecycle/package.h"

namespace selvage::chaincode {

PackageStore::PackageStore(Disk& disk, std::string directory) : disk_(disk), directory_(std::move(directory)) {}

Status PackageStore::open() {
  auto made = disk_.make_directories(directory_);
  if (!made)
    return fail(made.error().code, "could not create chaincode package directory " + directory_, made.error().cause,
                "peer.fileSystemPath must name a directory that the peer may write");
  return {};
}

std::string PackageStore::path_of(const std::string& package_id) const {
  return directory_ + "/" + lifecycle::package_file_name(package_id);
}

Result<std::string> PackageStore::save(const std::string& label, BytesView package) {
  std::string id = lifecycle::package_id(label, package);
  std::string path = path_of(id);
  if (disk_.exists(path)) return id;
  auto written = disk_.write_atomically(path, package);
  if (!written) return fail(std::move(written).error().within("error writing chaincode install package to " + path));
  return id;
}

Result<Bytes> PackageStore::load(const std::string& package_id) {
  if (!has(package_id))
    return fail(Code::kNotFound, "chaincode install package '" + package_id + "' not found");
  auto bytes = disk_.read(path_of(package_id));
  if (!bytes) return fail(std::move(bytes).error().within("error reading chaincode install package at " + path_of(package_id)));
  return bytes;
}

bool PackageStore::has(const std::string& package_id) const {
  // An id that makes no file name of a package cannot name one; this also keeps "../" out of paths.
  std::string file = lifecycle::package_file_name(package_id);
  return lifecycle::package_id_of_file(file) == package_id && disk_.exists(directory_ + "/" + file);
}

Status PackageStore::remove(const std::string& package_id) {
  if (!has(package_id)) return {};
  SELVAGE_CHECK(disk_.remove(path_of(package_id)));
  return disk_.sync_directory(directory_);
}

Result<std::vector<InstalledPackage>> PackageStore::list() const {
  SELVAGE_TRY(auto names, disk_.list(directory_));
  std::vector<InstalledPackage> out;
  for (const std::string& name : names) {
    std::string id = lifecycle::package_id_of_file(name);
    if (id.empty()) continue;
    out.push_back({id, id.substr(0, id.rfind(':'))});
  }
  return out;
}

}  // namespace selvage::chaincode
