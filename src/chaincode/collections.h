// Private data collections while a transaction runs: does the chaincode have the collection, and may the caller use it.
//
// Fabric quirk: both questions read the chaincode's definition through the transaction's own simulator
// (txmgr/collection_val.go, privdata/store.go), so every private call adds `_lifecycle` reads to the read set.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/result.h"
#include "chaincode/transaction.h"
#include "lifecycle/state_reader.h"

namespace selvage::chaincode {

// A simulator of the ledger's newest state that knows which collections there are. `bundle` is the channel's now.
[[nodiscard]] std::unique_ptr<ledger::TxSimulator> new_simulator(const ledger::Ledger& ledger,
                                                                 std::shared_ptr<const channel::Bundle> bundle,
                                                                 const std::string& txid);

// Public state of one namespace, read through a simulator and so recorded. Borrows the simulator.
class SimulatorState final : public lifecycle::StateReader {
 public:
  SimulatorState(ledger::TxSimulator& simulator, std::string ns) : simulator_(simulator), ns_(std::move(ns)) {}
  [[nodiscard]] Result<std::optional<Bytes>> get(std::string_view key) const override;

 private:
  ledger::TxSimulator& simulator_;
  std::string ns_;
};

struct CollectionPermission {
  bool read = false;
  bool write = false;
};

// memberOnlyRead and memberOnlyWrite of the collection's configuration, for the transaction's creator. Remembers the
// answer for the length of one chaincode execution. One thread.
class CollectionAccess {
 public:
  CollectionAccess(const Transaction& transaction, std::string chaincode)
      : transaction_(transaction), chaincode_(std::move(chaincode)) {}
  // Errors: "tx creator does not have read access permission on privatedata in chaincodeName:x collectionName: y".
  [[nodiscard]] Status check_read(const std::string& collection);
  [[nodiscard]] Status check_write(const std::string& collection);

 private:
  [[nodiscard]] Result<CollectionPermission> permission(const std::string& collection);

  const Transaction& transaction_;
  std::string chaincode_;
  std::map<std::string, CollectionPermission> known_;
};

}  // namespace selvage::chaincode
