#include "ledger/state/update_batch.h"

#include "crypto/hash.h"
#include "ledger/rwset/kvrwset/kv_rwset.pb.h"
#include "wire/marshal.h"

namespace selvage::ledger {
namespace {

// What one transaction does to one key. Fabric adds the flags up, so that a set with a key written twice gets another
// meaning ("twice upserted" is "metadata updated"); the sums decide what reaches the state and the commit hash.
// Fabric quirk: core/ledger/kvledger/txmgmt/validation/tx_ops.go
struct Operation {
  static constexpr uint8_t kUpsert = 1, kMetadataUpdate = 2, kMetadataDelete = 4, kDelete = 8;
  uint8_t flags = 0;
  Bytes value;
  Bytes metadata;

  void add(uint8_t flag) { flags = static_cast<uint8_t>(flags + flag); }
  [[nodiscard]] bool deletes() const { return flags & kDelete; }
  [[nodiscard]] bool has_value_and_metadata() const {
    return (flags & kUpsert) && (flags & (kMetadataUpdate | kMetadataDelete));
  }
  [[nodiscard]] bool only_value() const { return (flags | kUpsert) == kUpsert; }
};

using Operations = std::map<std::string, Operation, std::less<>>;

template <class MetadataWrite>
void add_metadata(const MetadataWrite& write, Operation& operation) {
  if (write.entries_size() == 0) {
    operation.add(Operation::kMetadataDelete);
    return;
  }
  ::kvrwset::KVMetadataWrite entries;
  *entries.mutable_entries() = write.entries();
  operation.add(Operation::kMetadataUpdate);
  operation.metadata = wire::marshal(entries);
}

const Update* find(const UpdateBatch::Keys& keys, std::string_view key) {
  const auto found = keys.find(key);
  return found == keys.end() ? nullptr : &found->second;
}

// `ns` is the namespace in `view`, `keys` what the block did to it so far.
Status apply(Operations& operations, const std::string& ns, const Version& version, const StateView& view,
             UpdateBatch::Keys& keys) {
  for (auto& [key, operation] : operations) {
    Update update{std::nullopt, {}, version};
    if (!operation.deletes()) {
      update.value = std::move(operation.value);
      update.metadata = std::move(operation.metadata);
      if (!operation.has_value_and_metadata()) {
        const Update* earlier = find(keys, key);
        if (earlier && operation.only_value()) {
          update.metadata = earlier->metadata;
        } else if (earlier) {
          if (!earlier->value) continue;  // metadata of a key that does not exist is dropped
          update.value = *earlier->value;
        } else if (operation.only_value()) {
          SELVAGE_TRY(auto before, view.head(ns, key));
          if (before) update.metadata = std::move(before->metadata);
        } else {
          SELVAGE_TRY(auto before, view.get(ns, key));
          if (!before) continue;
          update.value = std::move(before->value);
        }
      }
    }
    keys[key] = std::move(update);
  }
  return {};
}

}  // namespace

const Update* UpdateBatch::find_public(std::string_view ns, std::string_view key) const {
  const auto keys = public_updates.find(ns);
  return keys == public_updates.end() ? nullptr : find(keys->second, key);
}

const Update* UpdateBatch::find_hashed(const std::string& ns, const std::string& collection,
                                       std::string_view key_hash) const {
  const auto keys = hashed_updates.find({ns, collection});
  return keys == hashed_updates.end() ? nullptr : find(keys->second, key_hash);
}

Status apply_tx_rw_set(const TxRwSet& rw_set, const Version& version, const StateView& view, UpdateBatch& batch) {
  static const Bytes hash_of_nothing = crypto::sha256("");
  // Namespaces and collections may repeat in a hostile set: the operations of all are summed first.
  std::map<std::string, Operations> public_operations;
  std::map<std::pair<std::string, std::string>, Operations> hashed_operations;
  for (const auto& ns : rw_set.namespaces) {
    for (const auto& write : ns.kv->writes()) {
      Operation& operation = public_operations[ns.name][write.key()];
      if (write.is_delete() || write.value().empty()) {
        operation.add(Operation::kDelete);
      } else {
        operation.add(Operation::kUpsert);
        operation.value = write.value();
      }
      if (!ns.name.empty()) batch.history.push_back({ns.name, write.key(), version.transaction});
    }
    for (const auto& write : ns.kv->metadata_writes()) add_metadata(write, public_operations[ns.name][write.key()]);
    for (const auto& collection : ns.collections) {
      const std::pair where(ns.name, collection.collection);
      for (const auto& write : collection.hashed->hashed_writes()) {
        Operation& operation = hashed_operations[where][write.key_hash()];
        if (write.is_delete() || write.value_hash().empty() || write.value_hash() == hash_of_nothing) {
          operation.add(Operation::kDelete);
        } else {
          operation.add(Operation::kUpsert);
          operation.value = write.value_hash();
        }
        if (write.is_purge()) batch.purges.push_back({ns.name, collection.collection, write.key_hash(), version});
      }
      for (const auto& write : collection.hashed->metadata_writes()) {
        add_metadata(write, hashed_operations[where][write.key_hash()]);
      }
    }
  }
  for (auto& [ns, operations] : public_operations) {
    auto& keys = batch.public_updates[ns];
    SELVAGE_CHECK(apply(operations, ns, version, view, keys));
    if (keys.empty()) batch.public_updates.erase(ns);
  }
  for (auto& [where, operations] : hashed_operations) {
    auto& keys = batch.hashed_updates[where];
    SELVAGE_CHECK(apply(operations, hash_namespace(where.first, where.second), version, view, keys));
    if (keys.empty()) batch.hashed_updates.erase(where);
  }
  return {};
}

Status apply_private_rw_set(const std::string& ns, const std::string& collection, BytesView bytes,
                            const Version& version, UpdateBatch& batch) {
  SELVAGE_TRY(auto kv, wire::parse<::kvrwset::KVRWSet>(bytes));
  auto& keys = batch.private_updates[{ns, collection}];
  for (auto& write : *kv.mutable_writes()) {
    const bool deletes = write.is_delete() || write.value().empty();
    keys[write.key()] = Update{deletes ? std::nullopt : std::optional<Bytes>(std::move(*write.mutable_value())), {},
                               version};
  }
  for (const auto& write : kv.metadata_writes()) batch.private_metadata_writes.emplace(ns, collection, write.key());
  if (keys.empty()) batch.private_updates.erase({ns, collection});
  return {};
}

Status finish_private_updates(const StateView& view, UpdateBatch& batch) {
  for (const auto& [ns, collection, key] : batch.private_metadata_writes) {
    const Update* hashed = batch.find_hashed(ns, collection, crypto::sha256(key));
    if (!hashed || !hashed->value) continue;
    auto& keys = batch.private_updates[{ns, collection}];
    std::optional<Bytes> value;
    std::optional<Version> version;
    if (const Update* earlier = find(keys, key)) {
      value = earlier->value;
      version = earlier->version;
    } else {
      SELVAGE_TRY(auto stored, view.get(private_namespace(ns, collection), key));
      if (stored) {
        value = std::move(stored->value);
        version = stored->version;
      }
    }
    // The private value may be stale, as blocks are committed with private data missing.
    if (value && version != hashed->version && crypto::sha256(*value) == *hashed->value) {
      keys[key] = Update{std::move(value), {}, hashed->version};
    }
    if (keys.empty()) batch.private_updates.erase({ns, collection});
  }
  return {};
}

}  // namespace selvage::ledger
