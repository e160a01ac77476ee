#include "chaincode/session/requests.h"

#include <algorithm>

#include "chaincode/chaincodes.h"
#include "chaincode/session/query_rows.h"
#include "channel/bundle.h"
#include "ledger/ledger.h"
#include "peer/chaincode.pb.h"
#include "wire/marshal.h"

namespace selvage::chaincode {
namespace {

constexpr int kRowsPerAnswer = 100;  // Fabric's QueryResponseGenerator.MaxResultLimit

template <class M>
Result<M> parse(BytesView payload) {
  M message;
  if (message.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) return message;
  return fail(Code::kInvalidArgument, std::string("unmarshal failed: ") + wire::kBadWireFormat);
}

Bytes value_or_empty(std::optional<Bytes> value) { return value ? std::move(*value) : Bytes(); }

// PageSize and bookmark of a paged query; nullopt when the query is not paged.
Result<std::optional<protos::QueryMetadata>> page_of(BytesView bytes) {
  SELVAGE_TRY(auto metadata, parse<protos::QueryMetadata>(bytes));
  if (metadata.pagesize() == 0 && metadata.bookmark().empty()) return std::optional<protos::QueryMetadata>();
  return std::optional<protos::QueryMetadata>(std::move(metadata));
}

}  // namespace

struct Requests::Query {
  std::unique_ptr<QueryRows> rows;
  std::vector<Bytes> pending;  // read but not yet sent
  int returned = 0;
};

Requests::Requests(const Transaction& transaction, std::string chaincode, bool is_init, const SessionSettings& settings,
                   Chaincodes* chaincodes)
    : transaction_(transaction),
      chaincode_(std::move(chaincode)),
      is_init_(is_init),
      settings_(settings),
      chaincodes_(chaincodes),
      access_(transaction, chaincode_) {}

Requests::~Requests() = default;

namespace {

protos::ChaincodeMessage reply_to(const protos::ChaincodeMessage& request, Result<Bytes> answered) {
  protos::ChaincodeMessage reply;
  reply.set_txid(request.txid());
  reply.set_channel_id(request.channel_id());
  if (answered) {
    reply.set_type(protos::ChaincodeMessage::RESPONSE);
    reply.set_payload(std::move(*answered));
  } else {
    reply.set_type(protos::ChaincodeMessage::ERROR);
    reply.set_payload(protos::ChaincodeMessage::Type_Name(request.type()) + " failed: transaction ID: " +
                      request.txid() + ": " + answered.error().message);
  }
  return reply;
}

}  // namespace

protos::ChaincodeMessage Requests::serve(const protos::ChaincodeMessage& request) {
  return reply_to(request, answer(request));
}

Requests::Answer Requests::answer(const protos::ChaincodeMessage& request) {
  using M = protos::ChaincodeMessage;
  BytesView payload = request.payload();
  if (!transaction_.simulator) return fail(Code::kFailedPrecondition, "no ledger context");
  auto done = [](Status status) -> Answer {
    if (!status) return fail(std::move(status).error());
    return Bytes();
  };
  switch (request.type()) {
    case M::GET_STATE: return get_state(payload);
    case M::GET_STATE_MULTIPLE: return get_state_multiple(payload);
    case M::GET_PRIVATE_DATA_HASH: return get_private_data_hash(payload);
    case M::GET_STATE_METADATA: return get_state_metadata(payload);
    case M::GET_STATE_BY_RANGE: return get_state_by_range(payload);
    case M::GET_QUERY_RESULT: return get_query_result(payload);
    case M::GET_HISTORY_FOR_KEY: return get_history(payload);
    case M::QUERY_STATE_NEXT: return query_next(payload);
    case M::QUERY_STATE_CLOSE: return query_close(payload);
    case M::WRITE_BATCH_STATE: return write_batch(payload);
    case M::PUT_STATE: {
      SELVAGE_TRY(auto write, parse<protos::PutState>(payload));
      return done(put(write.collection(), write.key(), std::move(*write.mutable_value())));
    }
    case M::DEL_STATE: {
      SELVAGE_TRY(auto write, parse<protos::DelState>(payload));
      return done(remove(write.collection(), write.key()));
    }
    case M::PURGE_PRIVATE_DATA: {
      SELVAGE_TRY(auto write, parse<protos::DelState>(payload));
      return done(purge(write.collection(), write.key()));
    }
    case M::PUT_STATE_METADATA: {
      SELVAGE_TRY(auto write, parse<protos::PutStateMetadata>(payload));
      return done(put_metadata(write.collection(), write.key(), write.metadata()));
    }
    default: return fail(Code::kInvalidArgument, "unknown request");
  }
}

Status Requests::check_read(const std::string& collection) {
  if (is_init_) return fail(Code::kFailedPrecondition, "private data APIs are not allowed in chaincode Init()");
  return access_.check_read(collection);
}

Status Requests::check_write(const std::string& collection) {
  if (is_init_) return fail(Code::kFailedPrecondition, "private data APIs are not allowed in chaincode Init()");
  return access_.check_write(collection);
}

Status Requests::check_key_level_endorsement() const {
  const auto* application = transaction_.bundle ? transaction_.bundle->application() : nullptr;
  if (!application)
    return fail(Code::kFailedPrecondition, "application config does not exist for " + transaction_.channel_id);
  if (application->capabilities.key_level_endorsement()) return {};
  return fail(Code::kFailedPrecondition,
              "key level endorsement is not enabled, channel application capability of V1_3 or later is required");
}

Status Requests::check_purge() const {
  const auto* application = transaction_.bundle ? transaction_.bundle->application() : nullptr;
  if (!application)
    return fail(Code::kFailedPrecondition, "application config does not exist for " + transaction_.channel_id);
  if (application->capabilities.purge_private_data()) return {};
  return fail(Code::kFailedPrecondition,
              "purge private data is not enabled, channel application capability of V2_5 or later is required");
}

Requests::Answer Requests::get_state(BytesView payload) {
  SELVAGE_TRY(auto get, parse<protos::GetState>(payload));
  std::optional<Bytes> value;
  if (get.collection().empty()) {
    SELVAGE_TRY(value, transaction_.simulator->get_state(chaincode_, get.key()));
  } else {
    SELVAGE_CHECK(check_read(get.collection()));
    SELVAGE_TRY(value, transaction_.simulator->get_private_data(chaincode_, get.collection(), get.key()));
  }
  return value_or_empty(std::move(value));
}

Requests::Answer Requests::get_state_multiple(BytesView payload) {
  SELVAGE_TRY(auto get, parse<protos::GetStateMultiple>(payload));
  std::vector<std::string> keys(get.keys().begin(), get.keys().end());
  std::vector<std::optional<Bytes>> values;
  if (get.collection().empty()) {
    SELVAGE_TRY(values, transaction_.simulator->get_states(chaincode_, keys));
  } else {
    SELVAGE_CHECK(check_read(get.collection()));
    SELVAGE_TRY(values, transaction_.simulator->get_private_data_many(chaincode_, get.collection(), keys));
  }
  protos::GetStateMultipleResult result;
  for (auto& value : values) result.add_values(value_or_empty(std::move(value)));
  return result.SerializeAsString();
}

Requests::Answer Requests::get_private_data_hash(BytesView payload) {
  SELVAGE_TRY(auto get, parse<protos::GetState>(payload));
  if (is_init_) return fail(Code::kFailedPrecondition, "private data APIs are not allowed in chaincode Init()");
  SELVAGE_TRY(auto hash, transaction_.simulator->get_private_data_hash(chaincode_, get.collection(), get.key()));
  return value_or_empty(std::move(hash));
}

Requests::Answer Requests::get_state_metadata(BytesView payload) {
  SELVAGE_CHECK(check_key_level_endorsement());
  SELVAGE_TRY(auto get, parse<protos::GetStateMetadata>(payload));
  ledger::Metadata metadata;
  if (get.collection().empty()) {
    SELVAGE_TRY(metadata, transaction_.simulator->get_state_metadata(chaincode_, get.key()));
  } else {
    SELVAGE_CHECK(check_read(get.collection()));
    SELVAGE_TRY(metadata, transaction_.simulator->get_private_data_metadata(chaincode_, get.collection(), get.key()));
  }
  protos::StateMetadataResult result;
  for (const auto& [key, value] : metadata) {
    auto* entry = result.add_entries();
    entry->set_metakey(key);
    entry->set_value(value);
  }
  return result.SerializeAsString();
}

Requests::Answer Requests::get_state_by_range(BytesView payload) {
  SELVAGE_TRY(auto get, parse<protos::GetStateByRange>(payload));
  SELVAGE_TRY(auto page, page_of(get.metadata()));
  int limit = settings_.total_query_limit;
  if (page && page->pagesize() > 0) limit = std::min(limit, page->pagesize());
  std::unique_ptr<ledger::ResultIterator> rows;
  bool paged = false;
  if (!get.collection().empty()) {
    SELVAGE_CHECK(check_read(get.collection()));
    SELVAGE_TRY(rows, transaction_.simulator->get_private_data_range(chaincode_, get.collection(), get.startkey(),
                                                                     get.endkey()));
  } else if (page) {
    paged = true;
    const std::string& start = page->bookmark().empty() ? get.startkey() : page->bookmark();
    SELVAGE_TRY(rows, transaction_.simulator->get_state_range(chaincode_, start, get.endkey(),
                                                              static_cast<uint32_t>(std::max(page->pagesize(), 0))));
  } else {
    SELVAGE_TRY(rows, transaction_.simulator->get_state_range(chaincode_, get.startkey(), get.endkey()));
  }
  return start_query(rows_of(std::move(rows)), limit, paged);
}

Requests::Answer Requests::get_query_result(BytesView payload) {
  SELVAGE_TRY(auto get, parse<protos::GetQueryResult>(payload));
  SELVAGE_TRY(auto page, page_of(get.metadata()));
  if (!get.collection().empty()) SELVAGE_CHECK(check_read(get.collection()));
  // Queries by content are CouchDB's; what a peer with the embedded database says.
  return fail(Code::kUnimplemented, page && get.collection().empty()
                                        ? "ExecuteQueryWithMetadata not supported for leveldb"
                                        : "ExecuteQuery not supported for leveldb");
}

Requests::Answer Requests::get_history(BytesView payload) {
  SELVAGE_TRY(auto get, parse<protos::GetHistoryForKey>(payload));
  auto rows = transaction_.ledger ? transaction_.ledger->history(chaincode_, get.key()) : nullptr;
  if (!rows) return fail(Code::kFailedPrecondition, "history database is not enabled");
  return start_query(rows_of(std::move(rows)), settings_.total_query_limit, false);
}

Requests::Answer Requests::start_query(std::unique_ptr<QueryRows> rows, int limit, bool paged) {
  std::string id = "query-" + std::to_string(++last_query_);
  auto query = std::make_unique<Query>();
  query->rows = std::move(rows);
  queries_.emplace(id, std::move(query));
  return next_rows(id, limit, paged);
}

Requests::Answer Requests::next_rows(const std::string& id, int limit, bool paged) {
  auto found = queries_.find(id);
  if (found == queries_.end()) return fail(Code::kNotFound, "query iterator not found");
  Query& query = *found->second;
  protos::QueryResponse response;
  response.set_id(id);
  auto send_pending = [&] {
    for (Bytes& row : query.pending) response.add_results()->set_resultbytes(std::move(row));
    query.pending.clear();
  };
  while (query.returned < limit) {
    auto row = query.rows->next();
    if (!row) {
      queries_.erase(found);
      return fail(std::move(row).error());
    }
    if (!*row) break;
    if (!paged && query.pending.size() == kRowsPerAnswer) {
      // Fabric looks one row ahead, so that "has more" is never an empty promise.
      send_pending();
      query.pending.push_back(std::move(**row));
      ++query.returned;
      response.set_has_more(true);
      return response.SerializeAsString();
    }
    query.pending.push_back(std::move(**row));
    ++query.returned;
  }
  send_pending();
  if (paged) {
    protos::QueryResponseMetadata metadata;
    metadata.set_fetched_records_count(query.returned);
    metadata.set_bookmark(query.rows->bookmark());
    response.set_metadata(metadata.SerializeAsString());
  }
  queries_.erase(found);
  return response.SerializeAsString();
}

Requests::Answer Requests::query_next(BytesView payload) {
  SELVAGE_TRY(auto next, parse<protos::QueryStateNext>(payload));
  return next_rows(next.id(), settings_.total_query_limit, false);
}

Requests::Answer Requests::query_close(BytesView payload) {
  SELVAGE_TRY(auto close, parse<protos::QueryStateClose>(payload));
  queries_.erase(close.id());
  protos::QueryResponse response;
  response.set_id(close.id());
  return response.SerializeAsString();
}

// Fabric quirk: without a channel only system chaincode can be called (handler.go getTxContextForInvoke).
Status Requests::check_call(const protos::ChaincodeSpec& target) const {
  if (transaction_.simulator) return {};
  const std::string name = target.chaincode_id().name().substr(0, target.chaincode_id().name().find_first_of(":/"));
  if (transaction_.channel_id.empty() && chaincodes_->is_system(name)) return {};
  return fail(Code::kFailedPrecondition, "could not get valid transaction");
}

void Requests::call_chaincode(const protos::ChaincodeMessage& request,
                              std::function<void(protos::ChaincodeMessage reply)> done) {
  auto spec = parse<protos::ChaincodeSpec>(request.payload());
  if (!spec) return done(reply_to(request, fail(std::move(spec).error())));
  if (auto allowed = check_call(*spec); !allowed) return done(reply_to(request, fail(std::move(allowed).error())));
  chaincodes_->invoke_from_chaincode(transaction_, spec->chaincode_id().name(), spec->input(),
                                     [&request, done = std::move(done)](Result<protos::ChaincodeMessage> ended) {
                                       if (!ended) return done(reply_to(request, fail(std::move(ended).error())));
                                       done(reply_to(request, ended->SerializeAsString()));
                                     });
}

Status Requests::put(const std::string& collection, const std::string& key, Bytes value) {
  if (collection.empty()) return transaction_.simulator->set_state(chaincode_, key, std::move(value));
  SELVAGE_CHECK(check_write(collection));
  return transaction_.simulator->set_private_data(chaincode_, collection, key, std::move(value));
}

Status Requests::remove(const std::string& collection, const std::string& key) {
  if (collection.empty()) return transaction_.simulator->delete_state(chaincode_, key);
  SELVAGE_CHECK(check_write(collection));
  return transaction_.simulator->delete_private_data(chaincode_, collection, key);
}

Status Requests::purge(const std::string& collection, const std::string& key) {
  SELVAGE_CHECK(check_purge());
  if (collection.empty()) return fail(Code::kInvalidArgument, "only applicable for private data");
  SELVAGE_CHECK(check_write(collection));
  return transaction_.simulator->purge_private_data(chaincode_, collection, key);
}

Status Requests::put_metadata(const std::string& collection, const std::string& key,
                              const protos::StateMetadata& metadata) {
  SELVAGE_CHECK(check_key_level_endorsement());
  ledger::Metadata entries{{metadata.metakey(), metadata.value()}};
  if (collection.empty()) return transaction_.simulator->set_state_metadata(chaincode_, key, entries);
  SELVAGE_CHECK(check_write(collection));
  return transaction_.simulator->set_private_data_metadata(chaincode_, collection, key, entries);
}

Requests::Answer Requests::write_batch(BytesView payload) {
  SELVAGE_TRY(auto batch, parse<protos::WriteBatchState>(payload));
  for (auto& record : *batch.mutable_rec()) {
    switch (record.type()) {
      case protos::WriteRecord::PUT_STATE:
        SELVAGE_CHECK(put(record.collection(), record.key(), std::move(*record.mutable_value())));
        break;
      case protos::WriteRecord::DEL_STATE: SELVAGE_CHECK(remove(record.collection(), record.key())); break;
      case protos::WriteRecord::PURGE_PRIVATE_DATA: SELVAGE_CHECK(purge(record.collection(), record.key())); break;
      case protos::WriteRecord::PUT_STATE_METADATA:
        SELVAGE_CHECK(put_metadata(record.collection(), record.key(), record.metadata()));
        break;
      default: return fail(Code::kInvalidArgument, "unknown operation type");
    }
  }
  return Bytes();
}

}  // namespace selvage::chaincode
