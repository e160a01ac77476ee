#include "shim/conversation_worker.h"

#include <exception>

#include "base/log.h"
#include "peer/chaincode.pb.h"
#include "peer/chaincode_shim.pb.h"
#include "peer/proposal_response.pb.h"

namespace selvage::shim {
namespace {

using Message = ::protos::ChaincodeMessage;

log::Logger logger("shim");

std::string question_key(const std::string& channel_id, const std::string& tx_id) { return channel_id + tx_id; }

Message message_of(Message::Type type, const Message& request) {
  Message message;
  message.set_type(type);
  message.set_txid(request.txid());
  message.set_channel_id(request.channel_id());
  return message;
}

}  // namespace

Conversation::Conversation(Chaincode& chaincode, std::string chaincode_id, Send send, Run run)
    : chaincode_(chaincode), chaincode_id_(std::move(chaincode_id)), send_(std::move(send)), run_(std::move(run)) {}

void Conversation::send(const Message& message) {
  Bytes bytes = message.SerializeAsString();
  const std::lock_guard lock(mutex_);
  if (!closed_) send_(std::move(bytes));
}

void Conversation::start() {
  ::protos::ChaincodeID id;
  id.set_name(chaincode_id_);
  Message hello;
  hello.set_type(Message::REGISTER);
  hello.set_payload(id.SerializeAsString());
  send(hello);
}

Status Conversation::receive(BytesView bytes) {
  Message message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return fail(Code::kInvalidArgument, "the peer sent what is not a ChaincodeMessage");
  }
  std::unique_lock lock(mutex_);
  switch (message.type()) {
    case Message::KEEPALIVE:
      // The peer asks; the same message answers.
      lock.unlock();
      send(message);
      return {};
    case Message::REGISTERED:
      if (state_ != State::kRegistering) break;
      state_ = State::kEstablished;
      return {};
    case Message::READY: {
      if (state_ != State::kEstablished) break;
      state_ = State::kReady;
      ::protos::ChaincodeAdditionalParams params;  // older peers send none
      if (params.ParseFromString(message.payload())) {
        if (params.use_write_batch()) negotiated_.writes_per_batch = params.max_size_write_batch();
        if (params.use_get_multiple_keys()) negotiated_.keys_per_read = params.max_size_get_multiple_keys();
      }
      LOG_INFO(logger, "Registered with the peer as {}", chaincode_id_);
      return {};
    }
    case Message::INIT:
    case Message::TRANSACTION: {
      if (state_ != State::kReady) break;
      const Negotiated negotiated = negotiated_;
      lock.unlock();
      run_([self = shared_from_this(), message = std::move(message), negotiated] { self->transact(message, negotiated); });
      return {};
    }
    case Message::RESPONSE:
    case Message::ERROR: {
      const auto found = questions_.find(question_key(message.channel_id(), message.txid()));
      if (found == questions_.end() || found->second->answered) return {};  // its transaction has ended
      found->second->payload = std::move(*message.mutable_payload());
      found->second->is_error = message.type() == Message::ERROR;
      found->second->answered = true;
      answered_.notify_all();
      return {};
    }
    default:
      break;
  }
  return fail(Code::kFailedPrecondition,
              "the peer sent " + Message::Type_Name(message.type()) + " when it was not expected");
}

void Conversation::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  answered_.notify_all();
}

Result<Bytes> Conversation::ask(const std::string& channel_id, const std::string& tx_id, int type, Bytes payload) {
  Message question;
  question.set_type(static_cast<Message::Type>(type));
  question.set_payload(std::move(payload));
  question.set_txid(tx_id);
  question.set_channel_id(channel_id);
  Bytes bytes = question.SerializeAsString();
  Question mine;
  std::unique_lock lock(mutex_);
  const auto gone = [] { return fail(Code::kUnavailable, "the connection to the peer is gone"); };
  if (closed_) return gone();
  const auto [place, is_new] = questions_.emplace(question_key(channel_id, tx_id), &mine);
  if (!is_new) {
    return fail(Code::kFailedPrecondition,
                "transaction " + tx_id + " asks the peer from two threads at once: use a Stub in one thread only");
  }
  send_(std::move(bytes));
  answered_.wait(lock, [&] { return mine.answered || closed_; });
  questions_.erase(place);
  if (!mine.answered) return gone();
  if (mine.is_error) return fail(Code::kAborted, std::move(mine.payload));
  return std::move(mine.payload);
}

void Conversation::transact(const Message& request, Negotiated negotiated) {
  const auto refuse = [&](const std::string& why) {
    Message answer = message_of(Message::ERROR, request);
    answer.set_payload(why);
    send(answer);
  };
  ::protos::ChaincodeInput input;
  if (!input.ParseFromString(request.payload())) return refuse("failed to unmarshal input");
  Stub::Context context;
  context.channel_id = request.channel_id();
  context.tx_id = request.txid();
  context.negotiated = negotiated;
  for (auto& arg : *input.mutable_args()) context.args.push_back(std::move(arg));
  for (auto& [name, value] : *input.mutable_decorations()) context.decorations.emplace(name, std::move(value));
  if (request.has_proposal()) context.signed_proposal = request.proposal().SerializeAsString();
  auto stub = Stub::make(std::move(context), [this, &request](int type, Bytes payload) {
    return ask(request.channel_id(), request.txid(), type, std::move(payload));
  });
  if (!stub) return refuse("failed to create new ChaincodeStub: " + stub.error().message);

  const bool is_init = request.type() == Message::INIT;
  Response response;
  try {
    response = is_init ? chaincode_.init(**stub) : chaincode_.invoke(**stub);
  } catch (const std::exception& thrown) {
    // The chaincode's own code: one transaction fails, the others and the process go on.
    LOG_ERROR(logger.with("txid", request.txid()), "Chaincode threw an exception: {}", escape(thrown.what()));
    response = error(std::string("chaincode failed: ") + thrown.what());
  }
  Message answer = message_of(Message::COMPLETED, request);
  if (const auto& event = (*stub)->event()) {
    answer.mutable_chaincode_event()->set_event_name(event->name);
    answer.mutable_chaincode_event()->set_payload(event->payload);
  }
  if (is_init && response.status >= Response::kErrorThreshold) {
    answer.set_type(Message::ERROR);
    answer.set_payload(response.message);
    return send(answer);
  }
  if (Status sent = (*stub)->finish_write_batch(); !sent) return refuse("failed send batch: " + sent.error().message);
  ::protos::Response wire;
  wire.set_status(response.status);
  wire.set_message(response.message);
  wire.set_payload(std::move(response.payload));
  answer.set_payload(wire.SerializeAsString());
  send(answer);
}

}  // namespace selvage::shim
