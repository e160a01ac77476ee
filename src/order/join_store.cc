#include "order/join_store.h"

#include <fmt/format.h>

#include <charconv>
#include <cstring>
#include <utility>

namespace selvage::order {
namespace {
constexpr const char* kJoin = "join";
constexpr const char* kRemove = "remove";
constexpr const char* kFollow = "follow";
constexpr const char* kLogOf = "following, with the log of node ";
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

Status JoinStore::save_following(const std::string& channel, std::optional<uint64_t> log_of) {
  if (following(channel)) return {};
  return disk_->write_atomically(path(kFollow, channel), log_of ? kLogOf + std::to_string(*log_of) : "following");
}
Status JoinStore::following_done(const std::string& channel) { return forget(kFollow, channel); }
bool JoinStore::following(const std::string& channel) const { return disk_->exists(path(kFollow, channel)); }

Result<std::optional<uint64_t>> JoinStore::following_with_log_of(const std::string& channel) const {
  if (!following(channel)) return std::nullopt;
  SELVAGE_TRY(const Bytes mark, disk_->read(path(kFollow, channel)));
  if (!mark.starts_with(kLogOf)) return std::nullopt;
  uint64_t id = 0;
  const char* const end = mark.data() + mark.size();
  if (const auto read = std::from_chars(mark.data() + std::strlen(kLogOf), end, id); read.ec != std::errc() || read.ptr != end) {
    return fail(Code::kDataLoss, fmt::format("{} cannot be read", path(kFollow, channel)), "",
                "restore it from a backup of this node, or have the node removed from the channel's consenters and added again");
  }
  return id;
}

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
