// The transaction's simulator as the views of state that lifecycle/ works on; every read and write is recorded.
#pragma once

#include <string>

#include "chaincode/collections.h"
#include "ledger/state/tx_simulator.h"
#include "lifecycle/keys.h"
#include "lifecycle/state_reader.h"

namespace selvage::chaincode {

// All borrow the simulator.

// Public state of `_lifecycle`, written to by commit.
class PublicState final : public lifecycle::StateWriter {
 public:
  explicit PublicState(ledger::TxSimulator& simulator) : simulator_(simulator) {}
  [[nodiscard]] Result<std::optional<Bytes>> get(std::string_view key) const override;
  Status put(std::string_view key, BytesView value) override;
  Status remove(std::string_view key) override;

 private:
  ledger::TxSimulator& simulator_;
};

// The same for listing.
class PublicRange final : public lifecycle::RangeReader {
 public:
  explicit PublicRange(ledger::TxSimulator& simulator) : simulator_(simulator) {}
  [[nodiscard]] Result<std::optional<Bytes>> get(std::string_view key) const override;
  [[nodiscard]] Result<std::map<std::string, Bytes>> range(std::string_view prefix) const override;

 private:
  ledger::TxSimulator& simulator_;
};

// An implicit collection of `_lifecycle` whose data this peer has: its own organisation's.
class OrgState final : public lifecycle::StateWriter {
 public:
  OrgState(ledger::TxSimulator& simulator, std::string_view mspid)
      : simulator_(simulator), collection_(lifecycle::implicit_collection(mspid)) {}
  [[nodiscard]] Result<std::optional<Bytes>> get(std::string_view key) const override;
  Status put(std::string_view key, BytesView value) override;
  Status remove(std::string_view key) override;

 private:
  ledger::TxSimulator& simulator_;
  std::string collection_;
};

class OrgRange final : public lifecycle::RangeReader {
 public:
  OrgRange(ledger::TxSimulator& simulator, std::string_view mspid)
      : simulator_(simulator), collection_(lifecycle::implicit_collection(mspid)) {}
  [[nodiscard]] Result<std::optional<Bytes>> get(std::string_view key) const override;
  [[nodiscard]] Result<std::map<std::string, Bytes>> range(std::string_view prefix) const override;

 private:
  ledger::TxSimulator& simulator_;
  std::string collection_;
};

// Any organisation's implicit collection, by hash.
class OrgHashes final : public lifecycle::HashReader {
 public:
  OrgHashes(ledger::TxSimulator& simulator, std::string_view mspid)
      : simulator_(simulator), collection_(lifecycle::implicit_collection(mspid)) {}
  [[nodiscard]] Result<std::optional<Bytes>> get_hash(std::string_view key) const override;
  [[nodiscard]] const std::string& collection() const override { return collection_; }

 private:
  ledger::TxSimulator& simulator_;
  std::string collection_;
};

}  // namespace selvage::chaincode
