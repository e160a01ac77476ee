// The Gateway's model: one peer is asked, and finds the others. What an application uses.
//
//   auto gateway = Gateway::connect(dialer, peer, wire::signer_of(user));
//   auto contract = gateway->network("mychannel").contract("basic");
//   Result<Bytes> answer = contract.submit({"put", {"k", "v"}});         // committed, or the error says why not
//   Result<Bytes> value = contract.evaluate({"get", {"k"}});
//
// Errors: `message` is the peer's (Fabric's words), `cause` one line for each node that had its part in it: "address
// (MSP id): message". All calls block for up to their timeout; any thread.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/dial_client.h"
#include "client/gateway/checkpointer.h"
#include "common/common.pb.h"
#include "gateway/gateway.pb.h"
#include "peer/events.pb.h"
#include "wire/signer.h"

namespace selvage::client {

// A call of a transaction function.
struct Call {
  std::string function;
  std::vector<Bytes> arguments;
  std::map<std::string, Bytes> transient;         // reaches the chaincode, never a block
  std::vector<std::string> organizations;         // whose peers endorse or answer; empty: the gateway chooses
};

struct CommitStatus {
  std::string transaction_id;
  uint64_t block = 0;
  ::protos::TxValidationCode code = ::protos::INVALID_OTHER_REASON;
  [[nodiscard]] bool valid() const { return code == ::protos::VALID; }
};

struct GatewaySettings {
  std::chrono::milliseconds evaluate_timeout = std::chrono::seconds(30);
  std::chrono::milliseconds endorse_timeout = std::chrono::seconds(30);
  std::chrono::milliseconds submit_timeout = std::chrono::seconds(30);
  std::chrono::milliseconds commit_timeout = std::chrono::seconds(60);
};

// What all parts share: connection, identity, timeouts.
struct Connection {
  std::shared_ptr<rpc::Channel> channel;
  wire::Signer signer;
  Bytes certificate_hash;
  GatewaySettings settings;
};
using ConnectionPtr = std::shared_ptr<const Connection>;

// Each of the three below is bytes to be signed, with a digest (SHA-256) for signers that are elsewhere: bytes() and a
// signature over digest() become it again by Gateway::signed_proposal() and the like. Unsigned ones are signed when used.

class Commit {
 public:
  Commit(ConnectionPtr connection, ::gateway::SignedCommitStatusRequest request, std::string transaction_id)
      : connection_(std::move(connection)), request_(std::move(request)), transaction_id_(std::move(transaction_id)) {}
  [[nodiscard]] const std::string& transaction_id() const { return transaction_id_; }
  [[nodiscard]] Bytes bytes() const;
  [[nodiscard]] Bytes digest() const;
  // Waits until the peer has committed the transaction.
  [[nodiscard]] Result<CommitStatus> status();

 private:
  ConnectionPtr connection_;
  ::gateway::SignedCommitStatusRequest request_;
  std::string transaction_id_;
};

class Transaction {
 public:
  Transaction(ConnectionPtr connection, std::string channel_id, ::gateway::PreparedTransaction prepared)
      : connection_(std::move(connection)), channel_id_(std::move(channel_id)), prepared_(std::move(prepared)) {}
  [[nodiscard]] const std::string& transaction_id() const { return prepared_.transaction_id(); }
  [[nodiscard]] Bytes bytes() const;
  [[nodiscard]] Bytes digest() const;
  // What the transaction function returned to its endorsers.
  [[nodiscard]] Result<Bytes> result() const;
  // Ok once an orderer has it: it is not committed yet.
  [[nodiscard]] Result<Commit> submit();

 private:
  ConnectionPtr connection_;
  std::string channel_id_;
  ::gateway::PreparedTransaction prepared_;
};

class Proposal {
 public:
  Proposal(ConnectionPtr connection, std::string channel_id, ::gateway::ProposedTransaction proposed)
      : connection_(std::move(connection)), channel_id_(std::move(channel_id)), proposed_(std::move(proposed)) {}
  [[nodiscard]] const std::string& transaction_id() const { return proposed_.transaction_id(); }
  [[nodiscard]] Bytes bytes() const;
  [[nodiscard]] Bytes digest() const;
  [[nodiscard]] Result<Bytes> evaluate();
  [[nodiscard]] Result<Transaction> endorse();

 private:
  Status sign();
  ConnectionPtr connection_;
  std::string channel_id_;
  ::gateway::ProposedTransaction proposed_;
};

class Contract {
 public:
  Contract(ConnectionPtr connection, std::string channel_id, std::string chaincode)
      : connection_(std::move(connection)), channel_id_(std::move(channel_id)), chaincode_(std::move(chaincode)) {}
  [[nodiscard]] Result<Bytes> evaluate(const Call& call) const;
  // Endorsed, ordered, committed and valid; otherwise "transaction <id> failed to commit with status code 11
  // (MVCC_READ_CONFLICT)" (kAborted) and the like.
  [[nodiscard]] Result<Bytes> submit(const Call& call) const;
  // Returns when it is ordered.
  struct Submitted {
    Bytes result;
    Commit commit;
  };
  [[nodiscard]] Result<Submitted> submit_async(const Call& call) const;
  [[nodiscard]] Result<Proposal> propose(const Call& call) const;

 private:
  ConnectionPtr connection_;
  std::string channel_id_;
  std::string chaincode_;
};

struct ChaincodeEvent {
  uint64_t block = 0;
  std::string transaction_id;
  std::string chaincode;
  std::string name;
  Bytes payload;
};

// A stream of events; ends when it is destroyed. next() waits, in one thread; cancel() from another wakes it.
template <class Event>
class Events {
 public:
  virtual ~Events() = default;
  // nullopt after cancel(). Errors: the stream's end, in gRPC's words.
  [[nodiscard]] virtual Result<std::optional<Event>> next() = 0;
  virtual void cancel() = 0;
};

class Network {
 public:
  Network(ConnectionPtr connection, std::string channel_id)
      : connection_(std::move(connection)), channel_id_(std::move(channel_id)) {}
  [[nodiscard]] Contract contract(std::string chaincode) const {
    return {connection_, channel_id_, std::move(chaincode)};
  }
  // From where the checkpointer stands; without one, or before it noted anything, from `start`; unset: the next block.
  [[nodiscard]] Result<std::unique_ptr<Events<ChaincodeEvent>>> chaincode_events(
      const std::string& chaincode, std::optional<uint64_t> start = std::nullopt,
      const Checkpointer* checkpointer = nullptr) const;
  [[nodiscard]] Result<std::unique_ptr<Events<::common::Block>>> block_events(
      std::optional<uint64_t> start = std::nullopt, const Checkpointer* checkpointer = nullptr) const;
  [[nodiscard]] Result<std::unique_ptr<Events<::protos::FilteredBlock>>> filtered_block_events(
      std::optional<uint64_t> start = std::nullopt, const Checkpointer* checkpointer = nullptr) const;

 private:
  ConnectionPtr connection_;
  std::string channel_id_;
};

// Copies share one connection, which ends with the last of them and of what was made from them.
class Gateway {
 public:
  // The dialer's TLS identity is used for the connection and named in requests that are bound to it.
  [[nodiscard]] static Result<Gateway> connect(const Dialer& dialer, const Target& peer, wire::Signer signer,
                                               GatewaySettings settings = {});
  [[nodiscard]] Network network(std::string channel_id) const { return {connection_, std::move(channel_id)}; }

  // What was signed elsewhere. kInvalidArgument when the bytes are not what bytes() made.
  [[nodiscard]] Result<Proposal> signed_proposal(BytesView bytes, Bytes signature) const;
  [[nodiscard]] Result<Transaction> signed_transaction(BytesView bytes, Bytes signature) const;
  [[nodiscard]] Result<Commit> signed_commit(BytesView bytes, Bytes signature) const;

 private:
  explicit Gateway(ConnectionPtr connection) : connection_(std::move(connection)) {}
  ConnectionPtr connection_;
};

}  // namespace selvage::client
