#include "chaincode/session/query_rows.h"

#include "ledger/history/history.h"
#include "ledger/queryresult/kv_query_result.pb.h"
#include "ledger/state/tx_simulator.h"

namespace selvage::chaincode {
namespace {

class StateRows final : public QueryRows {
 public:
  explicit StateRows(std::unique_ptr<ledger::ResultIterator> iterator) : iterator_(std::move(iterator)) {}
  Result<std::optional<Bytes>> next() override {
    SELVAGE_TRY(auto row, iterator_->next());
    if (!row) return std::optional<Bytes>();
    queryresult::KV message;
    message.set_namespace_(std::move(row->ns));
    message.set_key(std::move(row->key));
    message.set_value(std::move(row->value));
    return std::optional<Bytes>(message.SerializeAsString());
  }
  std::string bookmark() const override { return iterator_->bookmark(); }

 private:
  std::unique_ptr<ledger::ResultIterator> iterator_;
};

class HistoryRows final : public QueryRows {
 public:
  explicit HistoryRows(std::unique_ptr<ledger::HistoryIterator> iterator) : iterator_(std::move(iterator)) {}
  Result<std::optional<Bytes>> next() override {
    SELVAGE_TRY(auto row, iterator_->next());
    if (!row) return std::optional<Bytes>();
    queryresult::KeyModification message;
    message.set_tx_id(std::move(row->tx_id));
    message.set_value(std::move(row->value));
    message.mutable_timestamp()->set_seconds(row->seconds);
    message.mutable_timestamp()->set_nanos(row->nanos);
    message.set_is_delete(row->is_delete);
    return std::optional<Bytes>(message.SerializeAsString());
  }

 private:
  std::unique_ptr<ledger::HistoryIterator> iterator_;
};

}  // namespace

std::unique_ptr<QueryRows> rows_of(std::unique_ptr<ledger::ResultIterator> iterator) {
  return std::make_unique<StateRows>(std::move(iterator));
}
std::unique_ptr<QueryRows> rows_of(std::unique_ptr<ledger::HistoryIterator> iterator) {
  return std::make_unique<HistoryRows>(std::move(iterator));
}

}  // namespace selvage::chaincode
