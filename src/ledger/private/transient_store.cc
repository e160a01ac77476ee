#include "ledger/private/transient_store.h"

#include "crypto/hash.h"
#include "ledger/rocks_database.h"
#include "transientstore/transientstore.pb.h"
#include "wire/marshal.h"

namespace selvage::ledger {
namespace {

// Entries: 'd' <channel> 0 <length> <tx id> <hash of the entry>; by height: 'h' <channel> 0 <height> <tx id and hash>.
Bytes channel_prefix(char kind, const std::string& channel) {
  Bytes out(1, kind);
  out.append(channel).push_back('\0');
  return out;
}

Bytes entry_suffix(const std::string& tx_id, BytesView hash) {
  Bytes out;
  append_big_endian(tx_id.size(), out);
  return out.append(tx_id).append(hash);
}

Bytes height_key(const std::string& channel, uint64_t height, BytesView suffix) {
  Bytes out = channel_prefix('h', channel);
  append_big_endian(height, out);
  return out.append(suffix);
}

}  // namespace

TransientStore::TransientStore(Database& database, std::string channel)
    : database_(database), channel_(std::move(channel)) {}

Status TransientStore::persist(const std::string& tx_id, uint64_t height, BytesView private_rw_set_with_config) {
  ::transientstore::TxPvtReadWriteSetWithConfigInfo message;
  SELVAGE_CHECK(wire::parse_into(private_rw_set_with_config, message));
  const Bytes suffix = entry_suffix(tx_id, crypto::sha256(private_rw_set_with_config));
  Bytes value;
  append_big_endian(height, value);
  value.append(private_rw_set_with_config);
  WriteBatch batch;
  batch.put(Family::kTransient, channel_prefix('d', channel_) + suffix, value);
  batch.put(Family::kTransient, height_key(channel_, height, suffix), "");
  return database_.write(batch, true);
}

Result<std::vector<TransientEntry>> TransientStore::find(const std::string& tx_id) const {
  const Bytes prefix = channel_prefix('d', channel_) + entry_suffix(tx_id, "");
  std::vector<TransientEntry> entries;
  const auto range = database_.range(Family::kTransient, prefix, after_prefix(prefix));
  while (range->next()) {
    entries.push_back({read_big_endian(range->value()), Bytes(range->value().substr(8))});
  }
  SELVAGE_CHECK(range->status());
  return entries;
}

Status TransientStore::purge(const std::vector<std::string>& tx_ids) {
  WriteBatch batch;
  for (const auto& tx_id : tx_ids) {
    const Bytes prefix = channel_prefix('d', channel_) + entry_suffix(tx_id, "");
    const auto range = database_.range(Family::kTransient, prefix, after_prefix(prefix));
    while (range->next()) {
      batch.remove(Family::kTransient, range->key());
      const BytesView suffix = range->key().substr(channel_.size() + 2);
      batch.remove(Family::kTransient, height_key(channel_, read_big_endian(range->value()), suffix));
    }
    SELVAGE_CHECK(range->status());
  }
  if (batch.empty()) return {};
  return database_.write(batch, false);
}

Status TransientStore::purge_below(uint64_t height) {
  const Bytes start = channel_prefix('h', channel_);
  WriteBatch batch;
  const auto range = database_.range(Family::kTransient, start, height_key(channel_, height, ""));
  while (range->next()) {
    batch.remove(Family::kTransient, range->key());
    batch.remove(Family::kTransient, channel_prefix('d', channel_).append(range->key().substr(start.size() + 8)));
  }
  SELVAGE_CHECK(range->status());
  if (batch.empty()) return {};
  return database_.write(batch, false);
}

Result<uint64_t> TransientStore::lowest_height() const {
  const Bytes start = channel_prefix('h', channel_);
  const auto range = database_.range(Family::kTransient, start, after_prefix(start));
  if (range->next()) return read_big_endian(range->key().substr(start.size(), 8));
  SELVAGE_CHECK(range->status());
  return fail(Code::kNotFound, "Transient store is empty");
}

}  // namespace selvage::ledger
