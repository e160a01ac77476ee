// Folders and files around external builders: what a build gets, what is kept of it.
//
// Layout and names are Fabric's (core/container/externalbuilder), so that a Go peer's builds can be taken over:
//   <peer.fileSystemPath>/externalbuilder/builds/<package id, made a file name>/{build-info.json,bld/,release/}
#pragma once

#include <filesystem>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace selvage::chaincode {

// "label:hash" -> "label-hash": characters that file systems or shells dislike become '-'.
[[nodiscard]] std::string folder_name_of(const std::string& package_id);

// A folder in TMPDIR (or /tmp) that goes away with this object.
class ScratchFolder {
 public:
  // kUnavailable: "could not create temp dir: ...".
  [[nodiscard]] static Result<ScratchFolder> make(const std::string& prefix);
  ~ScratchFolder();
  ScratchFolder(ScratchFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  ScratchFolder& operator=(ScratchFolder&&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  explicit ScratchFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

// Unpacks code.tar.gz with its permission bits. The archive is an installer's: names that leave the folder, links and
// devices are refused, sizes bounded (lifecycle/package.h).
Status unpack_code(BytesView code_tar_gz, const std::filesystem::path& folder);

// Copies files, folders and those symbolic links that stay inside. Errors: Fabric's texts ("refusing to copy absolute
// symlink ..."); nothing is left behind then.
Status copy_tree(const std::filesystem::path& from, const std::filesystem::path& to);

Status write_file(const std::filesystem::path& file, BytesView content, int mode);
[[nodiscard]] Result<Bytes> read_file(const std::filesystem::path& file);
// What was written below `folder` is on disk when it returns.
Status sync_tree(const std::filesystem::path& folder);

}  // namespace selvage::chaincode
