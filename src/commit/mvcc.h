// Multi-version concurrency control: of the transactions that validation found good, which still stand when their reads
// are compared with the state and with the writes of earlier transactions of the block. Pure but for reads of `view`.
//
// Fabric quirk: core/ledger/kvledger/txmgmt/validation/validator.go
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "ledger/state/rw_set.h"
#include "ledger/state/state_view.h"
#include "ledger/state/update_batch.h"

namespace selvage::commit {

inline constexpr uint8_t kValid = 0;
inline constexpr uint8_t kMvccReadConflict = 11;
inline constexpr uint8_t kPhantomReadConflict = 12;
inline constexpr uint8_t kBadRwSet = 22;
inline constexpr uint8_t kNotValidated = 254;

// One transaction as MVCC sees it. Only transactions with code kValid are looked at.
struct MvccTransaction {
  uint8_t code = kNotValidated;
  std::shared_ptr<const ledger::TxRwSet> rw_set;  // null: nothing to check or write (a config transaction has its writes)
};

// Sets the codes of conflicting transactions and returns the writes of those that stay valid. An error only when `view`
// failed.
[[nodiscard]] Result<ledger::UpdateBatch> check_and_apply(uint64_t block, std::vector<MvccTransaction>& transactions,
                                                          const ledger::StateView& state);

}  // namespace selvage::commit
