// The hash chain over what each block did to the state, kept in block metadata 4: equal on every peer of a channel.
// From block 1 on; the genesis block has none. Pure.
//
// Fabric quirk: core/ledger/kvledger/kv_ledger.go (addBlockCommitHash), txmgr/update_batch_bytes.go
#pragma once

#include "base/bytes.h"
#include "ledger/state/update_batch.h"

namespace selvage::ledger {

// SHA-256(uvarint(length of codes) codes updates previous). `codes` is the transactions filter, one byte a transaction;
// `previous` the hash of the block before, empty at block 1.
[[nodiscard]] Bytes make_commit_hash(BytesView codes, const UpdateBatch& updates, BytesView previous);
// The middle part, deterministic bytes of public and hashed updates (the namespace "" left out).
[[nodiscard]] Bytes encode_updates(const UpdateBatch& updates);

}  // namespace selvage::ledger
