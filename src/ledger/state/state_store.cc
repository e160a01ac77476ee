#include "ledger/state/state_store.h"

#include "ledger/rocks_database.h"
#include "ledger/state/update_batch.h"
#include "wire/fields.h"

namespace selvage::ledger {
namespace {

// <channel> 0 <namespace> 0 <key>; neither of the first two can hold a zero byte.
Bytes state_key(std::string_view channel, std::string_view ns, std::string_view key) {
  Bytes out;
  out.reserve(channel.size() + ns.size() + key.size() + 2);
  out.append(channel).push_back('\0');
  out.append(ns).push_back('\0');
  return out.append(key);
}

Bytes encode_value(const Update& update) {
  Bytes out = encode_version(update.version);
  wire::append_varint(out, update.metadata.size());
  out.append(update.metadata);
  return out.append(*update.value);
}

// What stands before the value, which is left in `bytes`.
Result<StateHead> take_head(BytesView& bytes) {
  const auto version = parse_version(&bytes);
  uint64_t metadata_bytes = 0;
  if (!version || !wire::take_varint(bytes, metadata_bytes) || metadata_bytes > bytes.size()) {
    return fail(Code::kDataLoss, "state database: malformed value");
  }
  StateHead head{Bytes(bytes.substr(0, metadata_bytes)), *version};
  bytes.remove_prefix(metadata_bytes);
  return head;
}

Result<StateValue> parse_value(BytesView bytes) {
  SELVAGE_TRY(auto head, take_head(bytes));
  return StateValue{Bytes(bytes), std::move(head.metadata), head.version};
}

Result<std::optional<StateValue>> parse_optional(const std::optional<Bytes>& bytes) {
  if (!bytes) return std::optional<StateValue>();
  SELVAGE_TRY(auto value, parse_value(*bytes));
  return std::optional<StateValue>(std::move(value));
}

class RocksRange final : public StateRange {
 public:
  RocksRange(std::unique_ptr<DatabaseIterator> iterator, size_t prefix_bytes)
      : iterator_(std::move(iterator)), prefix_bytes_(prefix_bytes) {}
  [[nodiscard]] Result<std::optional<StateEntry>> next() override {
    if (!iterator_->next()) {
      SELVAGE_CHECK(iterator_->status());
      return std::optional<StateEntry>();
    }
    SELVAGE_TRY(auto value, parse_value(iterator_->value()));
    return std::optional<StateEntry>(StateEntry{std::string(iterator_->key().substr(prefix_bytes_)), std::move(value)});
  }

 private:
  std::unique_ptr<DatabaseIterator> iterator_;
  size_t prefix_bytes_;
};

class RocksStateView final : public StateView {
 public:
  RocksStateView(const Database& database, std::string channel, uint64_t height)
      : database_(database), snapshot_(database.snapshot()), channel_(std::move(channel)), height_(height) {}

  [[nodiscard]] Result<std::optional<StateValue>> get(std::string_view ns, std::string_view key) const override {
    SELVAGE_TRY(const auto bytes, database_.get(Family::kState, state_key(channel_, ns, key), snapshot_.get()));
    return parse_optional(bytes);
  }

  [[nodiscard]] Result<std::vector<std::optional<StateValue>>> get_many(
      std::string_view ns, const std::vector<std::string>& keys) const override {
    std::vector<Bytes> full;
    full.reserve(keys.size());
    for (const auto& key : keys) full.push_back(state_key(channel_, ns, key));
    SELVAGE_TRY(const auto found, database_.get_many(Family::kState, full, snapshot_.get()));
    std::vector<std::optional<StateValue>> values;
    values.reserve(found.size());
    for (const auto& bytes : found) {
      SELVAGE_TRY(auto value, parse_optional(bytes));
      values.push_back(std::move(value));
    }
    return values;
  }

  [[nodiscard]] Result<std::vector<std::optional<StateHead>>> heads(
      std::string_view ns, std::span<const std::string_view> keys) const override {
    std::vector<Bytes> full;
    full.reserve(keys.size());
    for (const std::string_view key : keys) full.push_back(state_key(channel_, ns, key));
    std::vector<std::optional<StateHead>> found(keys.size());
    SELVAGE_CHECK(database_.get_ascending(Family::kState, full, snapshot_.get(), [&](size_t at, BytesView value) -> Status {
      SELVAGE_TRY(found[at], take_head(value));
      return {};
    }));
    return found;
  }

  [[nodiscard]] Result<std::unique_ptr<StateRange>> range(std::string_view ns, std::string_view start,
                                                          std::string_view end) const override {
    const Bytes first = state_key(channel_, ns, start);
    const Bytes prefix = state_key(channel_, ns, "");
    const Bytes last = end.empty() ? after_prefix(prefix) : state_key(channel_, ns, end);
    // RocksDB refuses nothing when start lies behind end, but asserts on it in debug builds.
    return std::unique_ptr<StateRange>(std::make_unique<RocksRange>(
        database_.range(Family::kState, std::min(first, last), last, snapshot_.get()), prefix.size()));
  }

  [[nodiscard]] uint64_t height() const override { return height_; }

 private:
  const Database& database_;
  std::unique_ptr<DatabaseSnapshot> snapshot_;
  std::string channel_;
  uint64_t height_;
};

void add(const std::string& channel, const std::string& ns, const UpdateBatch::Keys& keys, WriteBatch& batch) {
  for (const auto& [key, update] : keys) {
    if (update.value) {
      batch.put(Family::kState, state_key(channel, ns, key), encode_value(update));
    } else {
      batch.remove(Family::kState, state_key(channel, ns, key));
    }
  }
}

}  // namespace

std::unique_ptr<StateView> make_rocks_state_view(const Database& database, const std::string& channel,
                                                 uint64_t height) {
  return std::make_unique<RocksStateView>(database, channel, height);
}

void add_state_updates(const std::string& channel, const UpdateBatch& updates, WriteBatch& batch) {
  for (const auto& [ns, keys] : updates.public_updates) add(channel, ns, keys, batch);
  for (const auto& [where, keys] : updates.hashed_updates) {
    add(channel, hash_namespace(where.first, where.second), keys, batch);
  }
  for (const auto& [where, keys] : updates.private_updates) {
    add(channel, private_namespace(where.first, where.second), keys, batch);
  }
}

}  // namespace selvage::ledger
