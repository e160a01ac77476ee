#include "shim/stub.h"

#include <algorithm>

#include "common/common.pb.h"
#include "crypto/hash.h"
#include "peer/chaincode.pb.h"
#include "peer/chaincode_shim.pb.h"
#include "peer/proposal.pb.h"
#include "peer/proposal_response.pb.h"

namespace selvage::shim {
namespace {

using Message = ::protos::ChaincodeMessage;

constexpr const char* kValidationParameter = "VALIDATION_PARAMETER";
tl::unexpected<Error> bad_answer(const char* what) {
  return fail(Code::kInternal, std::string("the peer's answer is not a ") + what);
}

std::optional<Bytes> present(Bytes value) {
  // On this wire an absent key and an empty value look the same.
  if (value.empty()) return std::nullopt;
  return value;
}

SystemTime time_of(const google::protobuf::Timestamp& stamp) {
  return SystemTime(std::chrono::seconds(stamp.seconds()) + std::chrono::nanoseconds(stamp.nanos()));
}

Status check_key(const std::string& key) {
  if (key.empty()) return fail(Code::kInvalidArgument, "key must not be an empty string");
  return {};
}

}  // namespace

// Writes gathered until finish_write_batch(). Of several writes to one key the last one counts, as in the ledger.
struct Stub::Batch {
  std::vector<::protos::WriteRecord> records;
  std::map<std::string, size_t> places;

  void add(::protos::WriteRecord record) {
    const bool metadata = record.type() == ::protos::WriteRecord::PUT_STATE_METADATA;
    std::string place = record.collection() + '\0' + record.key() + '\0' + (metadata ? "m" : "v");
    const auto [found, is_new] = places.try_emplace(std::move(place), records.size());
    if (is_new) {
      records.push_back(std::move(record));
    } else {
      records[found->second] = std::move(record);
    }
  }
};

Stub::Stub(Context context, AskPeer ask) : context_(std::move(context)), ask_(std::move(ask)) {}
Stub::~Stub() = default;

Result<std::unique_ptr<Stub>> Stub::make(Context context, AskPeer ask) {
  std::unique_ptr<Stub> stub(new Stub(std::move(context), std::move(ask)));
  if (!stub->context_.signed_proposal.empty()) SELVAGE_CHECK(stub->parse_proposal());
  return stub;
}

Status Stub::parse_proposal() {
  const auto bad = [](const char* what) { return fail(Code::kInvalidArgument, std::string("failed to extract ") + what); };
  ::protos::SignedProposal signed_proposal;
  ::protos::Proposal proposal;
  ::common::Header header;
  ::common::ChannelHeader channel;
  ::common::SignatureHeader signature;
  ::protos::ChaincodeProposalPayload payload;
  if (!signed_proposal.ParseFromString(context_.signed_proposal)) return bad("SignedProposal");
  if (!proposal.ParseFromString(signed_proposal.proposal_bytes())) return bad("Proposal from SignedProposal");
  if (!header.ParseFromString(proposal.header())) return bad("Header from Proposal");
  if (!channel.ParseFromString(header.channel_header())) return bad("ChannelHeader from Proposal");
  if (!signature.ParseFromString(header.signature_header())) return bad("SignatureHeader from Proposal");
  if (!payload.ParseFromString(proposal.payload())) return bad("ChaincodeProposalPayload from Proposal");
  creator_ = signature.creator();
  timestamp_ = time_of(channel.timestamp());
  for (auto& [name, value] : *payload.mutable_transientmap()) transient_.emplace(name, std::move(value));
  Bytes epoch(8, '\0');
  for (size_t i = 0; i < 8; ++i) epoch[i] = static_cast<char>(channel.epoch() >> (8 * i));
  binding_ = crypto::sha256({signature.nonce(), creator_, epoch});
  return {};
}

std::string Stub::function() const { return context_.args.empty() ? std::string() : context_.args.front(); }

std::vector<std::string> Stub::parameters() const {
  if (context_.args.empty()) return {};
  return {context_.args.begin() + 1, context_.args.end()};
}

Result<std::optional<Bytes>> Stub::read(int type, const std::string& collection, const std::string& key) {
  ::protos::GetState question;
  question.set_key(key);
  question.set_collection(collection);
  SELVAGE_TRY(Bytes value, ask_(type, question.SerializeAsString()));
  return present(std::move(value));
}

Status Stub::write(int type, const std::string& collection, const std::string& key, Bytes value) {
  SELVAGE_CHECK(check_key(key));
  if (batch_ != nullptr) {
    ::protos::WriteRecord record;
    record.set_type(static_cast<::protos::WriteRecord::Type>(type));
    record.set_key(key);
    record.set_collection(collection);
    record.set_value(std::move(value));
    batch_->add(std::move(record));
    return {};
  }
  // DelState and PurgePrivateState are PutState without a value, but for the collection's number.
  Bytes payload;
  if (type == Message::PUT_STATE) {
    ::protos::PutState put;
    put.set_key(key);
    put.set_value(std::move(value));
    put.set_collection(collection);
    payload = put.SerializeAsString();
  } else {
    ::protos::DelState removal;
    removal.set_key(key);
    removal.set_collection(collection);
    payload = removal.SerializeAsString();
  }
  SELVAGE_CHECK(ask_(type, std::move(payload)));
  return {};
}

Status Stub::write_metadata(const std::string& collection, const std::string& key, Bytes policy) {
  ::protos::StateMetadata metadata;
  metadata.set_metakey(kValidationParameter);
  metadata.set_value(std::move(policy));
  if (batch_ != nullptr) {
    ::protos::WriteRecord record;
    record.set_type(::protos::WriteRecord::PUT_STATE_METADATA);
    record.set_key(key);
    record.set_collection(collection);
    *record.mutable_metadata() = std::move(metadata);
    batch_->add(std::move(record));
    return {};
  }
  ::protos::PutStateMetadata question;
  question.set_key(key);
  question.set_collection(collection);
  *question.mutable_metadata() = std::move(metadata);
  SELVAGE_CHECK(ask_(Message::PUT_STATE_METADATA, question.SerializeAsString()));
  return {};
}

Result<std::optional<Bytes>> Stub::get_state(const std::string& key) { return read(Message::GET_STATE, "", key); }

Result<std::vector<std::optional<Bytes>>> Stub::read_many(const std::string& collection,
                                                          const std::vector<std::string>& keys) {
  std::vector<std::optional<Bytes>> values;
  values.reserve(keys.size());
  const size_t at_once = context_.negotiated.keys_per_read;
  if (at_once == 0) {
    for (const std::string& key : keys) {
      SELVAGE_TRY(std::optional<Bytes> value, read(Message::GET_STATE, collection, key));
      values.push_back(std::move(value));
    }
    return values;
  }
  for (size_t from = 0; from < keys.size(); from += at_once) {
    const size_t count = std::min(at_once, keys.size() - from);
    ::protos::GetStateMultiple question;
    question.set_collection(collection);
    for (size_t i = 0; i < count; ++i) question.add_keys(keys[from + i]);
    SELVAGE_TRY(Bytes answer, ask_(Message::GET_STATE_MULTIPLE, question.SerializeAsString()));
    ::protos::GetStateMultipleResult results;
    if (!results.ParseFromString(answer) || results.values_size() != static_cast<int>(count)) {
      return bad_answer("GetStateMultipleResult with a value for each key");
    }
    for (auto& value : *results.mutable_values()) values.push_back(present(std::move(value)));
  }
  return values;
}

Result<std::vector<std::optional<Bytes>>> Stub::get_states(const std::vector<std::string>& keys) {
  return read_many("", keys);
}

Status Stub::put_state(const std::string& key, Bytes value) {
  return write(Message::PUT_STATE, "", key, std::move(value));
}
Status Stub::delete_state(const std::string& key) { return write(Message::DEL_STATE, "", key, {}); }

Result<std::optional<Bytes>> Stub::read_metadata(const std::string& collection, const std::string& key) {
  ::protos::GetStateMetadata question;
  question.set_key(key);
  question.set_collection(collection);
  SELVAGE_TRY(Bytes answer, ask_(Message::GET_STATE_METADATA, question.SerializeAsString()));
  ::protos::StateMetadataResult metadata;
  if (!metadata.ParseFromString(answer)) return bad_answer("StateMetadataResult");
  for (auto& entry : *metadata.mutable_entries()) {
    if (entry.metakey() == kValidationParameter) return std::optional(std::move(*entry.mutable_value()));
  }
  return std::optional<Bytes>();
}

Result<std::optional<Bytes>> Stub::validation_parameter(const std::string& key) { return read_metadata("", key); }

Status Stub::set_validation_parameter(const std::string& key, Bytes policy) {
  return write_metadata("", key, std::move(policy));
}

Response Stub::invoke_chaincode(const std::string& name, const std::vector<Bytes>& args, const std::string& channel) {
  ::protos::ChaincodeSpec spec;
  // The peer takes the channel of another chaincode out of its name.
  spec.mutable_chaincode_id()->set_name(channel.empty() ? name : name + "/" + channel);
  for (const Bytes& arg : args) spec.mutable_input()->add_args(arg);
  Result<Bytes> answer = ask_(Message::INVOKE_CHAINCODE, spec.SerializeAsString());
  if (!answer) return error(answer.error());
  // Inside the peer's answer is the other chaincode's last message to its peer.
  ::protos::ChaincodeMessage message;
  if (!message.ParseFromString(*answer)) return error("the peer's answer is not a ChaincodeMessage");
  if (message.type() != Message::COMPLETED) return error(message.payload());
  ::protos::Response response;
  if (!response.ParseFromString(message.payload())) return error("the peer's answer holds no Response");
  return {response.status(), response.message(), std::move(*response.mutable_payload())};
}

Status Stub::set_event(std::string name, Bytes payload) {
  if (name.empty()) return fail(Code::kInvalidArgument, "event name can not be empty string");
  event_ = Event{std::move(name), std::move(payload)};
  return {};
}

void Stub::start_write_batch() {
  if (context_.negotiated.writes_per_batch > 0 && batch_ == nullptr) batch_ = std::make_unique<Batch>();
}

Status Stub::finish_write_batch() {
  if (batch_ == nullptr) return {};
  const std::unique_ptr<Batch> batch = std::move(batch_);
  for (size_t from = 0; from < batch->records.size(); from += context_.negotiated.writes_per_batch) {
    const size_t to = std::min(batch->records.size(), from + context_.negotiated.writes_per_batch);
    ::protos::WriteBatchState message;
    for (size_t i = from; i < to; ++i) *message.add_rec() = std::move(batch->records[i]);
    SELVAGE_CHECK(ask_(Message::WRITE_BATCH_STATE, message.SerializeAsString()));
  }
  return {};
}

}  // namespace selvage::shim
