#include "ledger/rocks_database.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>
#include <rocksdb/write_buffer_manager.h>

#include <array>

namespace selvage::ledger {
namespace {

constexpr std::array<const char*, kFamilies> kNames = {"default", "history", "index", "private", "transient", "meta"};

rocksdb::Slice slice(BytesView bytes) { return {bytes.data(), bytes.size()}; }
BytesView view(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

tl::unexpected<Error> fail_with(const rocksdb::Status& status, const char* doing) {
  const bool full = status.IsNoSpace();
  return fail(full ? Code::kResourceExhausted : Code::kInternal, std::string("database: ") + doing + " failed",
              status.ToString(), full ? "the disk of peer.fileSystemPath is full" : "");
}

}  // namespace

struct WriteBatch::Rep {
  struct Entry {
    enum Kind { kPut, kRemove, kRemoveRange } kind;
    Family family;
    Bytes key, value;
  };
  std::vector<Entry> entries;
};

WriteBatch::WriteBatch() : rep_(std::make_unique<Rep>()) {}
WriteBatch::~WriteBatch() = default;
void WriteBatch::put(Family family, BytesView key, BytesView value) {
  rep_->entries.push_back({Rep::Entry::kPut, family, Bytes(key), Bytes(value)});
}
void WriteBatch::remove(Family family, BytesView key) {
  rep_->entries.push_back({Rep::Entry::kRemove, family, Bytes(key), {}});
}
void WriteBatch::remove_range(Family family, BytesView start, BytesView end) {
  rep_->entries.push_back({Rep::Entry::kRemoveRange, family, Bytes(start), Bytes(end)});
}
bool WriteBatch::empty() const { return rep_->entries.empty(); }

struct Database::Rep {
  std::unique_ptr<rocksdb::DB> db;
  std::array<rocksdb::ColumnFamilyHandle*, kFamilies> families{};
  ~Rep() {
    for (auto* family : families) {
      if (family) db->DestroyColumnFamilyHandle(family).PermitUncheckedError();
    }
    if (db) db->Close().PermitUncheckedError();
  }
  [[nodiscard]] rocksdb::ColumnFamilyHandle* handle(Family family) const { return families[static_cast<size_t>(family)]; }
};

namespace {

class RocksSnapshot final : public DatabaseSnapshot {
 public:
  explicit RocksSnapshot(rocksdb::DB& db) : db_(db), snapshot_(db.GetSnapshot()) {}
  ~RocksSnapshot() override { db_.ReleaseSnapshot(snapshot_); }
  [[nodiscard]] const rocksdb::Snapshot* get() const { return snapshot_; }

 private:
  rocksdb::DB& db_;
  const rocksdb::Snapshot* snapshot_;
};

rocksdb::ReadOptions read_options(const DatabaseSnapshot* snapshot) {
  rocksdb::ReadOptions options;
  if (snapshot) options.snapshot = static_cast<const RocksSnapshot*>(snapshot)->get();
  return options;
}

class RocksIterator final : public DatabaseIterator {
 public:
  RocksIterator(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family, BytesView start, BytesView end,
                const DatabaseSnapshot* snapshot)
      : start_(start), end_(end), end_slice_(slice(end_)) {
    rocksdb::ReadOptions options = read_options(snapshot);
    if (!end_.empty()) options.iterate_upper_bound = &end_slice_;
    options.total_order_seek = true;
    iterator_.reset(db.NewIterator(options, family));
  }
  [[nodiscard]] bool next() override {
    if (!started_) {
      iterator_->Seek(slice(start_));
      started_ = true;
    } else if (iterator_->Valid()) {
      iterator_->Next();
    }
    return iterator_->Valid();
  }
  [[nodiscard]] BytesView key() const override { return view(iterator_->key()); }
  [[nodiscard]] BytesView value() const override { return view(iterator_->value()); }
  [[nodiscard]] Status status() const override {
    if (const auto status = iterator_->status(); !status.ok()) return fail_with(status, "a range read");
    return {};
  }

 private:
  const Bytes start_, end_;
  const rocksdb::Slice end_slice_;  // RocksDB keeps a pointer to it
  std::unique_ptr<rocksdb::Iterator> iterator_;
  bool started_ = false;
};

constexpr size_t kReadAtOnce = 32;  // keys; RocksDB cuts more into such parts itself, and keeps all their blocks meanwhile
constexpr int kCacheShardBits = 2;
constexpr double kCacheForIndexes = 0.4;  // of the cache: what data blocks do not push out

}  // namespace

Database::Database(std::unique_ptr<Rep> rep) : rep_(std::move(rep)) {}
Database::~Database() = default;

Result<std::unique_ptr<Database>> Database::open(const Settings& settings) {
  rocksdb::BlockBasedTableOptions table;
  // Write buffers count against the cache (below). Few shards: one must hold the largest block, or that is read anew for
  // every key.
  table.block_cache =
      rocksdb::NewLRUCache(settings.block_cache_bytes + settings.write_buffer_bytes, kCacheShardBits, false, kCacheForIndexes);
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  // Index and filter blocks count against the cache too, so that memory stays bounded however large the state grows; and are
  // cut into small ones, so that a key costs one of them and not the filter of a million keys.
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.pin_top_level_index_and_filter = true;
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.partition_filters = true;
  table.metadata_block_size = 4096;

  rocksdb::DBOptions options;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.write_buffer_manager =
      std::make_shared<rocksdb::WriteBufferManager>(settings.write_buffer_bytes, table.block_cache);
  // A flush of one family can pin the log of the others; past this size RocksDB flushes those that hold it back.
  options.max_total_wal_size = settings.write_buffer_bytes * 4;
  options.max_open_files = 256;
  options.max_background_jobs = 2;
  options.keep_log_file_num = 2;
  options.max_log_file_size = 1u << 20;
  options.info_log_level = rocksdb::WARN_LEVEL;
  options.avoid_flush_during_shutdown = true;  // what is lost is replayed from the block files
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;

  rocksdb::ColumnFamilyOptions family;
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  family.write_buffer_size = std::max<size_t>(settings.write_buffer_bytes / 4, 1u << 20);
  family.max_write_buffer_number = 2;
  family.compression = rocksdb::kLZ4Compression;
  // Keys come in no order, so a flush meets all of the level below. Levels start small and grow downwards from the largest: a
  // key is rewritten less often on its way than by a first level of 256 MiB.
  family.level_compaction_dynamic_level_bytes = true;
  family.max_bytes_for_level_base = std::max<uint64_t>(settings.write_buffer_bytes * 2, 4u << 20);
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (const char* name : kNames) descriptors.emplace_back(name, family);

  auto rep = std::make_unique<Rep>();
  rocksdb::DB* db = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  if (const auto status = rocksdb::DB::Open(options, settings.directory, descriptors, &handles, &db); !status.ok()) {
    return fail(status.IsNoSpace() ? Code::kResourceExhausted : Code::kInternal,
                "cannot open the database in " + settings.directory, status.ToString(),
                "if the disk is well, this folder may be moved away: the peer rebuilds it from its block files, all but "
                "the private data in it");
  }
  rep->db.reset(db);
  std::copy(handles.begin(), handles.end(), rep->families.begin());
  return std::unique_ptr<Database>(new Database(std::move(rep)));
}

Result<std::optional<Bytes>> Database::get(Family family, BytesView key, const DatabaseSnapshot* snapshot) const {
  rocksdb::PinnableSlice value;
  const auto status = rep_->db->Get(read_options(snapshot), rep_->handle(family), slice(key), &value);
  if (status.IsNotFound()) return std::optional<Bytes>();
  if (!status.ok()) return fail_with(status, "a read");
  return std::optional<Bytes>(Bytes(value.data(), value.size()));
}

Result<std::vector<std::optional<Bytes>>> Database::get_many(Family family, const std::vector<Bytes>& keys,
                                                             const DatabaseSnapshot* snapshot) const {
  std::vector<rocksdb::Slice> slices;
  slices.reserve(keys.size());
  for (const Bytes& key : keys) slices.push_back(slice(key));
  std::vector<rocksdb::PinnableSlice> values(keys.size());
  std::vector<rocksdb::Status> statuses(keys.size());
  rep_->db->MultiGet(read_options(snapshot), rep_->handle(family), keys.size(), slices.data(), values.data(),
                     statuses.data());
  std::vector<std::optional<Bytes>> found(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    if (statuses[i].IsNotFound()) continue;
    if (!statuses[i].ok()) return fail_with(statuses[i], "a read");
    found[i] = Bytes(values[i].data(), values[i].size());
  }
  return found;
}

Status Database::get_ascending(Family family, const std::vector<Bytes>& keys, const DatabaseSnapshot* snapshot,
                               const Take& take) const {
  std::array<rocksdb::Slice, kReadAtOnce> slices;
  std::array<rocksdb::PinnableSlice, kReadAtOnce> values;
  std::array<rocksdb::Status, kReadAtOnce> statuses;
  for (size_t done = 0; done < keys.size(); done += kReadAtOnce) {
    const size_t count = std::min(kReadAtOnce, keys.size() - done);
    for (size_t i = 0; i < count; ++i) slices[i] = slice(keys[done + i]);
    rep_->db->MultiGet(read_options(snapshot), rep_->handle(family), count, slices.data(), values.data(), statuses.data(), true);
    for (size_t i = 0; i < count; ++i) {
      if (statuses[i].IsNotFound()) continue;
      if (!statuses[i].ok()) return fail_with(statuses[i], "a read");
      SELVAGE_CHECK(take(done + i, view(values[i])));
      values[i].Reset();
    }
  }
  return {};
}

std::unique_ptr<DatabaseIterator> Database::range(Family family, BytesView start, BytesView end,
                                                  const DatabaseSnapshot* snapshot) const {
  return std::make_unique<RocksIterator>(*rep_->db, rep_->handle(family), start, end, snapshot);
}

Status Database::write(WriteBatch& batch, bool sync) {
  rocksdb::WriteBatch rocks;
  for (const auto& entry : batch.rep_->entries) {
    rocksdb::Status status;
    switch (entry.kind) {
      case WriteBatch::Rep::Entry::kPut:
        status = rocks.Put(rep_->handle(entry.family), entry.key, entry.value);
        break;
      case WriteBatch::Rep::Entry::kRemove:
        status = rocks.Delete(rep_->handle(entry.family), entry.key);
        break;
      case WriteBatch::Rep::Entry::kRemoveRange:
        status = rocks.DeleteRange(rep_->handle(entry.family), entry.key, entry.value);
        break;
    }
    if (!status.ok()) return fail_with(status, "building a batch");
  }
  rocksdb::WriteOptions options;
  options.sync = sync;
  if (const auto status = rep_->db->Write(options, &rocks); !status.ok()) return fail_with(status, "a write");
  return {};
}

std::unique_ptr<DatabaseSnapshot> Database::snapshot() const { return std::make_unique<RocksSnapshot>(*rep_->db); }

}  // namespace selvage::ledger
