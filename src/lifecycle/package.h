// Chaincode packages: a tar.gz of metadata.json {path,type,label} and code.tar.gz, named by label and SHA-256.
//
// Bytes come from outside: sizes and counts are bounded. Pure; files are the caller's affair.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace selvage::lifecycle {

struct PackageMetadata {
  std::string type;  // "golang", "node", "java", "ccaas", "external"
  std::string path;
  std::string label;
};

struct Package {
  PackageMetadata metadata;
  Bytes metadata_json;  // as it stands in the package
  Bytes code;           // code.tar.gz
};

inline constexpr size_t kPackageUnpackedBytesMax = size_t{1} << 30;

// "invalid label '<l>'. Label must be non-empty, can only consist of ..."
[[nodiscard]] Status check_label(std::string_view label);
// "<label>:<hex sha256 of the package>"
[[nodiscard]] std::string package_id(std::string_view label, BytesView package);
// "<label>.<hex>.tar.gz"
[[nodiscard]] std::string package_file_name(std::string_view package_id);
// The package id behind such a file name; empty when it is not one.
[[nodiscard]] std::string package_id_of_file(std::string_view file_name);

// kInvalidArgument with Fabric's words ("error reading as gzip stream: ...", "did not find a code package inside the
// package", "did not find any package metadata (missing metadata.json)").
[[nodiscard]] Result<Package> parse_package(BytesView package);
// The package as `peer lifecycle chaincode package` writes it: the same input gives the same bytes.
[[nodiscard]] Result<Bytes> make_package(const PackageMetadata& metadata, BytesView code_tar_gz);

// A tar.gz of regular files: for code.tar.gz. Entries are written in the given order, no times or owners.
struct TarFile {
  std::string name;
  Bytes content;
  int mode = 0644;  // permission bits: programs in a package are executable
};
[[nodiscard]] Result<Bytes> make_tar_gz(const std::vector<TarFile>& files);
// Regular files of a tar.gz; refuses names that leave the folder, and more than `bytes_max` in all.
[[nodiscard]] Result<std::vector<TarFile>> read_tar_gz(BytesView tar_gz, size_t bytes_max = kPackageUnpackedBytesMax);

}  // namespace selvage::lifecycle
