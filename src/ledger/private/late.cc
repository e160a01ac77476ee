#include "ledger/private/late.h"

#include "common/common.pb.h"
#include "crypto/hash.h"
#include "ledger/block_reading.h"
#include "ledger/private/private_keys.h"
#include "ledger/private/purge.h"
#include "ledger/rocks_database.h"
#include "ledger/rwset/kvrwset/kv_rwset.pb.h"
#include "ledger/state/rw_set.h"
#include "ledger/state/state_store.h"
#include "ledger/state/update_batch.h"
#include "wire/marshal.h"

namespace selvage::ledger {

std::optional<CollectionRwSet> find_promise(const ::common::Block& block, uint64_t transaction, const std::string& ns,
                                            const std::string& collection) {
  if (transaction >= static_cast<uint64_t>(block.data().data_size())) return std::nullopt;
  const auto reading = read_transaction_header(block.data().data(static_cast<int>(transaction)));
  const auto action = read_action(reading.data);
  if (!action) return std::nullopt;
  const auto rw_set = parse_tx_rw_set(action->results);
  if (!rw_set) return std::nullopt;
  for (const auto& of_ns : rw_set->namespaces) {
    if (of_ns.name != ns) continue;
    for (const auto& part : of_ns.collections) {
      if (part.collection == collection && !part.private_rw_set_hash.empty()) return part;
    }
  }
  return std::nullopt;
}

Status add_late_private_data(const std::string& channel, uint64_t block, const PrivateWrite& write,
                             const BlocksToLive& blocks_to_live, const StateView& view, WriteBatch& batch) {
  batch.remove(Family::kPrivate, private_entry_key('m', channel, block, write.transaction, write.ns, write.collection));
  batch.remove(Family::kPrivate, private_entry_key('w', channel, ~block, write.transaction, write.ns, write.collection));
  const uint64_t life = blocks_to_live ? blocks_to_live(write.ns, write.collection, view) : 0;
  const uint64_t gone_at = block + life + 1;
  const bool ends = life != 0 && gone_at > block;
  if (ends && view.height() > gone_at) return {};

  SELVAGE_TRY(const auto kv, wire::parse<::kvrwset::KVRWSet>(write.rw_set));
  batch.put(Family::kPrivate, private_entry_key('d', channel, block, write.transaction, write.ns, write.collection),
            write.rw_set);
  SELVAGE_CHECK(add_purge_notes(channel, block, write, batch));
  add_expiring_set(channel, block, write.ns, write.collection, blocks_to_live, view, batch);
  UpdateBatch late;
  auto& keys = late.private_updates[{write.ns, write.collection}];
  const Version version{block, write.transaction};
  for (const auto& one : kv.writes()) {
    const Bytes key_hash = crypto::sha256(one.key());
    SELVAGE_TRY(const auto hashed, view.get(hash_namespace(write.ns, write.collection), key_hash));
    if (one.is_delete() || one.value().empty()) {
      // An older value that the hash's deletion could not take along.
      SELVAGE_TRY(const auto old, view.get(private_namespace(write.ns, write.collection), one.key()));
      if (!hashed && old && old->version.block <= block) keys[one.key()] = Update{std::nullopt, {}, version};
      continue;
    }
    // Later transactions may have changed the key, or its metadata alone.
    if (!hashed || crypto::sha256(one.value()) != hashed->value) continue;
    keys[one.key()] = Update{one.value(), {}, hashed->version};
    if (ends) add_expiring_key(channel, gone_at, block, write.ns, write.collection, one.key(), batch);
  }
  add_state_updates(channel, late, batch);
  return {};
}

}  // namespace selvage::ledger
