// One conversation with one chaincode process: the peer's half of protos.ChaincodeMessage (W31).
//
// The transport hands in what arrives (any one thread) and takes what is to be sent. What the chaincode asks for a transaction
// is worked on by threads of a pool, one at a time for each transaction (execution.h): a slow query holds up nobody else, and
// no thread waits for the chaincode. When the process goes away, all of its transactions fail at once.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/metrics.h"
#include "base/result.h"
#include "chaincode/transaction.h"
#include "peer/chaincode_shim.pb.h"

namespace selvage::chaincode {

class Chaincodes;
class Deadlines;

// Soon, on a thread that may wait; never within the call.
using Post = std::function<void(std::function<void()> task)>;
// How a chaincode ended a transaction: COMPLETED or ERROR; or why it did not. Once.
using Ended = std::function<void(Result<protos::ChaincodeMessage> ended)>;

struct SessionSettings {
  int total_query_limit = 10000;         // ledger.state.totalQueryLimit
  bool use_write_batch = true;           // chaincode.runtimeParams.useWriteBatch
  uint32_t max_size_write_batch = 1000;  // chaincode.runtimeParams.maxSizeWriteBatch
  bool use_get_multiple_keys = true;     // chaincode.runtimeParams.useGetMultipleKeys
  uint32_t max_size_get_multiple_keys = 1000;  // chaincode.runtimeParams.maxSizeGetMultipleKeys
  size_t queued_messages_max = 4096;     // per transaction; a chaincode that sends more without waiting is cut off
};

// Where a session's bytes go. Safe from any thread.
class ShimTransport {
 public:
  virtual ~ShimTransport() = default;
  // One marshalled ChaincodeMessage. False when the stream has ended.
  virtual bool send(Bytes message) = 0;
  // Ends the stream; on_closed() follows.
  virtual void close() = 0;
};

class ShimSession : public std::enable_shared_from_this<ShimSession> {
 public:
  struct Parts {  // all outlive the session
    Chaincodes* chaincodes;  // for INVOKE_CHAINCODE
    metrics::Provider& metrics;
    Deadlines& deadlines;
    Post post;
  };
  // `package_id`: what the process must register as.
  ShimSession(SessionSettings settings, std::string package_id, Parts parts);
  ~ShimSession();

  // --- the transport's side; one thread at a time
  void attach(std::unique_ptr<ShimTransport> transport);
  // An error ends the conversation: the transport closes. Bytes come from an outsider.
  Status on_message(BytesView message);
  void on_closed(const std::string& reason);

  // --- the peer's side; any thread
  // READY has been sent; or why not ("timeout expired while starting chaincode ..." is the caller's to say).
  [[nodiscard]] Status wait_ready(std::chrono::steady_clock::time_point deadline);
  [[nodiscard]] bool ready() const;
  [[nodiscard]] bool closed() const;
  // Called once when the process has gone away: in the transport's thread, or at once when it has already. Listeners
  // are called in the order they came.
  void on_end(std::function<void(const std::string& reason)> ended);
  void send_keepalive();
  void close();

  // Runs one transaction (or INIT) in the chaincode and serves its requests until it ends. `chaincode` is the namespace
  // that its reads and writes go to. `ended` runs within the call when it cannot begin, otherwise on a thread of the pool;
  // `transaction` must live until then. Errors: "timeout expired while executing transaction",
  // "chaincode stream terminated", "txid: <id>(<channel>) exists".
  void execute(const Transaction& transaction, const std::string& chaincode, protos::ChaincodeMessage::Type type, Bytes input,
               std::chrono::nanoseconds timeout, Ended ended);

 private:
  struct State;
  std::shared_ptr<State> state_;  // executions hold it until they have ended
};

}  // namespace selvage::chaincode
