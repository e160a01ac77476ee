#include "ledger/state/rw_set.h"

#include "ledger/rwset/kvrwset/kv_rwset.pb.h"
#include "ledger/rwset/rwset.pb.h"
#include "wire/marshal.h"

namespace selvage::ledger {

bool NamespaceRwSet::writes() const {
  if (kv->writes_size() > 0 || kv->metadata_writes_size() > 0) return true;
  for (const auto& collection : collections) {
    if (collection.hashed->hashed_writes_size() > 0 || collection.hashed->metadata_writes_size() > 0) return true;
  }
  return false;
}

Result<TxRwSet> parse_tx_rw_set(BytesView bytes) {
  SELVAGE_TRY(auto message, wire::parse<::rwset::TxReadWriteSet>(bytes));
  TxRwSet rw_set;
  rw_set.namespaces.reserve(static_cast<size_t>(message.ns_rwset_size()));
  for (auto& ns : *message.mutable_ns_rwset()) {
    NamespaceRwSet& made = rw_set.namespaces.emplace_back();
    made.name = std::move(*ns.mutable_namespace_());
    auto kv = std::make_shared<::kvrwset::KVRWSet>();
    SELVAGE_CHECK(wire::parse_into(ns.rwset(), *kv));
    made.kv = std::move(kv);
    for (auto& collection : *ns.mutable_collection_hashed_rwset()) {
      CollectionRwSet& hashed = made.collections.emplace_back();
      hashed.collection = std::move(*collection.mutable_collection_name());
      hashed.private_rw_set_hash = std::move(*collection.mutable_pvt_rwset_hash());
      auto parsed = std::make_shared<::kvrwset::HashedRWSet>();
      SELVAGE_CHECK(wire::parse_into(collection.hashed_rwset(), *parsed));
      hashed.hashed = std::move(parsed);
    }
  }
  return rw_set;
}

}  // namespace selvage::ledger
