#include "shim/stub.h"

#include "ledger/queryresult/kv_query_result.pb.h"
#include "peer/chaincode_shim.pb.h"

namespace selvage::shim {
namespace {

using Message = ::protos::ChaincodeMessage;

// A range from the empty key would begin with the composite ones; this is the first key after them.
constexpr const char* kFirstSimpleKey = "\x01";

tl::unexpected<Error> bad_answer(const char* what) {
  return fail(Code::kInternal, std::string("the peer's answer is not a ") + what);
}

SystemTime time_of(const google::protobuf::Timestamp& stamp) {
  return SystemTime(std::chrono::seconds(stamp.seconds()) + std::chrono::nanoseconds(stamp.nanos()));
}

Result<std::optional<KeyValue>> parse_item(const Bytes& bytes, KeyValue*) {
  ::queryresult::KV kv;
  if (!kv.ParseFromString(bytes)) return bad_answer("queryresult.KV");
  return std::optional(KeyValue{kv.namespace_(), kv.key(), std::move(*kv.mutable_value())});
}

Result<std::optional<KeyModification>> parse_item(const Bytes& bytes, KeyModification*) {
  ::queryresult::KeyModification change;
  if (!change.ParseFromString(bytes)) return bad_answer("queryresult.KeyModification");
  return std::optional(KeyModification{change.tx_id(), std::move(*change.mutable_value()), time_of(change.timestamp()),
                                       change.is_delete()});
}

Bytes paging(int page_size, const std::string& bookmark) {
  ::protos::QueryMetadata metadata;
  metadata.set_pagesize(page_size);
  metadata.set_bookmark(bookmark);
  return metadata.SerializeAsString();
}

}  // namespace

template <class Item>
Result<std::optional<Item>> Results<Item>::next() {
  if (place_ == page_.size()) {
    if (!more_) return std::optional<Item>();
    ::protos::QueryStateNext question;
    question.set_id(id_);
    SELVAGE_TRY(Bytes answer, ask_(Message::QUERY_STATE_NEXT, question.SerializeAsString()));
    ::protos::QueryResponse page;
    if (!page.ParseFromString(answer)) return bad_answer("QueryResponse");
    page_.clear();
    place_ = 0;
    more_ = page.has_more();
    for (auto& result : *page.mutable_results()) page_.push_back(std::move(*result.mutable_resultbytes()));
    if (page_.empty()) return std::optional<Item>();
  }
  return parse_item(page_[place_++], static_cast<Item*>(nullptr));
}

template <class Item>
Result<Results<Item>> Results<Item>::open(AskPeer ask, int question_type, Bytes question) {
  SELVAGE_TRY(Bytes answer, ask(question_type, std::move(question)));
  ::protos::QueryResponse page;
  if (!page.ParseFromString(answer)) return bad_answer("QueryResponse");
  Results results;
  results.ask_ = std::move(ask);
  results.id_ = page.id();
  results.more_ = page.has_more();
  for (auto& result : *page.mutable_results()) results.page_.push_back(std::move(*result.mutable_resultbytes()));
  return results;
}

template <class Item>
Results<Item>::~Results() {
  if (!ask_ || !more_) return;  // the peer closes a query itself when it has sent the last page
  ::protos::QueryStateClose question;
  question.set_id(id_);
  // Whether the peer could close it changes nothing for us: it forgets the query with the transaction.
  if (auto answer = ask_(Message::QUERY_STATE_CLOSE, question.SerializeAsString()); !answer) more_ = false;
}

template class Results<KeyValue>;
template class Results<KeyModification>;

Result<Results<KeyValue>> Stub::open_range(const std::string& collection, const std::string& start,
                                           const std::string& end) {
  ::protos::GetStateByRange question;
  question.set_startkey(start);
  question.set_endkey(end);
  question.set_collection(collection);
  return Results<KeyValue>::open(ask_, Message::GET_STATE_BY_RANGE, question.SerializeAsString());
}

Result<Results<KeyValue>> Stub::range(const std::string& start, const std::string& end) {
  SELVAGE_CHECK(check_simple_key(start));
  SELVAGE_CHECK(check_simple_key(end));
  return open_range("", start.empty() ? kFirstSimpleKey : start, end);
}

Result<Page> Stub::range_page(const std::string& start, const std::string& end, int page_size,
                              const std::string& bookmark) {
  SELVAGE_CHECK(check_simple_key(start));
  SELVAGE_CHECK(check_simple_key(end));
  return page_of_range(start.empty() ? kFirstSimpleKey : start, end, page_size, bookmark);
}

Result<Page> Stub::page_of_range(const std::string& start, const std::string& end, int page_size,
                                 const std::string& bookmark) {
  ::protos::GetStateByRange question;
  question.set_startkey(start);
  question.set_endkey(end);
  question.set_metadata(paging(page_size, bookmark));
  return open_page(Message::GET_STATE_BY_RANGE, question.SerializeAsString());
}

Result<Page> Stub::open_page(int type, Bytes question) {
  SELVAGE_TRY(Bytes answer, ask_(type, std::move(question)));
  ::protos::QueryResponse response;
  ::protos::QueryResponseMetadata told;
  if (!response.ParseFromString(answer) || !told.ParseFromString(response.metadata())) {
    return bad_answer("QueryResponse with its metadata");
  }
  Page page;
  page.bookmark = told.bookmark();
  for (const auto& result : response.results()) {
    SELVAGE_TRY(std::optional<KeyValue> item, parse_item(result.resultbytes(), static_cast<KeyValue*>(nullptr)));
    page.items.push_back(std::move(*item));
  }
  return page;
}

Result<Results<KeyValue>> Stub::composite_range(const std::string& object_type,
                                                const std::vector<std::string>& attributes) {
  SELVAGE_TRY(auto keys, composite_key_range(object_type, attributes));
  return open_range("", keys.first, keys.second);
}

Result<Page> Stub::composite_page(const std::string& object_type, const std::vector<std::string>& attributes, int page_size,
                                  const std::string& bookmark) {
  SELVAGE_TRY(auto keys, composite_key_range(object_type, attributes));
  return page_of_range(keys.first, keys.second, page_size, bookmark);
}

Result<Page> Stub::all_composite_page(int page_size, const std::string& bookmark) {
  const auto [first, last] = all_composite_keys();
  return page_of_range(first, last, page_size, bookmark);
}

Result<Page> Stub::query_page(const std::string& rich_query, int page_size, const std::string& bookmark) {
  ::protos::GetQueryResult question;
  question.set_query(rich_query);
  question.set_metadata(paging(page_size, bookmark));
  return open_page(Message::GET_QUERY_RESULT, question.SerializeAsString());
}

Result<Results<KeyValue>> Stub::query(const std::string& rich_query) {
  ::protos::GetQueryResult question;
  question.set_query(rich_query);
  return Results<KeyValue>::open(ask_, Message::GET_QUERY_RESULT, question.SerializeAsString());
}

Result<Results<KeyModification>> Stub::history(const std::string& key) {
  ::protos::GetHistoryForKey question;
  question.set_key(key);
  return Results<KeyModification>::open(ask_, Message::GET_HISTORY_FOR_KEY, question.SerializeAsString());
}

}  // namespace selvage::shim
