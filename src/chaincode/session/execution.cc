#include "chaincode/session/execution.h"

#include <utility>

namespace selvage::chaincode {
namespace {

bool is_last(const protos::ChaincodeMessage& message) {
  return message.type() == protos::ChaincodeMessage::COMPLETED || message.type() == protos::ChaincodeMessage::ERROR;
}

}  // namespace

bool Execution::take(Message message) {
  bool fits;
  {
    const std::lock_guard lock(mutex_);
    if (result_) return true;
    fits = inbox_.size() < queued_messages_max_;
    if (fits) {
      inbox_.push_back(std::move(message));
    } else {
      result_ = fail(Code::kUnavailable, "chaincode stream terminated", "requests without waiting for answers");
    }
    if (std::exchange(working_, true)) return fits;
  }
  post_turn();
  return fits;
}

void Execution::stop(Error error) {
  {
    const std::lock_guard lock(mutex_);
    if (result_) return;
    result_ = fail(std::move(error));
    if (std::exchange(working_, true)) return;  // whoever works finds it
  }
  post_turn();
}

void Execution::post_turn() {
  parts_.post([self = shared_from_this()] { self->turn(); });
}

void Execution::turn() {
  std::unique_lock lock(mutex_);
  while (!result_ && !inbox_.empty()) {
    Message message = std::move(inbox_.front());
    inbox_.pop_front();
    if (is_last(message)) {
      result_ = std::move(message);
      break;
    }
    lock.unlock();
    if (message.type() == Message::INVOKE_CHAINCODE) return call_chaincode(std::move(message));
    const Time began = std::chrono::steady_clock::now();
    parts_.answer(requests_->serve(message), message, began);
    lock.lock();
  }
  if (!result_) {
    working_ = false;
    return;
  }
  Result<Message> result = std::move(*result_);
  lock.unlock();
  parts_.ended(std::move(result));
}

// The other chaincode's end goes on with this one's turns.
void Execution::call_chaincode(Message request) {
  const Time began = std::chrono::steady_clock::now();
  auto shared = std::make_shared<const Message>(std::move(request));
  requests_->call_chaincode(*shared, [self = shared_from_this(), shared, began](Message reply) {
    self->parts_.answer(reply, *shared, began);
    self->post_turn();
  });
}

}  // namespace selvage::chaincode
