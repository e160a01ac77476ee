// What a chaincode may ask while it runs a transaction: state, ranges, private data, history, other chaincode.
//
// Turns one request message into its answer over the transaction's simulator; texts are Fabric's
// (core/chaincode/handler.go). Used by one thread at a time, the one that works on the transaction. The requests come from an
// outsider: everything is bounded by the simulator's own rules and by SessionSettings.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "chaincode/collections.h"
#include "chaincode/session/shim_session.h"
#include "chaincode/transaction.h"
#include "peer/chaincode_shim.pb.h"

namespace selvage::chaincode {

class Chaincodes;
class QueryRows;

class Requests {
 public:
  // All outlive it. `chaincode`: the namespace of its reads and writes. `is_init`: private data is out of reach.
  Requests(const Transaction& transaction, std::string chaincode, bool is_init, const SessionSettings& settings,
           Chaincodes* chaincodes);
  ~Requests();

  // RESPONSE, or ERROR with "<TYPE> failed: transaction ID: <txid>: <why>". All but INVOKE_CHAINCODE.
  [[nodiscard]] protos::ChaincodeMessage serve(const protos::ChaincodeMessage& request);
  // INVOKE_CHAINCODE: the other chaincode runs first. `done` runs once, within the call or later on a thread of the pool;
  // until then this object and the request must live and are not to be used.
  void call_chaincode(const protos::ChaincodeMessage& request, std::function<void(protos::ChaincodeMessage reply)> done);

 private:
  using Answer = Result<Bytes>;  // the payload of RESPONSE

  [[nodiscard]] Answer answer(const protos::ChaincodeMessage& request);
  [[nodiscard]] Answer get_state(BytesView payload);
  [[nodiscard]] Answer get_state_multiple(BytesView payload);
  [[nodiscard]] Answer get_private_data_hash(BytesView payload);
  [[nodiscard]] Answer get_state_metadata(BytesView payload);
  [[nodiscard]] Answer get_state_by_range(BytesView payload);
  [[nodiscard]] Answer get_query_result(BytesView payload);
  [[nodiscard]] Answer get_history(BytesView payload);
  [[nodiscard]] Answer query_next(BytesView payload);
  [[nodiscard]] Answer query_close(BytesView payload);
  [[nodiscard]] Status check_call(const protos::ChaincodeSpec& target) const;
  [[nodiscard]] Answer write_batch(BytesView payload);
  Status put(const std::string& collection, const std::string& key, Bytes value);
  Status remove(const std::string& collection, const std::string& key);
  Status purge(const std::string& collection, const std::string& key);
  Status put_metadata(const std::string& collection, const std::string& key, const protos::StateMetadata& metadata);
  // Refuses private data in Init, and creators that may not read or write the collection.
  Status check_read(const std::string& collection);
  Status check_write(const std::string& collection);
  [[nodiscard]] Status check_key_level_endorsement() const;
  [[nodiscard]] Status check_purge() const;
  [[nodiscard]] Answer start_query(std::unique_ptr<QueryRows> rows, int limit, bool paged);
  [[nodiscard]] Answer next_rows(const std::string& id, int limit, bool paged);

  const Transaction& transaction_;
  std::string chaincode_;
  bool is_init_;
  const SessionSettings& settings_;
  Chaincodes* chaincodes_;
  CollectionAccess access_;
  struct Query;
  std::map<std::string, std::unique_ptr<Query>> queries_;
  uint64_t last_query_ = 0;
};

}  // namespace selvage::chaincode
