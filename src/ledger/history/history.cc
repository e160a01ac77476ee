#include "ledger/history/history.h"

#include "common/common.pb.h"
#include "ledger/block_reading.h"
#include "ledger/rocks_database.h"
#include "ledger/rwset/kvrwset/kv_rwset.pb.h"
#include "ledger/state/update_batch.h"

namespace selvage::ledger {
namespace {

// <channel> 0 <namespace> 0 <length of key> <key>, then block and transaction counted down, so that the newest is first.
Bytes prefix_of(std::string_view channel, std::string_view ns, std::string_view key) {
  Bytes out;
  out.append(channel).push_back('\0');
  out.append(ns).push_back('\0');
  append_big_endian(key.size(), out);
  return out.append(key);
}

class RocksHistory final : public HistoryIterator {
 public:
  RocksHistory(const Database& database, const BlockStore& blocks, Bytes prefix, std::string ns, std::string key)
      : blocks_(blocks), iterator_(database.range(Family::kHistory, prefix, after_prefix(prefix))), ns_(std::move(ns)),
        key_(std::move(key)) {}

  [[nodiscard]] Result<std::optional<KeyModification>> next() override {
    if (!iterator_->next()) {
      SELVAGE_CHECK(iterator_->status());
      return std::optional<KeyModification>();
    }
    const BytesView place = iterator_->key().substr(iterator_->key().size() - 16);
    const uint64_t number = ~read_big_endian(place.substr(0, 8));
    const uint64_t index = ~read_big_endian(place.substr(8));
    SELVAGE_TRY(const auto block, blocks_.block(number));
    if (index >= static_cast<uint64_t>(block->data().data_size())) {
      return fail(Code::kDataLoss, "the history names a transaction that its block does not have");
    }
    const auto header = read_transaction_header(block->data().data(static_cast<int>(index)));
    SELVAGE_TRY(const auto action, read_action(header.data));
    SELVAGE_TRY(const auto rw_set, parse_tx_rw_set(action.results));
    for (const auto& ns : rw_set.namespaces) {
      if (ns.name != ns_) continue;
      for (const auto& write : ns.kv->writes()) {
        if (write.key() != key_) continue;
        KeyModification modification{std::string(header.tx_id), write.value(), header.seconds, header.nanos,
                                     write.is_delete() || write.value().empty()};
        return std::optional<KeyModification>(std::move(modification));
      }
    }
    return fail(Code::kDataLoss, "the history names a transaction that did not write the key");
  }

 private:
  const BlockStore& blocks_;
  std::unique_ptr<DatabaseIterator> iterator_;
  std::string ns_, key_;
};

}  // namespace

std::unique_ptr<HistoryIterator> make_history_iterator(const Database& database, const BlockStore& blocks,
                                                       const std::string& channel, const std::string& ns,
                                                       const std::string& key) {
  return std::make_unique<RocksHistory>(database, blocks, prefix_of(channel, ns, key), ns, key);
}

void add_history(const std::string& channel, uint64_t block, const UpdateBatch& updates, WriteBatch& batch) {
  for (const auto& entry : updates.history) {
    Bytes key = prefix_of(channel, entry.ns, entry.key);
    append_big_endian(~block, key);
    append_big_endian(~entry.transaction, key);
    batch.put(Family::kHistory, key, "");
  }
}

}  // namespace selvage::ledger
