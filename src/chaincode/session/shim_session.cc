#include "chaincode/session/shim_session.h"

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>

#include "base/log.h"
#include "chaincode/session/deadlines_worker.h"
#include "chaincode/session/execution.h"
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

Error stream_terminated(const std::string& reason) { return {Code::kUnavailable, "chaincode stream terminated", reason, ""}; }

std::string_view short_id(const std::string& txid) { return std::string_view(txid).substr(0, 8); }

}  // namespace

struct ShimSession::State {
  using Key = std::pair<std::string, std::string>;  // channel and transaction
  State(SessionSettings s, std::string id, Parts p)
      : settings(s),
        package_id(std::move(id)),
        parts(std::move(p)),
        requests_received(parts.metrics.counter({.name_space = "chaincode",
                                           .subsystem = "",
                                           .name = "shim_requests_received",
                                           .help = "The number of chaincode shim requests received.",
                                           .label_names = {"type", "channel", "chaincode"},
                                           .statsd_format = "%{#fqname}.%{type}.%{channel}.%{chaincode}"})),
        requests_completed(parts.metrics.counter({.name_space = "chaincode",
                                            .subsystem = "",
                                            .name = "shim_requests_completed",
                                            .help = "The number of chaincode shim requests completed.",
                                            .label_names = {"type", "channel", "chaincode", "success"},
                                            .statsd_format = "%{#fqname}.%{type}.%{channel}.%{chaincode}.%{success}"})),
        request_duration(parts.metrics.histogram({.name_space = "chaincode",
                                            .subsystem = "",
                                            .name = "shim_request_duration",
                                            .help = "The time to complete chaincode shim requests.",
                                            .label_names = {"type", "channel", "chaincode", "success"},
                                            .statsd_format = "%{#fqname}.%{type}.%{channel}.%{chaincode}.%{success}"})),
        execute_timeouts(
            parts.metrics.counter({.name_space = "chaincode",
                             .subsystem = "",
                             .name = "execute_timeouts",
                             .help = "The number of chaincode executions (Init or Invoke) that have timed out.",
                             .label_names = {"chaincode"},
                             .statsd_format = "%{#fqname}.%{chaincode}"})) {}

  const SessionSettings settings;
  const std::string package_id;
  const Parts parts;
  metrics::Family<metrics::Counter>& requests_received;
  metrics::Family<metrics::Counter>& requests_completed;
  metrics::Family<metrics::Histogram>& request_duration;
  metrics::Family<metrics::Counter>& execute_timeouts;

  std::mutex mutex;
  std::condition_variable changed;  // ready or closed
  std::shared_ptr<ShimTransport> transport;
  std::vector<Bytes> unsent;  // before attach(): the process may speak before its opener has handed over the stream
  std::atomic<bool> ready = false;  // set once
  bool closed = false;
  std::string end_reason;
  std::vector<std::function<void(const std::string&)>> ended;
  std::map<Key, std::shared_ptr<Execution>> running;

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
  void answer(const Message& reply, const Message& request, SteadyClock::time_point began);
};

ShimSession::ShimSession(SessionSettings settings, std::string package_id, Parts parts)
    : state_(std::make_shared<State>(settings, std::move(package_id), std::move(parts))) {}

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
  if (!state_->ready) {
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
  std::shared_ptr<Execution> execution;
  {
    std::lock_guard lock(state_->mutex);
    const auto found = state_->running.find({message.channel_id(), message.txid()});
    if (found != state_->running.end()) execution = found->second;
  }
  if (execution) {
    if (asks) state_->requests_received.with({Message::Type_Name(message.type()), message.channel_id(), state_->package_id}).add(1);
    if (execution->take(std::move(message))) return {};
    return fail(Code::kResourceExhausted, "chaincode sends requests without waiting for answers");
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
  std::map<State::Key, std::shared_ptr<Execution>> running;
  {
    std::lock_guard lock(state_->mutex);
    if (state_->closed) return;
    state_->closed = true;
    state_->end_reason = reason;
    running.swap(state_->running);
    state_->changed.notify_all();
    ended = std::move(state_->ended);
  }
  for (const auto& [key, execution] : running) execution->stop(stream_terminated(reason));
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

void ShimSession::State::answer(const Message& reply, const Message& request, SteadyClock::time_point began) {
  const std::string& type = Message::Type_Name(request.type());
  const bool good = reply.type() != Message::ERROR;
  if (!good) {
    LOG_DEBUG(logger(), "[{}] Failed to handle {}. error: {}", short_id(request.txid()), type,
              escape(reply.payload(), 1000));
  }
  const metrics::LabelValues labels{type, request.channel_id(), package_id, good ? "true" : "false"};
  request_duration.with(labels).observe(std::chrono::duration<double>(SteadyClock::now() - began).count());
  requests_completed.with(labels).add(1);
  send(reply);
}

void ShimSession::execute(const Transaction& transaction, const std::string& chaincode, Message::Type type, Bytes input,
                          std::chrono::nanoseconds timeout, Ended ended) {
  const State::Key key(transaction.channel_id, transaction.txid);
  auto requests =
      std::make_unique<Requests>(transaction, chaincode, type == Message::INIT, state_->settings, state_->parts.chaincodes);
  auto deadline = std::make_shared<Deadlines::Id>();
  auto execution = std::make_shared<Execution>(
      std::move(requests), state_->settings.queued_messages_max,
      Execution::Parts{state_->parts.post,
                       [state = state_](const Message& reply, const Message& request, SteadyClock::time_point began) {
                         state->answer(reply, request, began);
                       },
                       [state = state_, key, deadline, ended](Result<Message> result) {
                         state->parts.deadlines.remove(*deadline);
                         {
                           std::lock_guard lock(state->mutex);
                           state->running.erase(key);
                         }
                         ended(std::move(result));
                       }});
  // All that is said of the transaction is said before anything can end it: then it is its owner's again.
  Message begin;
  begin.set_type(type);
  begin.set_payload(std::move(input));
  begin.set_txid(transaction.txid);
  begin.set_channel_id(transaction.channel_id);
  if (transaction.signed_proposal) *begin.mutable_proposal() = *transaction.signed_proposal;
  *deadline = state_->parts.deadlines.add(
      SteadyClock::now() + timeout, [state = state_.get(), weak = std::weak_ptr(execution)] {
        const auto late = weak.lock();  // and with it the session's state
        if (!late) return;
        state->execute_timeouts.with({state->package_id}).add(1);
        late->stop({Code::kDeadlineExceeded, "timeout expired while executing transaction", "", ""});
      });
  std::optional<Error> refused;
  {
    std::lock_guard lock(state_->mutex);
    if (state_->closed) {
      refused = stream_terminated(state_->end_reason);
    } else if (!state_->running.emplace(key, execution).second) {
      refused = Error{Code::kAlreadyExists, "txid: " + key.second + "(" + key.first + ") exists", "", ""};
    }
  }
  if (refused) {
    state_->parts.deadlines.remove(*deadline);
    return ended(fail(std::move(*refused)));
  }
  if (!state_->send(begin)) {
    execution->stop({Code::kUnavailable, "[" + std::string(short_id(key.second)) + "] error sending " +
                                             Message::Type_Name(type), "", ""});
  }
}

}  // namespace selvage::chaincode
