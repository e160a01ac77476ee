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

// <kind> <channel> 0 <chaincode> <collection> <key's hash>, the texts with their lengths.
// 'h', then <block> <transaction> -> nothing: a private set that has the key. 'p' -> block and transaction of its last purge.
Bytes key_of(char kind, const std::string& channel, const std::string& ns, const std::string& collection, BytesView key_hash) {
  Bytes out = kind + channel;
  out.push_back('\0');
  for (BytesView text : {BytesView(ns), BytesView(collection), key_hash}) {
    wire::append_varint(out, text.size());
    out.append(text);
  }
  return out;
}

Bytes encode_place(const Version& version) {
  Bytes out;
  append_big_endian(version.block, out);
  append_big_endian(version.transaction, out);
  return out;
}

Result<Version> parse_place(BytesView bytes) {
  if (bytes.size() != 16) return fail(Code::kDataLoss, "private data database: malformed purge note");
  return Version{read_big_endian(bytes.substr(0, 8)), read_big_endian(bytes.substr(8))};
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
    const Bytes notes = key_of('h', channel, write.ns, write.collection, crypto::sha256(one.key()));
    batch.put(Family::kPrivate, notes + encode_place({block, write.transaction}), "");
  }
  return {};
}

Status add_purges(const Database& database, const std::string& channel, const UpdateBatch& updates, WriteBatch& batch) {
  std::map<Bytes, ::kvrwset::KVRWSet> trimmed;  // by their keys in the private store; several purges may touch one
  UpdateBatch gone;
  for (const auto& purge : updates.purges) {
    batch.put(Family::kPrivate, key_of('p', channel, purge.ns, purge.collection, purge.key_hash), encode_place(purge.version));
    const Bytes prefix = key_of('h', channel, purge.ns, purge.collection, purge.key_hash);
    const auto notes = database.range(Family::kPrivate, prefix, after_prefix(prefix));
    while (notes->next()) {
      SELVAGE_TRY(const Version version, parse_place(notes->key().substr(prefix.size())));
      if (version >= purge.version) break;
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

Result<Bytes> unpurged_part(const Database& database, const std::string& channel, const std::string& ns,
                            const CollectionRwSet& promise, const Version& version, const Bytes& rw_set) {
  std::map<std::string_view, const ::kvrwset::KVWriteHash*> wanted;  // by the key's hash: what was not purged
  for (const auto& write : promise.hashed->hashed_writes()) {
    SELVAGE_TRY(const auto purged, database.get(Family::kPrivate, key_of('p', channel, ns, promise.collection, write.key_hash())));
    if (purged) {
      SELVAGE_TRY(const Version purge, parse_place(*purged));
      if (version <= purge) continue;
    }
    wanted[write.key_hash()] = &write;
  }
  if (wanted.empty()) return Bytes();  // nothing is left of it, whatever came

  SELVAGE_TRY(auto set, wire::parse<::kvrwset::KVRWSet>(rw_set));
  const int promised = promise.hashed->hashed_writes_size();
  if (wanted.size() == static_cast<size_t>(promised) && set.writes_size() == promised) {
    if (crypto::sha256(rw_set) == promise.private_rw_set_hash) return rw_set;
    return fail(Code::kInvalidArgument, "Hash mismatched");
  }
  ::kvrwset::KVRWSet kept;
  for (auto& write : *set.mutable_writes()) {
    const auto found = wanted.find(crypto::sha256(write.key()));
    if (found == wanted.end()) continue;
    const bool as_promised = found->second->is_delete() ? write.is_delete()
                                                        : found->second->value_hash() == crypto::sha256(write.value());
    if (!as_promised) return fail(Code::kInvalidArgument, "Hash mismatched");
    wanted.erase(found);
    kept.add_writes()->Swap(&write);
  }
  if (!wanted.empty()) return fail(Code::kInvalidArgument, "Only subset of expected keys present");
  return wire::marshal(kept);
}

}  // namespace selvage::ledger
