// One transaction while a chaincode runs it: what the chaincode sends for it is worked on in order, one message after the
// other, on threads of a pool. No thread belongs to it, and none waits for the chaincode.
//
// Made by ShimSession::execute(). It ends once: with the chaincode's last message, or as stop() says. Whoever asked learns
// it on a pool thread when nothing works on the transaction any more: its simulator is theirs again.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "base/result.h"
#include "chaincode/session/requests.h"
#include "peer/chaincode_shim.pb.h"

namespace selvage::chaincode {

class Execution : public std::enable_shared_from_this<Execution> {
 public:
  using Message = protos::ChaincodeMessage;
  using Time = std::chrono::steady_clock::time_point;
  struct Parts {
    Post post;
    // An answer to the chaincode, with the request and when it was taken up.
    std::function<void(const Message& reply, const Message& request, Time began)> answer;
    Ended ended;
  };
  Execution(std::unique_ptr<Requests> requests, size_t queued_messages_max, Parts parts)
      : requests_(std::move(requests)), queued_messages_max_(queued_messages_max), parts_(std::move(parts)) {}

  // A message of the chaincode for this transaction, in the order of the stream. False: it sends requests without waiting
  // for answers, and the execution ends. Any thread.
  bool take(Message message);
  // Ends it with this error, unless it is over. Any thread.
  void stop(Error error);

 private:
  void post_turn();
  void turn();
  void call_chaincode(Message request);

  const std::unique_ptr<Requests> requests_;  // of the thread that works
  const size_t queued_messages_max_;
  const Parts parts_;
  std::mutex mutex_;
  std::deque<Message> inbox_;
  bool working_ = false;  // a turn is on the way, or a call to another chaincode; stays so at the end
  std::optional<Result<Message>> result_;
};

}  // namespace selvage::chaincode
