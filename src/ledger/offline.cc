#include "ledger/offline.h"

#include <fmt/format.h>

#include <optional>

#include "base/disk.h"
#include "ledger/blocks/number_index.h"
#include "ledger/old_heights.h"
#include "ledger/rocks_database.h"

namespace selvage::ledger {
namespace {

Error no_such_ledger(const std::string& channel) {
  return {Code::kNotFound, "cannot update ledger status, ledger [" + channel + "] does not exist", "", ""};
}

Bytes with_zero(const std::string& channel) {
  Bytes prefix = channel;
  prefix.push_back('\0');
  return prefix;
}

}  // namespace

OfflineLedgers::OfflineLedgers(Disk& disk, std::string root) : disk_(&disk), root_(std::move(root)) {}
OfflineLedgers::OfflineLedgers(OfflineLedgers&&) noexcept = default;
OfflineLedgers::~OfflineLedgers() { database_.reset(); }

Result<OfflineLedgers> OfflineLedgers::open(Disk& disk, const std::string& root) {
  OfflineLedgers ledgers(disk, root);
  SELVAGE_CHECK(disk.make_directories(ledgers.chains()));
  auto lock = disk.lock(root + "/fileLock");
  if (!lock) {
    if (lock.error().code != Code::kFailedPrecondition) return fail(lock.error());
    return fail(Code::kFailedPrecondition,
                "as another peer node command is executing, wait for that command to complete its execution or terminate "
                "it before retrying: lock is already acquired on file " +
                    root + "/fileLock",
                "", "stop the peer that runs with this peer.fileSystemPath (CORE_PEER_FILESYSTEMPATH)");
  }
  ledgers.lock_ = std::move(*lock);
  SELVAGE_TRY(ledgers.database_, Database::open({root + "/rocks"}));
  return ledgers;
}

bool OfflineLedgers::exists(const std::string& channel) const {
  return !channel.empty() && channel.find('/') == std::string::npos && channel[0] != '.' &&
         disk_->exists(chains() + "/" + channel);
}

Result<std::vector<std::string>> OfflineLedgers::channels() const { return disk_->list(chains()); }

Status OfflineLedgers::pause(const std::string& channel) {
  if (!exists(channel)) return fail(no_such_ledger(channel));
  return disk_->write_atomically(chains() + "/" + channel + kPausedFile, "");
}

Status OfflineLedgers::resume(const std::string& channel) {
  if (!exists(channel)) return fail(no_such_ledger(channel));
  const std::string folder = chains() + "/" + channel;
  if (!disk_->exists(folder + kPausedFile)) return {};
  SELVAGE_CHECK(disk_->remove(folder + kPausedFile));
  return disk_->sync_directory(folder);
}

Status OfflineLedgers::unjoin(const std::string& channel) {
  if (!exists(channel)) return fail(no_such_ledger(channel).within("unjoin channel [" + channel + "]"));
  // Should this be cut short, the peer leaves the channel alone, and the command may be given again.
  SELVAGE_CHECK(pause(channel));
  SELVAGE_CHECK(forget_derived(channel, true));
  SELVAGE_CHECK(disk_->remove_all(chains() + "/" + channel));
  return disk_->sync_directory(chains());
}

Status OfflineLedgers::roll_back(const std::string& channel, BlockNumber block) {
  if (!exists(channel)) return fail(Code::kNotFound, "ledgerID [" + channel + "] does not exist");
  return cut(channel, block);
}

Status OfflineLedgers::reset() {
  SELVAGE_TRY(const auto names, channels());
  for (const std::string& channel : names) {
    auto done = cut(channel, 0);
    if (!done && done.error().code != Code::kInvalidArgument) return done;  // that: one block is all there is
  }
  return {};
}

Status OfflineLedgers::rebuild() {
  SELVAGE_TRY(const auto names, channels());
  for (const std::string& channel : names) SELVAGE_CHECK(forget_derived(channel));
  return {};
}

Status OfflineLedgers::forget_derived(const std::string& channel, bool private_data_too) {
  WriteBatch batch;
  const auto drop = [&](Family family, const Bytes& prefix) { batch.remove_range(family, prefix, after_prefix(prefix)); };
  drop(Family::kState, with_zero(channel));
  drop(Family::kHistory, with_zero(channel));
  // The other families have a letter before the channel, for each kind of entry.
  for (char kind = 'a'; kind <= 'z'; ++kind) {
    const Bytes prefix = kind + with_zero(channel);
    drop(Family::kIndex, prefix);
    if (!private_data_too) continue;
    drop(Family::kPrivate, prefix);
    drop(Family::kTransient, prefix);
  }
  batch.remove(Family::kMeta, "s" + channel);
  return database_->write(batch, true);
}

Status OfflineLedgers::cut(const std::string& channel, BlockNumber last) {
  const std::string folder = chains() + "/" + channel;
  std::optional<BlockPlace> place;
  uint64_t height = 0;
  {
    BlockStore::Settings settings;
    settings.directory = folder;
    settings.channel = channel;
    SELVAGE_TRY(const auto blocks, BlockStore::open(*disk_, settings));  // checks the files, and completes the index
    height = blocks->height();
    if (last + 1 >= height)
      return fail(Code::kInvalidArgument,
                  fmt::format("target block number [{}] should be less than the biggest block number [{}]", last, height - 1));
    SELVAGE_TRY(const auto index, NumberIndex::open(*disk_, folder + "/numbers"));
    SELVAGE_TRY(place, index->find(last));
  }
  if (!place) return fail(Code::kDataLoss, "the index of block numbers is damaged", folder + "/numbers");
  SELVAGE_CHECK(note_old_height(*disk_, folder, height));
  SELVAGE_CHECK(forget_derived(channel));
  // An index that knew of blocks that are gone would tell the next start of lost blocks.
  SELVAGE_CHECK(disk_->remove(folder + "/numbers"));
  SELVAGE_CHECK(disk_->sync_directory(folder));
  SELVAGE_TRY(auto names, disk_->list(folder));
  const std::string kept = fmt::format("blockfile_{:06}", place->file);
  for (auto name = names.rbegin(); name != names.rend(); ++name) {  // the last first: never a gap
    if (!name->starts_with("blockfile_") || *name <= kept) continue;
    SELVAGE_CHECK(disk_->remove(folder + "/" + *name));
    SELVAGE_CHECK(disk_->sync_directory(folder));
  }
  SELVAGE_TRY(const auto file, disk_->open(folder + "/" + kept, Disk::Open::kAppend));
  SELVAGE_CHECK(file->truncate(place->offset + place->size));
  return file->sync();
}

}  // namespace selvage::ledger
