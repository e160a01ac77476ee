#include "ledger/blocks/block_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include "base/disk.h"
#include "base/log.h"
#include "common/common.pb.h"
#include "ledger/blocks/block_file.h"
#include "ledger/blocks/number_index.h"
#include "wire/block.h"
#include "wire/marshal.h"

namespace selvage::ledger {
namespace {

const log::Logger& logger() {
  static const log::Logger logger("fsblkstorage");
  return logger;
}

constexpr size_t kLengthBytesMax = 10;
constexpr size_t kOpenFilesMax = 8;

// Readers of the block files: the last few files stay open.
class BlockFiles {
 public:
  BlockFiles(Disk& disk, std::string directory) : disk_(disk), directory_(std::move(directory)) {}

  [[nodiscard]] std::string path(uint32_t file) const { return fmt::format("{}/blockfile_{:06}", directory_, file); }

  [[nodiscard]] Result<Bytes> read(uint32_t file, uint64_t offset, size_t size) const {
    std::shared_ptr<File> open;
    {
      std::lock_guard lock(mutex_);
      auto found = std::find_if(open_.begin(), open_.end(), [&](const auto& item) { return item.first == file; });
      if (found != open_.end()) open = found->second;
    }
    if (!open) {
      SELVAGE_TRY(auto opened, disk_.open(path(file), Disk::Open::kRead));
      open = std::move(opened);
      std::lock_guard lock(mutex_);
      open_.emplace_back(file, open);
      if (open_.size() > kOpenFilesMax) open_.pop_front();
    }
    return open->read_at(offset, size);
  }

 private:
  Disk& disk_;
  std::string directory_;
  mutable std::mutex mutex_;
  mutable std::deque<std::pair<uint32_t, std::shared_ptr<File>>> open_;
};

// Who is told of new blocks. Outlives the store as long as a subscription does.
struct Watchers {
  std::mutex mutex;  // held during calls, so that the end of a subscription waits for them
  uint64_t next = 0;
  std::map<uint64_t, std::function<void(uint64_t)>> functions;
  std::atomic<std::thread::id> calling;
};

class Watch final : public HeightSubscription {
 public:
  Watch(std::shared_ptr<Watchers> watchers, uint64_t id) : watchers_(std::move(watchers)), id_(id) {}
  ~Watch() override {
    if (watchers_->calling.load() == std::this_thread::get_id()) {
      watchers_->functions.erase(id_);  // by the function itself, which holds the lock
      return;
    }
    std::lock_guard lock(watchers_->mutex);
    watchers_->functions.erase(id_);
  }

 private:
  std::shared_ptr<Watchers> watchers_;
  uint64_t id_;
};

class FileBlockStore final : public BlockStore {
 public:
  FileBlockStore(Disk& disk, Settings settings)
      : disk_(disk), settings_(std::move(settings)), files_(disk, settings_.directory),
        watchers_(std::make_shared<Watchers>()) {
    if (!settings_.metrics) return;
    const auto options = [](const char* name, const char* help) {
      metrics::Options made;
      made.name_space = "ledger";
      made.name = name;
      made.help = help;
      made.label_names = {"channel"};
      made.statsd_format = "%{#fqname}.%{channel}";
      made.buckets = {0.005, 0.01, 0.015, 0.05, 0.1, 1, 10};
      return made;
    };
    height_gauge_ = &settings_.metrics->gauge(options("blockchain_height", "Height of the chain in blocks."))
                         .with({settings_.channel});
    commit_time_ = &settings_.metrics
                        ->histogram(options("blockstorage_commit_time",
                                            "Time taken in seconds for committing the block to storage."))
                        .with({settings_.channel});
  }

  // Finds the end of the chain; see the header for what is trusted.
  Status recover() {
    SELVAGE_CHECK(disk_.make_directories(settings_.directory));
    SELVAGE_TRY(const auto names, disk_.list(settings_.directory));
    uint32_t files = 0;
    for (const std::string& name : names) {
      if (!name.starts_with("blockfile_")) continue;
      if (name != fmt::format("blockfile_{:06}", files)) {
        return fail(Code::kDataLoss, "block files of channel " + settings_.channel + " have a gap",
                    settings_.directory + "/" + name + " follows number " + std::to_string(files));
      }
      ++files;
    }
    SELVAGE_TRY(index_, NumberIndex::open(disk_, settings_.directory + "/numbers"));
    SELVAGE_TRY(BlockPlace end, trusted_end(files));
    for (uint32_t file = end.file; file < files; ++file) {
      if (file != end.file) end = BlockPlace{file, 0, 0};
      SELVAGE_CHECK(scan(end, file + 1 == files));
    }
    file_ = end.file;
    file_bytes_ = end.offset;
    SELVAGE_TRY(writer_, disk_.open(files_.path(file_), Disk::Open::kAppend));
    SELVAGE_CHECK(disk_.sync_directory(settings_.directory));
    // The last block may be there without having been synced; from now on it is served.
    SELVAGE_CHECK(writer_->sync());
    height_ = index_->count();
    if (height_gauge_) height_gauge_->set(static_cast<double>(height_));
    return {};
  }

  using BlockStore::append;
  Status append(std::shared_ptr<const ::common::Block> block) override {
    SELVAGE_CHECK(append_hidden(std::move(block)));
    show();
    return {};
  }

  Status append_hidden(std::shared_ptr<const ::common::Block> block) override {
    const auto started = std::chrono::steady_clock::now();
    if (broken_) return fail(Code::kFailedPrecondition, "block store of channel " + settings_.channel + " has failed");
    if (hidden_) return fail(Code::kInternal, "a block is already waiting to be shown");
    const auto& header = block->header();
    if (header.number() != height()) {
      return fail(Code::kInvalidArgument,
                  fmt::format("block number should have been {} but was {}", height(), header.number()));
    }
    if (height() > 0 && header.previous_hash() != last_hash()) {
      return fail(Code::kInvalidArgument, fmt::format("unexpected Previous block hash. Expected PreviousHash = [{}], "
                                                      "PreviousHash referred in the latest block= [{}]",
                                                      to_hex(last_hash()), to_hex(header.previous_hash())));
    }
    if (auto done = write(*block); !done) {
      broken_ = true;
      LOG_ERROR(logger(), "[{}] Block [{}] could not be written, the channel takes no more blocks: {}",
                settings_.channel, header.number(), to_string(done.error()));
      return done;
    }
    hidden_hash_ = wire::header_hash(header);
    hidden_ = std::move(block);
    if (commit_time_) {
      commit_time_->observe(std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count());
    }
    return {};
  }

  void show() override {
    if (!hidden_) return;
    uint64_t height = 0;
    {
      std::lock_guard lock(mutex_);
      last_hash_ = std::move(hidden_hash_);
      height = ++height_;
      remember(std::move(hidden_));
      hidden_ = nullptr;
    }
    grown_.notify_all();
    if (height_gauge_) height_gauge_->set(static_cast<double>(height));
    std::lock_guard lock(watchers_->mutex);
    watchers_->calling = std::this_thread::get_id();
    for (auto at = watchers_->functions.begin(); at != watchers_->functions.end();) (at++)->second(height);
    watchers_->calling = std::thread::id{};
  }

  [[nodiscard]] uint64_t height() const override { return height_; }
  [[nodiscard]] Bytes last_hash() const override {
    std::lock_guard lock(mutex_);
    return last_hash_;
  }
  [[nodiscard]] bool broken() const override { return broken_; }

  [[nodiscard]] Result<std::shared_ptr<const ::common::Block>> block(BlockNumber number) const override {
    if (auto recent = find_recent(number)) return recent;
    SELVAGE_TRY(const Bytes body, read_body(number));
    SELVAGE_TRY(const RecordView record, parse_record(body));
    auto block = std::make_shared<::common::Block>();
    to_block(record, *block);
    return std::shared_ptr<const ::common::Block>(std::move(block));
  }

  [[nodiscard]] Result<std::shared_ptr<const Bytes>> block_bytes(BlockNumber number) const override {
    if (auto recent = find_recent(number)) return std::make_shared<const Bytes>(wire::marshal(*recent));
    SELVAGE_TRY(const Bytes body, read_body(number));
    SELVAGE_TRY(const RecordView record, parse_record(body));
    return std::make_shared<const Bytes>(to_block_bytes(record));
  }

  [[nodiscard]] bool wait_for(BlockNumber number, std::stop_token stop,
                              std::optional<std::chrono::steady_clock::time_point> deadline) const override {
    std::unique_lock lock(mutex_);
    const auto there = [&] { return height_ > number; };
    if (deadline) return grown_.wait_until(lock, stop, *deadline, there);
    return grown_.wait(lock, stop, there);
  }

  [[nodiscard]] std::unique_ptr<HeightSubscription> subscribe(std::function<void(uint64_t)> grown) const override {
    std::lock_guard lock(watchers_->mutex);
    const uint64_t id = watchers_->next++;
    watchers_->functions.emplace(id, std::move(grown));
    return std::make_unique<Watch>(watchers_, id);
  }

 private:
  // Where the last block of the index ends, after checking that block; the rest of the files is to be scanned.
  [[nodiscard]] Result<BlockPlace> trusted_end(uint32_t files) {
    SELVAGE_TRY(const uint64_t good, index_->good());
    SELVAGE_CHECK(index_->cut(good));
    if (good == 0) return BlockPlace{};
    const uint64_t number = good - 1;
    SELVAGE_TRY(const auto place, index_->find(number));
    if (!place) return fail(Code::kDataLoss, "the places of blocks cannot be read", settings_.directory + "/numbers");
    if (place->file >= files) return fail_damaged(number, *place);
    const auto record = read_place(*place);
    if (!record) return fail_damaged(number, *place);
    const auto parsed = parse_record(*record);
    if (!parsed || parsed->number != number || !parsed->data_hash_matches()) return fail_damaged(number, *place);
    last_hash_ = parsed->header_hash();
    return BlockPlace{place->file, place->offset + place->size, 0};
  }

  [[nodiscard]] tl::unexpected<Error> fail_damaged(uint64_t number, const BlockPlace& place) const {
    return fail(Code::kDataLoss, fmt::format("block [{}] of channel {} is damaged", number, settings_.channel),
                fmt::format("{} at offset {}", files_.path(place.file), place.offset),
                "restore the block files from a copy, or remove the channel and join it again");
  }

  // Adds the records from `at` to the end of its file to the index and moves `at` there; cuts a torn tail.
  Status scan(BlockPlace& at, bool last_file) {
    SELVAGE_TRY(auto file, disk_.open(files_.path(at.file), Disk::Open::kRead));
    SELVAGE_TRY(const uint64_t size, file->size());
    while (at.offset < size) {
      SELVAGE_TRY(auto next, read_record(*file, at.offset, size, index_->count(), last_hash_));
      if (!next) {
        if (!last_file || (next_is_followed_by_block(*file, at.offset, size))) {
          return fail_damaged(index_->count(), at);
        }
        LOG_WARN(logger(), "[{}] The last block [{}] was not completely written before a crash; cutting {} bytes of {}",
                 settings_.channel, index_->count(), size - at.offset, files_.path(at.file));
        SELVAGE_TRY(auto writer, disk_.open(files_.path(at.file), Disk::Open::kAppend));
        SELVAGE_CHECK(writer->truncate(at.offset));
        return writer->sync();
      }
      at.size = next->first;
      SELVAGE_CHECK(index_->append(at));
      last_hash_ = std::move(next->second);
      at.offset += at.size;
    }
    return {};
  }

  // Size and header hash of the record at `offset`; nullopt when it is not a whole block with this number that follows
  // `previous_hash`.
  [[nodiscard]] static Result<std::optional<std::pair<uint64_t, Bytes>>> read_record(
      const File& file, uint64_t offset, uint64_t size, std::optional<uint64_t> number, BytesView previous_hash) {
    const std::optional<std::pair<uint64_t, Bytes>> bad;
    SELVAGE_TRY(const Bytes front, file.read_at(offset, kLengthBytesMax));
    const auto length = parse_record_length(front);
    if (!length || length->body_bytes > size - offset || length->length_bytes + length->body_bytes > size - offset) {
      return bad;
    }
    SELVAGE_TRY(const Bytes body, file.read_at(offset + length->length_bytes, length->body_bytes));
    const auto record = parse_record(body);
    if (!record || !record->data_hash_matches()) return bad;
    if (number && (record->number != *number || (*number > 0 && record->previous_hash != previous_hash))) return bad;
    if (record->metadata.empty() && record->number > 0) return bad;
    // What has something behind it was synced before that was written.
    const uint64_t at = offset + length->length_bytes;
    if (at + length->body_bytes == size && has_unwritten_sector(body, *record, at)) return bad;
    return std::optional(std::pair(length->length_bytes + length->body_bytes, record->header_hash()));
  }

  // Whether the bad record at `offset` has a good one behind it: then it was synced once, and is not a torn tail.
  [[nodiscard]] static bool next_is_followed_by_block(const File& file, uint64_t offset, uint64_t size) {
    const auto front = file.read_at(offset, kLengthBytesMax);
    if (!front) return false;
    const auto length = parse_record_length(*front);
    if (!length || length->body_bytes >= size - offset) return false;
    const uint64_t next = offset + length->length_bytes + length->body_bytes;
    if (next >= size) return false;
    const auto record = read_record(file, next, size, std::nullopt, {});
    return record && *record;
  }

  Status write(const ::common::Block& block) {
    const Bytes record = encode_record(block);
    if (file_bytes_ > 0 && file_bytes_ + record.size() > settings_.file_bytes_max) {
      SELVAGE_TRY(writer_, disk_.open(files_.path(file_ + 1), Disk::Open::kAppend));
      SELVAGE_CHECK(disk_.sync_directory(settings_.directory));
      ++file_;
      file_bytes_ = 0;
    }
    SELVAGE_CHECK(writer_->append(record));
    SELVAGE_CHECK(writer_->sync());
    SELVAGE_CHECK(index_->append(BlockPlace{file_, file_bytes_, record.size()}));
    file_bytes_ += record.size();
    return {};
  }

  [[nodiscard]] Result<Bytes> read_place(const BlockPlace& place) const {
    SELVAGE_TRY(Bytes record, files_.read(place.file, place.offset, place.size));
    const auto length = parse_record_length(record);
    if (!length || length->length_bytes + length->body_bytes != place.size || record.size() != place.size) {
      return fail(Code::kDataLoss, "block file: the record's length does not fit",
                  fmt::format("{} at offset {}", files_.path(place.file), place.offset));
    }
    record.erase(0, length->length_bytes);
    return record;
  }

  [[nodiscard]] Result<Bytes> read_body(BlockNumber number) const {
    if (number >= height()) {
      return fail(Code::kNotFound, fmt::format("no such block number [{}] in index", number));
    }
    SELVAGE_TRY(const auto place, index_->find(number));
    if (!place) {
      return fail(Code::kDataLoss, fmt::format("the place of block [{}] of channel {} is damaged", number,
                                               settings_.channel),
                  settings_.directory + "/numbers", "stop the node and remove this file; it is rebuilt at start");
    }
    return read_place(*place);
  }

  // Under mutex_.
  void remember(std::shared_ptr<const ::common::Block> block) {
    const size_t bytes = block->SpaceUsedLong();
    recent_.emplace_back(std::move(block), bytes);
    recent_bytes_ += bytes;
    while (recent_.size() > 1 && recent_bytes_ > settings_.cache_bytes_max) {
      recent_bytes_ -= recent_.front().second;
      recent_.pop_front();
    }
  }

  [[nodiscard]] std::shared_ptr<const ::common::Block> find_recent(BlockNumber number) const {
    std::lock_guard lock(mutex_);
    if (recent_.empty() || number >= height_) return nullptr;
    const uint64_t first = recent_.front().first->header().number();
    if (number < first) return nullptr;
    return recent_[number - first].first;
  }

  Disk& disk_;
  const Settings settings_;
  BlockFiles files_;
  metrics::Gauge* height_gauge_ = nullptr;
  metrics::Histogram* commit_time_ = nullptr;

  // The appending thread's.
  std::unique_ptr<File> writer_;
  uint32_t file_ = 0;
  uint64_t file_bytes_ = 0;
  std::shared_ptr<const ::common::Block> hidden_;
  Bytes hidden_hash_;

  std::unique_ptr<NumberIndex> index_;
  std::atomic<bool> broken_ = false;
  std::atomic<uint64_t> height_ = 0;  // changed under mutex_
  mutable std::mutex mutex_;
  mutable std::condition_variable_any grown_;
  Bytes last_hash_;
  std::deque<std::pair<std::shared_ptr<const ::common::Block>, size_t>> recent_;  // consecutive numbers
  size_t recent_bytes_ = 0;
  std::shared_ptr<Watchers> watchers_;
};

}  // namespace

Result<std::unique_ptr<BlockStore>> BlockStore::open(Disk& disk, Settings settings) {
  auto store = std::make_unique<FileBlockStore>(disk, std::move(settings));
  SELVAGE_CHECK(store->recover());
  return std::unique_ptr<BlockStore>(std::move(store));
}

Status BlockStore::append(const ::common::Block& block) {
  return append(std::make_shared<const ::common::Block>(block));
}

}  // namespace selvage::ledger
