#include "order/join_store.h"

#include <utility>

namespace selvage::order {
namespace {
constexpr const char* kJoin = "join";
constexpr const char* kRemove = "remove";
constexpr const char* kFollow = "follow";
}  // namespace

Result<JoinStore> JoinStore::open(Disk& disk, const std::string& ledger_directory) {
  JoinStore store(disk, ledger_directory + "/pendingops");
  SELVAGE_CHECK(disk.make_directories(store.directory_ + "/" + kJoin));
  SELVAGE_CHECK(disk.make_directories(store.directory_ + "/" + kRemove));
  SELVAGE_CHECK(disk.make_directories(store.directory_ + "/" + kFollow));
  return store;
}

std::string JoinStore::path(const char* kind, const std::string& channel) const {
  return directory_ + "/" + kind + "/" + channel + "." + kind;
}

Status JoinStore::save_join(const std::string& channel, BytesView block) {
  return disk_->write_atomically(path(kJoin, channel), block);
}
Status JoinStore::join_done(const std::string& channel) { return forget(kJoin, channel); }
Result<std::vector<std::string>> JoinStore::joins() const { return list(kJoin); }
Result<Bytes> JoinStore::join_block(const std::string& channel) const { return disk_->read(path(kJoin, channel)); }

Status JoinStore::save_following(const std::string& channel) {
  return disk_->write_atomically(path(kFollow, channel), "following");
}
Status JoinStore::following_done(const std::string& channel) { return forget(kFollow, channel); }
bool JoinStore::following(const std::string& channel) const { return disk_->exists(path(kFollow, channel)); }

Status JoinStore::save_removal(const std::string& channel) {
  return disk_->write_atomically(path(kRemove, channel), "removing");
}
Status JoinStore::removal_done(const std::string& channel) { return forget(kRemove, channel); }
Result<std::vector<std::string>> JoinStore::removals() const { return list(kRemove); }

Status JoinStore::forget(const char* kind, const std::string& channel) {
  const std::string file = path(kind, channel);
  if (!disk_->exists(file)) return {};
  SELVAGE_CHECK(disk_->remove(file));
  return disk_->sync_directory(directory_ + "/" + kind);
}

Result<std::vector<std::string>> JoinStore::list(const char* kind) const {
  SELVAGE_TRY(const auto names, disk_->list(directory_ + "/" + kind));
  const std::string suffix = std::string(".") + kind;
  std::vector<std::string> channels;
  for (const std::string& name : names) {
    // Anything else is a temporary file that a crash left.
    if (name.size() > suffix.size() && name.ends_with(suffix)) channels.push_back(name.substr(0, name.size() - suffix.size()));
  }
  return channels;
}

}  // namespace selvage::order
