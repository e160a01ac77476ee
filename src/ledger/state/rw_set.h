// A transaction's read/write set, parsed once: validation asks which namespaces it writes, MVCC checks its reads, commit
// applies its writes. Building one is rw_set_builder.h.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace kvrwset {
class KVRWSet;
class HashedRWSet;
}  // namespace kvrwset
namespace rwset {
class TxPvtReadWriteSet;
}

namespace selvage::ledger {

struct CollectionRwSet {
  std::string collection;
  std::shared_ptr<const ::kvrwset::HashedRWSet> hashed;  // never null
  Bytes private_rw_set_hash;                             // SHA-256 of the KVRWSet bytes of the private part; may be empty
};

struct NamespaceRwSet {
  std::string name;
  std::shared_ptr<const ::kvrwset::KVRWSet> kv;  // never null
  std::vector<CollectionRwSet> collections;

  // Whether it writes anything: public or hashed values or metadata.
  [[nodiscard]] bool writes() const;
};

struct TxRwSet {
  std::vector<NamespaceRwSet> namespaces;  // in the order of the bytes
};

// `bytes` of rwset.TxReadWriteSet (ChaincodeAction.results). kInvalidArgument when it or an inner message does not parse.
[[nodiscard]] Result<TxRwSet> parse_tx_rw_set(BytesView bytes);

}  // namespace selvage::ledger
