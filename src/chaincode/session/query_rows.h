// Rows of a query as the shim gets them: marshalled queryresult messages, one at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace selvage::ledger {
class HistoryIterator;
class ResultIterator;
}  // namespace selvage::ledger

namespace selvage::chaincode {

// One thread; must not outlive the simulator or ledger behind it.
class QueryRows {
 public:
  virtual ~QueryRows() = default;
  [[nodiscard]] virtual Result<std::optional<Bytes>> next() = 0;
  [[nodiscard]] virtual std::string bookmark() const { return ""; }
};

// queryresult.KV
[[nodiscard]] std::unique_ptr<QueryRows> rows_of(std::unique_ptr<ledger::ResultIterator> iterator);
// queryresult.KeyModification
[[nodiscard]] std::unique_ptr<QueryRows> rows_of(std::unique_ptr<ledger::HistoryIterator> iterator);

}  // namespace selvage::chaincode
