// One transaction's reads and writes against a snapshot of the state: the chaincode side of the endorser calls it, the
// result is the read/write set that is signed. Nothing reaches the ledger.
//
// As in Fabric, reads never see the transaction's own writes, and each read is recorded with its version.
// One thread at a time. Errors carry Fabric's words (kInvalidArgument or kFailedPrecondition); they reach the chaincode.
//
// Fabric quirk: core/ledger/kvledger/txmgmt/txmgr/{query_executor,tx_simulator}.go
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "ledger/state/range_query.h"
#include "ledger/state/rw_set_builder.h"
#include "ledger/state/state_view.h"

namespace selvage::ledger {

struct KeyValue {
  std::string ns;
  std::string key;
  Bytes value;
};

// Results of a range query in key order. Ends when the simulator is destroyed at the latest.
class ResultIterator {
 public:
  virtual ~ResultIterator() = default;
  [[nodiscard]] virtual Result<std::optional<KeyValue>> next() = 0;
  // For a page: the key at which the next page starts, "" when there is none. Meaningful after the last next().
  [[nodiscard]] virtual std::string bookmark() const = 0;
};

class TxSimulator {
 public:
  // Whether the channel's definition of `chaincode` has `collection` (implicit ones included). An error, Fabric's
  // "collection [x] not defined in the collection config for chaincode [y]", refuses every private call. Empty: no check.
  using CollectionCheck = std::function<Status(const std::string& chaincode, const std::string& collection)>;

  TxSimulator(std::string tx_id, std::shared_ptr<const StateView> view, CollectionCheck check = {});
  ~TxSimulator();

  // nullopt: no such key.
  [[nodiscard]] Result<std::optional<Bytes>> get_state(const std::string& ns, const std::string& key);
  [[nodiscard]] Result<std::vector<std::optional<Bytes>>> get_states(const std::string& ns,
                                                                     const std::vector<std::string>& keys);
  [[nodiscard]] Result<Metadata> get_state_metadata(const std::string& ns, const std::string& key);
  // start included, end excluded; empty end: all. page_size 0: no pages; a page forbids later writes.
  [[nodiscard]] Result<std::unique_ptr<ResultIterator>> get_state_range(const std::string& ns, const std::string& start,
                                                                        const std::string& end,
                                                                        uint32_t page_size = 0);
  [[nodiscard]] Result<std::optional<Bytes>> get_private_data(const std::string& ns, const std::string& collection,
                                                              const std::string& key);
  [[nodiscard]] Result<std::vector<std::optional<Bytes>>> get_private_data_many(const std::string& ns,
                                                                                const std::string& collection,
                                                                                const std::vector<std::string>& keys);
  [[nodiscard]] Result<std::optional<Bytes>> get_private_data_hash(const std::string& ns,
                                                                   const std::string& collection,
                                                                   const std::string& key);
  [[nodiscard]] Result<Metadata> get_private_data_metadata(const std::string& ns, const std::string& collection,
                                                           const std::string& key);
  // Forbids later writes.
  [[nodiscard]] Result<std::unique_ptr<ResultIterator>> get_private_data_range(const std::string& ns,
                                                                               const std::string& collection,
                                                                               const std::string& start,
                                                                               const std::string& end);

  Status set_state(const std::string& ns, const std::string& key, Bytes value);
  Status delete_state(const std::string& ns, const std::string& key);
  Status set_state_metadata(const std::string& ns, const std::string& key, const Metadata& metadata);
  Status delete_state_metadata(const std::string& ns, const std::string& key);
  Status set_private_data(const std::string& ns, const std::string& collection, const std::string& key, Bytes value);
  Status delete_private_data(const std::string& ns, const std::string& collection, const std::string& key);
  Status purge_private_data(const std::string& ns, const std::string& collection, const std::string& key);
  Status set_private_data_metadata(const std::string& ns, const std::string& collection, const std::string& key,
                                   const Metadata& metadata);

  // Once.
  [[nodiscard]] Result<SimulationResults> results();

  [[nodiscard]] const std::string& tx_id() const { return tx_id_; }
  // For reads that must not be recorded (lifecycle, access control).
  [[nodiscard]] const std::shared_ptr<const StateView>& view() const { return view_; }

 private:
  class RangeIterator;
  struct RangeRecord;
  Status check_write(const std::string& key);
  Status check_collection(const std::string& ns, const std::string& collection) const;

  std::string tx_id_;
  std::shared_ptr<const StateView> view_;
  CollectionCheck check_;
  RwSetBuilder builder_;
  std::vector<std::shared_ptr<RangeRecord>> ranges_;  // in the order they were started
  std::set<std::pair<std::string, std::string>> private_reads_;
  bool wrote_ = false;
  bool queried_private_ = false;
  bool paginated_ = false;
  bool finished_ = false;
};

}  // namespace selvage::ledger
