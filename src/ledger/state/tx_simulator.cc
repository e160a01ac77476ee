#include "ledger/state/tx_simulator.h"

#include <fmt/format.h>

#include "crypto/hash.h"
#include "ledger/rwset/kvrwset/kv_rwset.pb.h"

namespace selvage::ledger {

// What is to be recorded of one range query, filled while its iterator is read.
struct TxSimulator::RangeRecord {
  std::string ns;
  std::string start;
  std::string end;       // as asked for
  std::string last_key;  // read so far
  bool exhausted = false;
  RangeReads reads;
};

// Records what it gives when it has a record (public state); ends after `page_size` results when that is not 0.
class TxSimulator::RangeIterator final : public ResultIterator {
 public:
  RangeIterator(std::string ns, std::shared_ptr<const StateView> view, std::unique_ptr<StateRange> range,
                std::shared_ptr<RangeRecord> record, uint32_t page_size)
      : ns_(std::move(ns)), view_(std::move(view)), range_(std::move(range)), record_(std::move(record)),
        page_size_(page_size) {}

  [[nodiscard]] Result<std::optional<KeyValue>> next() override {
    std::optional<StateEntry> entry;
    if (page_size_ == 0 || given_ < page_size_) {
      SELVAGE_TRY(entry, range_->next());
    }
    if (!entry) {
      // Fabric quirk: core/ledger/kvledger/txmgmt/txmgr/query_executor.go: the end of a page counts as the end of the
      // whole range.
      if (record_) record_->exhausted = true;
      return std::optional<KeyValue>();
    }
    ++given_;
    if (record_) {
      record_->reads.add(entry->key, entry->value.version);
      record_->last_key = entry->key;
    }
    return std::optional<KeyValue>(KeyValue{ns_, std::move(entry->key), std::move(entry->value.value)});
  }

  [[nodiscard]] std::string bookmark() const override {
    if (page_size_ == 0) return "";
    auto entry = range_->next();
    return entry && *entry ? (*entry)->key : "";
  }

 private:
  std::string ns_;
  std::shared_ptr<const StateView> view_;
  std::unique_ptr<StateRange> range_;
  std::shared_ptr<RangeRecord> record_;
  uint32_t page_size_;
  uint32_t given_ = 0;
};

TxSimulator::TxSimulator(std::string tx_id, std::shared_ptr<const StateView> view, CollectionCheck check)
    : tx_id_(std::move(tx_id)), view_(std::move(view)), check_(std::move(check)) {}

TxSimulator::~TxSimulator() = default;

Status TxSimulator::check_collection(const std::string& ns, const std::string& collection) const {
  return check_ ? check_(ns, collection) : Status();
}

Result<std::optional<Bytes>> TxSimulator::get_state(const std::string& ns, const std::string& key) {
  SELVAGE_TRY(auto found, view_->get(ns, key));
  builder_.add_read(ns, key, found ? std::optional(found->version) : std::nullopt);
  return found ? std::optional<Bytes>(std::move(found->value)) : std::nullopt;
}

Result<std::vector<std::optional<Bytes>>> TxSimulator::get_states(const std::string& ns,
                                                                  const std::vector<std::string>& keys) {
  SELVAGE_TRY(auto found, view_->get_many(ns, keys));
  std::vector<std::optional<Bytes>> values(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    builder_.add_read(ns, keys[i], found[i] ? std::optional(found[i]->version) : std::nullopt);
    if (found[i]) values[i] = std::move(found[i]->value);
  }
  return values;
}

Result<Metadata> TxSimulator::get_state_metadata(const std::string& ns, const std::string& key) {
  SELVAGE_TRY(const auto found, view_->get(ns, key));
  builder_.add_read(ns, key, found ? std::optional(found->version) : std::nullopt);
  return parse_metadata(found ? BytesView(found->metadata) : BytesView());
}

Result<std::unique_ptr<ResultIterator>> TxSimulator::get_state_range(const std::string& ns, const std::string& start,
                                                                     const std::string& end, uint32_t page_size) {
  if (page_size > 0) {
    if (wrote_) {
      return fail(Code::kFailedPrecondition,
                  fmt::format("txid [{}]: unsuppored transaction. Paginated queries are supported only in a read-only "
                              "transaction",
                              tx_id_));
    }
    paginated_ = true;
  }
  SELVAGE_TRY(auto range, view_->range(ns, start, end));
  auto record = std::make_shared<RangeRecord>();
  record->ns = ns;
  record->start = start;
  record->end = end;
  ranges_.push_back(record);
  return std::unique_ptr<ResultIterator>(
      std::make_unique<RangeIterator>(ns, view_, std::move(range), std::move(record), page_size));
}

Result<std::optional<Bytes>> TxSimulator::get_private_data(const std::string& ns, const std::string& collection,
                                                           const std::string& key) {
  SELVAGE_CHECK(check_collection(ns, collection));
  SELVAGE_TRY(auto found, view_->get(private_namespace(ns, collection), key));
  SELVAGE_TRY(const auto hashed, view_->get(hash_namespace(ns, collection), crypto::sha256(key)));
  const auto version = found ? std::optional(found->version) : std::nullopt;
  const auto hash_version = hashed ? std::optional(hashed->version) : std::nullopt;
  if (version != hash_version) {
    return fail(Code::kFailedPrecondition,
                fmt::format("private data matching public hash version is not available. Public hash version = {}, "
                            "Private data version = {}",
                            to_string(hash_version), to_string(version)));
  }
  builder_.add_hashed_read(ns, collection, key, version);
  private_reads_.emplace(ns, collection);
  return found ? std::optional<Bytes>(std::move(found->value)) : std::nullopt;
}

Result<std::vector<std::optional<Bytes>>> TxSimulator::get_private_data_many(const std::string& ns,
                                                                             const std::string& collection,
                                                                             const std::vector<std::string>& keys) {
  SELVAGE_CHECK(check_collection(ns, collection));
  SELVAGE_TRY(auto found, view_->get_many(private_namespace(ns, collection), keys));
  std::vector<std::optional<Bytes>> values(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    builder_.add_hashed_read(ns, collection, keys[i], found[i] ? std::optional(found[i]->version) : std::nullopt);
    private_reads_.emplace(ns, collection);
    if (found[i]) values[i] = std::move(found[i]->value);
  }
  return values;
}

Result<std::optional<Bytes>> TxSimulator::get_private_data_hash(const std::string& ns, const std::string& collection,
                                                                const std::string& key) {
  SELVAGE_CHECK(check_collection(ns, collection));
  SELVAGE_TRY(auto found, view_->get(hash_namespace(ns, collection), crypto::sha256(key)));
  builder_.add_hashed_read(ns, collection, key, found ? std::optional(found->version) : std::nullopt);
  return found ? std::optional<Bytes>(std::move(found->value)) : std::nullopt;
}

Result<Metadata> TxSimulator::get_private_data_metadata(const std::string& ns, const std::string& collection,
                                                        const std::string& key) {
  SELVAGE_CHECK(check_collection(ns, collection));
  SELVAGE_TRY(const auto found, view_->get(hash_namespace(ns, collection), crypto::sha256(key)));
  builder_.add_hashed_read(ns, collection, key, found ? std::optional(found->version) : std::nullopt);
  return parse_metadata(found ? BytesView(found->metadata) : BytesView());
}

Result<std::unique_ptr<ResultIterator>> TxSimulator::get_private_data_range(const std::string& ns,
                                                                            const std::string& collection,
                                                                            const std::string& start,
                                                                            const std::string& end) {
  if (wrote_) {
    return fail(Code::kFailedPrecondition,
                fmt::format("txid [{}]: unsuppored transaction. Queries on pvt data is supported only in a read-only "
                            "transaction",
                            tx_id_));
  }
  queried_private_ = true;
  SELVAGE_CHECK(check_collection(ns, collection));
  SELVAGE_TRY(auto range, view_->range(private_namespace(ns, collection), start, end));
  return std::unique_ptr<ResultIterator>(std::make_unique<RangeIterator>(ns, view_, std::move(range), nullptr, 0));
}

Status TxSimulator::check_write(const std::string& key) {
  if (queried_private_) {
    return fail(Code::kFailedPrecondition,
                fmt::format("txid [{}]: unsuppored transaction. Transaction has already performed queries on pvt data. "
                            "Writes are not allowed",
                            tx_id_));
  }
  if (paginated_) {
    return fail(Code::kFailedPrecondition,
                fmt::format("txid [{}]: unsuppored transaction. Transaction has already performed a paginated query. "
                            "Writes are not allowed",
                            tx_id_));
  }
  wrote_ = true;
  return {};
}

Status TxSimulator::set_state(const std::string& ns, const std::string& key, Bytes value) {
  SELVAGE_CHECK(check_write(key));
  // An empty value is a deletion, as Go's nil slice and an absent protobuf field are one.
  builder_.add_write(ns, key, value.empty() ? std::nullopt : std::optional<Bytes>(std::move(value)));
  return {};
}

Status TxSimulator::delete_state(const std::string& ns, const std::string& key) { return set_state(ns, key, {}); }

Status TxSimulator::set_state_metadata(const std::string& ns, const std::string& key, const Metadata& metadata) {
  SELVAGE_CHECK(check_write(key));
  builder_.add_metadata_write(ns, key, metadata);
  return {};
}

Status TxSimulator::delete_state_metadata(const std::string& ns, const std::string& key) {
  return set_state_metadata(ns, key, {});
}

Status TxSimulator::set_private_data(const std::string& ns, const std::string& collection, const std::string& key,
                                     Bytes value) {
  SELVAGE_CHECK(check_collection(ns, collection));
  SELVAGE_CHECK(check_write(key));
  builder_.add_private_write(ns, collection, key, value.empty() ? std::nullopt : std::optional<Bytes>(std::move(value)));
  return {};
}

Status TxSimulator::delete_private_data(const std::string& ns, const std::string& collection, const std::string& key) {
  return set_private_data(ns, collection, key, {});
}

Status TxSimulator::purge_private_data(const std::string& ns, const std::string& collection, const std::string& key) {
  SELVAGE_CHECK(check_collection(ns, collection));
  SELVAGE_CHECK(check_write(key));
  builder_.add_private_purge(ns, collection, key);
  return {};
}

Status TxSimulator::set_private_data_metadata(const std::string& ns, const std::string& collection,
                                              const std::string& key, const Metadata& metadata) {
  SELVAGE_CHECK(check_collection(ns, collection));
  SELVAGE_CHECK(check_write(key));
  builder_.add_hashed_metadata_write(ns, collection, key, metadata);
  return {};
}

Result<SimulationResults> TxSimulator::results() {
  if (finished_) {
    return fail(Code::kFailedPrecondition,
                "this function should only be called once on a transaction simulator instance");
  }
  finished_ = true;
  for (const auto& record : ranges_) {
    ::kvrwset::RangeQueryInfo query;
    query.set_start_key(record->start);
    // Up to where it was really read; the range as asked for only when the caller saw its end.
    query.set_end_key(record->exhausted ? record->end : record->last_key);
    query.set_itr_exhausted(record->exhausted);
    record->reads.finish();
    record->reads.put_into(query);
    builder_.add_range_query(record->ns, std::move(query));
  }
  SimulationResults results = builder_.build();
  results.private_reads.assign(private_reads_.begin(), private_reads_.end());
  return results;
}

}  // namespace selvage::ledger
