// The one RocksDB of a peer, with a column family for each kind of data and the channel as prefix of every key. Hides
// RocksDB's headers from the rest of the tree.
//
// Errors: kInternal with RocksDB's words in `cause`; kResourceExhausted when the disk is full. Safe from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace selvage::ledger {

enum class Family { kState, kHistory, kIndex, kPrivate, kTransient, kMeta };
inline constexpr int kFamilies = 6;

class WriteBatch {
 public:
  WriteBatch();
  ~WriteBatch();
  void put(Family family, BytesView key, BytesView value);
  void remove(Family family, BytesView key);
  // Keys with start <= key < end.
  void remove_range(Family family, BytesView start, BytesView end);
  [[nodiscard]] bool empty() const;

 private:
  friend class Database;
  struct Rep;
  std::unique_ptr<Rep> rep_;
};

// The database as of one moment.
class DatabaseSnapshot {
 public:
  virtual ~DatabaseSnapshot() = default;
};

// Ascending keys. One thread; must not outlive database and snapshot.
class DatabaseIterator {
 public:
  virtual ~DatabaseIterator() = default;
  // Moves to the next entry; false at the end or on an error, see status().
  [[nodiscard]] virtual bool next() = 0;
  [[nodiscard]] virtual BytesView key() const = 0;    // until next()
  [[nodiscard]] virtual BytesView value() const = 0;  // until next()
  [[nodiscard]] virtual Status status() const = 0;
};

class Database {
 public:
  struct Settings {
    std::string directory;
    size_t block_cache_bytes = 16u << 20;
    size_t write_buffer_bytes = 16u << 20;
  };
  [[nodiscard]] static Result<std::unique_ptr<Database>> open(const Settings& settings);
  ~Database();

  [[nodiscard]] Result<std::optional<Bytes>> get(Family family, BytesView key,
                                                 const DatabaseSnapshot* snapshot = nullptr) const;
  [[nodiscard]] Result<std::vector<std::optional<Bytes>>> get_many(Family family, const std::vector<Bytes>& keys,
                                                                   const DatabaseSnapshot* snapshot = nullptr) const;
  // The values of ascending keys, handed over one after the other and not kept: `take` is called for each key that is there,
  // with its place. An error of its ends it.
  using Take = std::function<Status(size_t at, BytesView value)>;
  Status get_ascending(Family family, const std::vector<Bytes>& keys, const DatabaseSnapshot* snapshot, const Take& take) const;
  // Keys with start <= key < end.
  [[nodiscard]] std::unique_ptr<DatabaseIterator> range(Family family, BytesView start, BytesView end,
                                                        const DatabaseSnapshot* snapshot = nullptr) const;
  // Atomic over all families. `sync`: on stable storage on return, with every write before it.
  Status write(WriteBatch& batch, bool sync);
  [[nodiscard]] std::unique_ptr<DatabaseSnapshot> snapshot() const;

  struct Rep;

 private:
  explicit Database(std::unique_ptr<Rep> rep);
  std::unique_ptr<Rep> rep_;
};

// Building of keys: numbers big-endian, so that they sort.
void append_big_endian(uint64_t number, Bytes& to);
[[nodiscard]] uint64_t read_big_endian(BytesView eight_bytes);
// The smallest key above all keys with this prefix.
[[nodiscard]] Bytes after_prefix(BytesView prefix);

}  // namespace selvage::ledger
