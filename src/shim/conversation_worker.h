// One peer's stream, seen from the chaincode: registration, then any number of transactions at once, each on a thread of
// the pool with a Stub that asks the peer and waits.
//
// Knows no socket: `send` queues one encoded ChaincodeMessage; receive() gets each one that came.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "shim/chaincode.h"

namespace protos {
class ChaincodeMessage;
}

namespace selvage::shim {

class Conversation : public std::enable_shared_from_this<Conversation> {
 public:
  using Send = std::function<void(Bytes message)>;
  using Run = std::function<void(std::function<void()> task)>;  // on some thread that may block

  // `chaincode` outlives the conversation's transactions.
  Conversation(Chaincode& chaincode, std::string chaincode_id, Send send, Run run);
  // Announces the chaincode. Once, first.
  void start();
  // Never blocks. An error (kInvalidArgument, kFailedPrecondition) means that the stream is of no more use.
  Status receive(BytesView message);
  // The stream is gone: what waits for the peer fails with kUnavailable. Nothing is sent any more.
  void close();

 private:
  enum class State { kRegistering, kEstablished, kReady };
  struct Question {
    bool answered = false;
    bool is_error = false;
    Bytes payload;
  };
  void transact(const protos::ChaincodeMessage& request, Negotiated negotiated);
  Result<Bytes> ask(const std::string& channel_id, const std::string& tx_id, int type, Bytes payload);
  void send(const protos::ChaincodeMessage& message);

  Chaincode& chaincode_;
  const std::string chaincode_id_;
  const Send send_;
  const Run run_;
  std::mutex mutex_;
  std::condition_variable answered_;
  State state_ = State::kRegistering;
  bool closed_ = false;
  Negotiated negotiated_;
  std::map<std::string, Question*> questions_;  // by channel and transaction: one at a time each
};

}  // namespace selvage::shim
