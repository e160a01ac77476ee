#include "chaincode/session/shim_session.h"

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>

#include "base/log.h"
#include "chaincode/session/requests.h"
#include "peer/chaincode.pb.h"
#include "peer/proposal.pb.h"

namespace selvage::chaincode {
namespace {

using Message = protos::ChaincodeMessage;
using SteadyClock = std::chrono::steady_clock;

const log::Logger& logger() {
  static const log::Logger instance("chaincode");
  return instance;
}

std::string_view short_id(const std::string& txid) { return std::string_view(txid).substr(0, 8); }

// A transaction in progress: what the chaincode has sent for it and nobody has looked at.
struct Running {
  std::deque<Message> inbox;
  std::condition_variable arrived;
  bool overrun = false;
};

}  // namespace

struct ShimSession::State {
  State(SessionSettings s, std::string id, Chaincodes* c, metrics::Provider& metrics)
      : settings(s),
        package_id(std::move(id)),
        chaincodes(c),
        requests_received(metrics.counter({.name_space = "chaincode",
                                           .subsystem = "",
                                           .name = "shim_requests_received",
                                           .help = "The number of chaincode shim requests received.",
                                           .label_names = {"type", "channel", "chaincode"},
                                           .statsd_format = "%{#fqname}.%{type}.%{channel}.%{chaincode}"})),
        requests_completed(metrics.counter({.name_space = "chaincode",
                                            .subsystem = "",
                                            .name = "shim_requests_completed",
                                            .help = "The number of chaincode shim requests completed.",
                                            .label_names = {"type", "channel", "chaincode", "success"},
                                            .statsd_format = "%{#fqname}.%{type}.%{channel}.%{chaincode}.%{success}"})),
        request_duration(metrics.histogram({.name_space = "chaincode",
                                            .subsystem = "",
                                            .name = "shim_request_duration",
                                            .help = "The time to complete chaincode shim requests.",
                                            .label_names = {"type", "channel", "chaincode", "success"},
                                            .statsd_format = "%{#fqname}.%{type}.%{channel}.%{chaincode}.%{success}"})),
        execute_timeouts(
            metrics.counter({.name_space = "chaincode",
                             .subsystem = "",
                             .name = "execute_timeouts",
                             .help = "The number of chaincode executions (Init or Invoke) that have timed out.",
                             .label_names = {"chaincode"},
                             .statsd_format = "%{#fqname}.%{chaincode}"})) {}

  const SessionSettings settings;
  const std::string package_id;
  Chaincodes* const chaincodes;
  metrics::Family<metrics::Counter>& requests_received;
  metrics::Family<metrics::Counter>& requests_completed;
  metrics::Family<metrics::Histogram>& request_duration;
  metrics::Family<metrics::Counter>& execute_timeouts;

  std::mutex mutex;
  std::condition_variable changed;  // ready or closed
  std::shared_ptr<ShimTransport> transport;
  std::vector<Bytes> unsent;  // before attach(): the process may speak before its opener has handed over the stream
  bool ready = false;
  bool closed = false;
  std::string end_reason;
  std::vector<std::function<void(const std::string&)>> ended;
  std::map<std::pair<std::string, std::string>, Running*> running;  // (channel, txid); owned by execute()'s frame

  bool send(const Message& message) {
    std::shared_ptr<ShimTransport> to;
    {
      std::lock_guard lock(mutex);
      if (closed) return false;
      to = transport;
      if (!to) unsent.push_back(message.SerializeAsString());
    }
    return !to || to->send(message.SerializeAsString());
  }
  Status register_chaincode(const Message& message);
  // Serves one request of a transaction, with the metrics around it.
  Message serve(Requests& requests, const Message& request);
};

ShimSession::ShimSession(SessionSettings settings, std::string package_id, Chaincodes* chaincodes,
                         metrics::Provider& metrics)
    : state_(std::make_unique<State>(settings, std::move(package_id), chaincodes, metrics)) {}

ShimSession::~ShimSession() = default;

void ShimSession::attach(std::unique_ptr<ShimTransport> transport) {
  std::lock_guard lock(state_->mutex);
  state_->transport = std::move(transport);
  for (Bytes& message : state_->unsent) state_->transport->send(std::move(message));
  state_->unsent.clear();
  if (state_->closed) state_->transport->close();
}

Status ShimSession::State::register_chaincode(const Message& message) {
  protos::ChaincodeID id;
  if (!id.ParseFromString(message.payload()))
    return fail(Code::kInvalidArgument, "error in received REGISTER, could NOT unmarshal registration info");
  if (id.name().empty())
    return fail(Code::kInvalidArgument, "error in handling register chaincode, chaincodeID name is empty", "",
                "start the chaincode with CHAINCODE_ID=" + package_id);
  if (id.name() != package_id)
    return fail(Code::kInvalidArgument,
                "peer will not accept external chaincode connection " + escape(id.name(), 200) + " (except in dev mode)",
                "dialled " + package_id, "start the chaincode with CHAINCODE_ID=" + package_id);
  LOG_DEBUG(logger(), "Got REGISTER for chaincodeID = {}, sending back REGISTERED", package_id);
  Message registered;
  registered.set_type(Message::REGISTERED);
  protos::ChaincodeAdditionalParams params;
  params.set_use_write_batch(settings.use_write_batch);
  params.set_max_size_write_batch(settings.max_size_write_batch);
  params.set_use_get_multiple_keys(settings.use_get_multiple_keys);
  params.set_max_size_get_multiple_keys(settings.max_size_get_multiple_keys);
  Message is_ready;
  is_ready.set_type(Message::READY);
  is_ready.set_payload(params.SerializeAsString());
  if (!send(registered)) return fail(Code::kUnavailable, "error sending REGISTERED");
  LOG_DEBUG(logger(), "Changed state to established for {}", package_id);
  LOG_DEBUG(logger(), "sending READY for chaincode {}", package_id);
  if (!send(is_ready)) return fail(Code::kUnavailable, "error sending READY");
  LOG_DEBUG(logger(), "Changed to state ready for chaincode {}", package_id);
  std::lock_guard lock(mutex);
  ready = true;
  changed.notify_all();
  return {};
}

Status ShimSession::on_message(BytesView bytes) {
  Message message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return fail(Code::kInvalidArgument, "received a message that is no ChaincodeMessage, ending chaincode support stream");
  if (message.type() == Message::KEEPALIVE) return {};
  if (!ready()) {
    if (message.type() == Message::REGISTER) return state_->register_chaincode(message);
    return fail(Code::kFailedPrecondition, "[" + escape(message.txid(), 64) + "] Fabric side handler cannot handle message (" +
                                               Message::Type_Name(message.type()) + ") while in created state");
  }
  const bool ends = message.type() == Message::COMPLETED || message.type() == Message::ERROR;
  const bool asks = message.type() >= Message::GET_STATE && message.type() <= Message::GET_STATE_MULTIPLE &&
                    message.type() != Message::RESPONSE;
  if (!ends && !asks)
    return fail(Code::kFailedPrecondition, "[" + escape(message.txid(), 64) + "] Fabric side handler cannot handle message (" +
                                               Message::Type_Name(message.type()) + ") while in ready state");
  {
    std::lock_guard lock(state_->mutex);
    auto found = state_->running.find({message.channel_id(), message.txid()});
    if (found != state_->running.end()) {
      Running& running = *found->second;
      if (running.inbox.size() >= state_->settings.queued_messages_max) {
        running.overrun = true;
        running.arrived.notify_one();
        return fail(Code::kResourceExhausted, "chaincode sends requests without waiting for answers");
      }
      running.inbox.push_back(std::move(message));
      running.arrived.notify_one();
      return {};
    }
  }
  if (ends) return {};  // of a transaction that has timed out
  Message reply;
  reply.set_type(Message::ERROR);
  reply.set_txid(message.txid());
  reply.set_channel_id(message.channel_id());
  reply.set_payload(Message::Type_Name(message.type()) + " failed: transaction ID: " + message.txid() +
                    ": no ledger context");
  state_->send(reply);
  return {};
}

void ShimSession::on_closed(const std::string& reason) {
  std::vector<std::function<void(const std::string&)>> ended;
  {
    std::lock_guard lock(state_->mutex);
    if (state_->closed) return;
    state_->closed = true;
    state_->end_reason = reason;
    for (auto& [key, running] : state_->running) running->arrived.notify_one();
    state_->changed.notify_all();
    ended = std::move(state_->ended);
  }
  for (const auto& listener : ended) listener(reason);
}

Status ShimSession::wait_ready(SteadyClock::time_point deadline) {
  std::unique_lock lock(state_->mutex);
  state_->changed.wait_until(lock, deadline, [&] { return state_->ready || state_->closed; });
  if (state_->closed) return fail(Code::kUnavailable, state_->end_reason);
  if (!state_->ready) return fail(Code::kDeadlineExceeded, "chaincode did not register in time");
  return {};
}

bool ShimSession::ready() const {
  std::lock_guard lock(state_->mutex);
  return state_->ready && !state_->closed;
}

bool ShimSession::closed() const {
  std::lock_guard lock(state_->mutex);
  return state_->closed;
}

void ShimSession::on_end(std::function<void(const std::string&)> ended) {
  std::string reason;
  {
    std::lock_guard lock(state_->mutex);
    if (!state_->closed) {
      state_->ended.push_back(std::move(ended));
      return;
    }
    reason = state_->end_reason;
  }
  ended(reason);
}

void ShimSession::send_keepalive() {
  Message message;
  message.set_type(Message::KEEPALIVE);
  state_->send(message);
}

void ShimSession::close() {
  std::shared_ptr<ShimTransport> transport;
  {
    std::lock_guard lock(state_->mutex);
    transport = state_->transport;
  }
  if (transport) transport->close();
  on_closed("closed by the peer");
}

Message ShimSession::State::serve(Requests& requests, const Message& request) {
  auto started = SteadyClock::now();
  const std::string& type = Message::Type_Name(request.type());
  requests_received.with({type, request.channel_id(), package_id}).add(1);
  Message reply = requests.serve(request);
  const bool good = reply.type() != Message::ERROR;
  if (!good)
    LOG_DEBUG(logger(), "[{}] Failed to handle {}. error: {}", short_id(request.txid()), type,
              escape(reply.payload(), 1000));
  metrics::LabelValues labels{type, request.channel_id(), package_id, good ? "true" : "false"};
  request_duration.with(labels).observe(std::chrono::duration<double>(SteadyClock::now() - started).count());
  requests_completed.with(labels).add(1);
  return reply;
}

Result<Message> ShimSession::execute(const Transaction& transaction, const std::string& chaincode, Message::Type type,
                                     Bytes input, std::chrono::nanoseconds timeout) {
  const auto deadline = SteadyClock::now() + timeout;
  const auto key = std::pair(transaction.channel_id, transaction.txid);
  Running running;
  {
    std::lock_guard lock(state_->mutex);
    if (state_->closed) return fail(Code::kUnavailable, "chaincode stream terminated", state_->end_reason);
    if (!state_->running.emplace(key, &running).second)
      return fail(Code::kAlreadyExists, "txid: " + transaction.txid + "(" + transaction.channel_id + ") exists");
  }
  struct Removal {
    State& state;
    const std::pair<std::string, std::string>& key;
    ~Removal() {
      std::lock_guard lock(state.mutex);
      state.running.erase(key);
    }
  } removal{*state_, key};

  Message begin;
  begin.set_type(type);
  begin.set_payload(std::move(input));
  begin.set_txid(transaction.txid);
  begin.set_channel_id(transaction.channel_id);
  if (transaction.signed_proposal) *begin.mutable_proposal() = *transaction.signed_proposal;
  if (!state_->send(begin))
    return fail(Code::kUnavailable, "[" + std::string(short_id(transaction.txid)) + "] error sending " +
                                        Message::Type_Name(type));

  Requests requests(transaction, chaincode, type == Message::INIT, state_->settings, state_->chaincodes);
  while (true) {
    Message message;
    {
      std::unique_lock lock(state_->mutex);
      bool woken = running.arrived.wait_until(lock, deadline, [&] {
        return !running.inbox.empty() || running.overrun || state_->closed;
      });
      if (!woken) {
        state_->execute_timeouts.with({state_->package_id}).add(1);
        return fail(Code::kDeadlineExceeded, "timeout expired while executing transaction");
      }
      if (running.overrun || running.inbox.empty())
        return fail(Code::kUnavailable, "chaincode stream terminated", state_->end_reason);
      message = std::move(running.inbox.front());
      running.inbox.pop_front();
    }
    if (message.type() == Message::COMPLETED || message.type() == Message::ERROR) return message;
    state_->send(state_->serve(requests, message));
  }
}

}  // namespace selvage::chaincode
