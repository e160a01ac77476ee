// Chaincode packages on disk: <directory>/<label>.<hex sha256>.tar.gz, as Fabric names them (W25), so that a Go peer's
// directory can be taken over.
//
// Errors: kNotFound "chaincode install package '<id>' not found", else the disk's.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/disk.h"
#include "base/result.h"

namespace selvage::chaincode {

struct InstalledPackage {
  std::string package_id;  // "<label>:<hex>"
  std::string label;
};

// Safe from any thread.
class PackageStore {
 public:
  // `directory`: <peer.fileSystemPath>/lifecycle/chaincodes. Made when missing. `disk` outlives the store.
  PackageStore(Disk& disk, std::string directory);
  Status open();

  // Durable when it returns. Saving the same package twice is fine.
  [[nodiscard]] Result<std::string> save(const std::string& label, BytesView package);
  [[nodiscard]] Result<Bytes> load(const std::string& package_id);
  [[nodiscard]] bool has(const std::string& package_id) const;
  Status remove(const std::string& package_id);
  // Files that do not look like packages are passed over. Sorted by id.
  [[nodiscard]] Result<std::vector<InstalledPackage>> list() const;

 private:
  [[nodiscard]] std::string path_of(const std::string& package_id) const;

  Disk& disk_;
  std::string directory_;
};

}  // namespace selvage::chaincode
