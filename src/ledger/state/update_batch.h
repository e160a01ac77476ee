// The writes of a block's valid transactions, collected in order: what MVCC checks later transactions of the block
// against, what the state store applies, what history records and what the commit hash covers. Pure.
//
// Fabric quirk: core/ledger/kvledger/txmgmt/validation/{batch_preparer,tx_ops}.go
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "ledger/state/rw_set.h"
#include "ledger/state/state_view.h"
#include "ledger/state/version.h"

namespace selvage::ledger {

struct Update {
  std::optional<Bytes> value;  // none: deleted
  Bytes metadata;
  Version version;
};

struct HistoryEntry {
  std::string ns;
  std::string key;
  uint64_t transaction;
};

struct UpdateBatch {
  using Keys = std::map<std::string, Update, std::less<>>;
  using Collections = std::map<std::pair<std::string, std::string>, Keys>;  // (chaincode, collection)
  struct HashPurge {
    std::string ns, collection;
    Bytes key_hash;
    Version version;
  };

  std::map<std::string, Keys, std::less<>> public_updates;  // namespace -> key
  Collections hashed_updates;                               // keys are SHA-256 of the key
  Collections private_updates;
  std::vector<HashPurge> purges;
  std::vector<HistoryEntry> history;
  std::set<std::tuple<std::string, std::string, std::string>> private_metadata_writes;  // chaincode, collection, key

  [[nodiscard]] const Update* find_public(std::string_view ns, std::string_view key) const;
  [[nodiscard]] const Update* find_hashed(const std::string& ns, const std::string& collection,
                                          std::string_view key_hash) const;
};

// Adds the public and hashed writes of one valid transaction. A write of metadata alone keeps the value that the batch or
// else `view` has (and is dropped when there is none); a write of a value alone keeps the metadata.
Status apply_tx_rw_set(const TxRwSet& rw_set, const Version& version, const StateView& view, UpdateBatch& batch);

// Adds one collection's private writes of one valid transaction. `bytes` is a kvrwset.KVRWSet whose hash was compared with
// the public set. After the last one of a block comes finish_private_updates().
Status apply_private_rw_set(const std::string& ns, const std::string& collection, BytesView bytes,
                            const Version& version, UpdateBatch& batch);

// Gives private values whose metadata alone changed the version of their hash, as far as they match it.
Status finish_private_updates(const StateView& view, UpdateBatch& batch);

}  // namespace selvage::ledger
