#include "peer/chaincode_shim.pb.h"
#include "shim/stub.h"

namespace selvage::shim {
namespace {

using Message = ::protos::ChaincodeMessage;

constexpr const char* kFirstSimpleKey = "\x01";  // see stub_queries.cc

Status check_collection(const std::string& collection) {
  if (collection.empty()) return fail(Code::kInvalidArgument, "collection must not be an empty string");
  return {};
}

}  // namespace

Result<std::optional<Bytes>> Stub::get_private(const std::string& collection, const std::string& key) {
  SELVAGE_CHECK(check_collection(collection));
  return read(Message::GET_STATE, collection, key);
}

Result<std::vector<std::optional<Bytes>>> Stub::get_privates(const std::string& collection,
                                                             const std::vector<std::string>& keys) {
  SELVAGE_CHECK(check_collection(collection));
  return read_many(collection, keys);
}

Result<std::optional<Bytes>> Stub::get_private_hash(const std::string& collection, const std::string& key) {
  SELVAGE_CHECK(check_collection(collection));
  return read(Message::GET_PRIVATE_DATA_HASH, collection, key);
}

Status Stub::put_private(const std::string& collection, const std::string& key, Bytes value) {
  SELVAGE_CHECK(check_collection(collection));
  return write(Message::PUT_STATE, collection, key, std::move(value));
}

Status Stub::delete_private(const std::string& collection, const std::string& key) {
  SELVAGE_CHECK(check_collection(collection));
  return write(Message::DEL_STATE, collection, key, {});
}

Status Stub::purge_private(const std::string& collection, const std::string& key) {
  SELVAGE_CHECK(check_collection(collection));
  return write(Message::PURGE_PRIVATE_DATA, collection, key, {});
}

Result<Results<KeyValue>> Stub::private_range(const std::string& collection, const std::string& start,
                                              const std::string& end) {
  SELVAGE_CHECK(check_collection(collection));
  SELVAGE_CHECK(check_simple_key(start));
  SELVAGE_CHECK(check_simple_key(end));
  return open_range(collection, start.empty() ? kFirstSimpleKey : start, end);
}

Status Stub::set_private_validation_parameter(const std::string& collection, const std::string& key, Bytes policy) {
  SELVAGE_CHECK(check_collection(collection));
  return write_metadata(collection, key, std::move(policy));
}

Result<Results<KeyValue>> Stub::private_composite_range(const std::string& collection, const std::string& object_type,
                                                        const std::vector<std::string>& attributes) {
  SELVAGE_CHECK(check_collection(collection));
  SELVAGE_TRY(auto keys, composite_key_range(object_type, attributes));
  return open_range(collection, keys.first, keys.second);
}

Result<Results<KeyValue>> Stub::private_query(const std::string& collection, const std::string& rich_query) {
  SELVAGE_CHECK(check_collection(collection));
  ::protos::GetQueryResult question;
  question.set_query(rich_query);
  question.set_collection(collection);
  return Results<KeyValue>::open(ask_, Message::GET_QUERY_RESULT, question.SerializeAsString());
}

Result<std::optional<Bytes>> Stub::private_validation_parameter(const std::string& collection, const std::string& key) {
  SELVAGE_CHECK(check_collection(collection));
  return read_metadata(collection, key);
}

}  // namespace selvage::shim
