#include "ledger/private/purge.h"

#include <map>
#include <optional>

#include "crypto/hash.h"
#include "ledger/private/private_keys.h"
#include "ledger/rocks_database.h"
#include "ledger/rwset/kvrwset/kv_rwset.pb.h"
#include "ledger/state/state_store.h"
#include "ledger/state/update_batch.h"
#include "wire/fields.h"
#include "wire/marshal.h"

namespace selvage::ledger {
namespace {

// 'h' <channel> 0 <chaincode> <collection> <key's hash> <block> <transaction>, the texts with their lengths -> nothing.
Bytes notes_of(const std::string& channel, const std::string& ns, const std::string& collection, BytesView key_hash) {
  Bytes out = "h" + channel;
  out.push_back('\0');
  for (BytesView text : {BytesView(ns), BytesView(collection), key_hash}) {
    wire::append_varint(out, text.size());
    out.append(text);
  }
  return out;
}

// The set without its writes of the key; which key it is.
std::optional<std::string> take_writes(::kvrwset::KVRWSet& set, BytesView key_hash) {
  std::optional<std::string> key;
  auto& writes = *set.mutable_writes();
  for (int i = writes.size() - 1; i >= 0; --i) {
    if (crypto::sha256(writes[i].key()) != key_hash) continue;
    key = writes[i].key();
    writes.DeleteSubrange(i, 1);
  }
  auto& metadata = *set.mutable_metadata_writes();
  for (int i = metadata.size() - 1; i >= 0; --i) {
    if (crypto::sha256(metadata[i].key()) == key_hash) metadata.DeleteSubrange(i, 1);
  }
  return key;
}

}  // namespace

Status add_purge_notes(const std::string& channel, uint64_t block, const PrivateWrite& write, WriteBatch& batch) {
  SELVAGE_TRY(const auto set, wire::parse<::kvrwset::KVRWSet>(write.rw_set));
  for (const auto& one : set.writes()) {
    Bytes note = notes_of(channel, write.ns, write.collection, crypto::sha256(one.key()));
    append_big_endian(block, note);
    append_big_endian(write.transaction, note);
    batch.put(Family::kPrivate, note, "");
  }
  return {};
}

Status add_purges(const Database& database, const std::string& channel, const UpdateBatch& updates, WriteBatch& batch) {
  std::map<Bytes, ::kvrwset::KVRWSet> trimmed;  // by their keys in the private store; several purges may touch one
  UpdateBatch gone;
  for (const auto& purge : updates.purges) {
    const Bytes prefix = notes_of(channel, purge.ns, purge.collection, purge.key_hash);
    const auto notes = database.range(Family::kPrivate, prefix, after_prefix(prefix));
    while (notes->next()) {
      const BytesView place = notes->key().substr(prefix.size());
      if (place.size() != 16) return fail(Code::kDataLoss, "private data database: malformed purge note");
      const Version version{read_big_endian(place.substr(0, 8)), read_big_endian(place.substr(8))};
      if (std::pair(version.block, version.transaction) >= std::pair(purge.version.block, purge.version.transaction)) break;
      batch.remove(Family::kPrivate, notes->key());
      const Bytes at = private_entry_key('d', channel, version.block, version.transaction, purge.ns, purge.collection);
      auto found = trimmed.find(at);
      if (found == trimmed.end()) {
        SELVAGE_TRY(const auto stored, database.get(Family::kPrivate, at));
        if (!stored) continue;  // its blocks were over
        SELVAGE_TRY(auto set, wire::parse<::kvrwset::KVRWSet>(*stored));
        found = trimmed.emplace(at, std::move(set)).first;
      }
      const auto key = take_writes(found->second, purge.key_hash);
      const auto written = updates.private_updates.find({purge.ns, purge.collection});
      if (key && (written == updates.private_updates.end() || !written->second.contains(*key))) {
        gone.private_updates[{purge.ns, purge.collection}][*key] = Update{std::nullopt, {}, purge.version};
      }
    }
    SELVAGE_CHECK(notes->status());
  }
  for (const auto& [at, set] : trimmed) batch.put(Family::kPrivate, at, wire::marshal(set));
  add_state_updates(channel, gone, batch);
  return {};
}

}  // namespace selvage::ledger
