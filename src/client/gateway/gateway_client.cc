#include "client/gateway/gateway_client.h"

#include "crypto/hash.h"
#include "os/system_clock.h"
#include "os/system_random.h"
#include "rpc/channel.h"
#include "wire/marshal.h"
#include "wire/proposal.h"
#include "wire/transaction_views.h"
#include "wire/views.h"

namespace selvage::client {
namespace {

// A failed call as an error: the nodes' parts in it go into the cause.
Error error_of(const rpc::Status& status) {
  Error error{status.code, status.message, "", ""};
  for (const auto& detail : status.details) {
    ::gateway::ErrorDetail one;
    if (!detail.type_url.ends_with("gateway.ErrorDetail") || !wire::parse_into(detail.value, one)) continue;
    if (!error.cause.empty()) error.cause += "\n";
    error.cause += one.address() + " (" + one.msp_id() + "): " + one.message();
  }
  return error;
}

template <class Response, class Request>
Result<Response> ask(const Connection& connection, const char* method, const Request& request,
                     std::chrono::milliseconds timeout) {
  const auto reply = connection.channel->call(std::string("/gateway.Gateway/") + method, wire::marshal(request),
                                              {.timeout = timeout});
  if (!reply.status.ok()) return fail(error_of(reply.status));
  return wire::parse<Response>(reply.message);
}

// The channel that an envelope's payload, or a proposal, names.
Result<std::string> channel_of(BytesView header_bytes) {
  SELVAGE_TRY(const auto header, wire::read_header(header_bytes));
  SELVAGE_TRY(const auto channel_header, wire::read_channel_header(header.channel_header));
  return std::string(channel_header.channel_id);
}

}  // namespace

Bytes Commit::bytes() const { return wire::marshal(request_); }
Bytes Commit::digest() const { return crypto::sha256(request_.request()); }

Result<CommitStatus> Commit::status() {
  if (request_.signature().empty()) {
    SELVAGE_TRY(*request_.mutable_signature(), connection_->signer.sign(request_.request()));
  }
  SELVAGE_TRY(const auto response, ask<::gateway::CommitStatusResponse>(*connection_, "CommitStatus", request_,
                                                                        connection_->settings.commit_timeout));
  return CommitStatus{transaction_id_, response.block_number(), response.result()};
}

Bytes Transaction::bytes() const { return wire::marshal(prepared_); }
Bytes Transaction::digest() const { return crypto::sha256(prepared_.envelope().payload()); }

Result<Bytes> Transaction::result() const {
  SELVAGE_TRY(const auto payload, wire::read_payload(prepared_.envelope().payload()));
  SELVAGE_TRY(const auto actions, wire::read_transaction(payload.data));
  if (actions.empty()) return fail(Code::kInvalidArgument, "the transaction has no action");
  SELVAGE_TRY(const auto action, wire::read_chaincode_action_payload(actions.front().payload));
  SELVAGE_TRY(const auto response, wire::read_proposal_response_payload(action.response_payload));
  SELVAGE_TRY(const auto outcome, wire::read_chaincode_action(response.extension));
  return Bytes(outcome.response.payload);
}

Result<Commit> Transaction::submit() {
  auto& envelope = *prepared_.mutable_envelope();
  if (envelope.signature().empty()) {
    SELVAGE_TRY(*envelope.mutable_signature(), connection_->signer.sign(envelope.payload()));
  }
  ::gateway::SubmitRequest request;
  request.set_transaction_id(prepared_.transaction_id());
  request.set_channel_id(channel_id_);
  *request.mutable_prepared_transaction() = envelope;
  SELVAGE_TRY([[maybe_unused]] const auto accepted,
              ask<::gateway::SubmitResponse>(*connection_, "Submit", request, connection_->settings.submit_timeout));
  ::gateway::CommitStatusRequest status;
  status.set_transaction_id(prepared_.transaction_id());
  status.set_channel_id(channel_id_);
  status.set_identity(connection_->signer.serialized);
  ::gateway::SignedCommitStatusRequest commit;
  commit.set_request(wire::marshal(status));
  return Commit(connection_, std::move(commit), prepared_.transaction_id());
}

Bytes Proposal::bytes() const { return wire::marshal(proposed_); }
Bytes Proposal::digest() const { return crypto::sha256(proposed_.proposal().proposal_bytes()); }

Status Proposal::sign() {
  auto& proposal = *proposed_.mutable_proposal();
  if (!proposal.signature().empty()) return {};
  SELVAGE_TRY(*proposal.mutable_signature(), connection_->signer.sign(proposal.proposal_bytes()));
  return {};
}

Result<Bytes> Proposal::evaluate() {
  SELVAGE_CHECK(sign());
  ::gateway::EvaluateRequest request;
  request.set_transaction_id(proposed_.transaction_id());
  request.set_channel_id(channel_id_);
  *request.mutable_proposed_transaction() = proposed_.proposal();
  *request.mutable_target_organizations() = proposed_.endorsing_organizations();
  SELVAGE_TRY(auto response, ask<::gateway::EvaluateResponse>(*connection_, "Evaluate", request,
                                                              connection_->settings.evaluate_timeout));
  return std::move(*response.mutable_result()->mutable_payload());
}

Result<Transaction> Proposal::endorse() {
  SELVAGE_CHECK(sign());
  ::gateway::EndorseRequest request;
  request.set_transaction_id(proposed_.transaction_id());
  request.set_channel_id(channel_id_);
  *request.mutable_proposed_transaction() = proposed_.proposal();
  *request.mutable_endorsing_organizations() = proposed_.endorsing_organizations();
  SELVAGE_TRY(auto response, ask<::gateway::EndorseResponse>(*connection_, "Endorse", request,
                                                             connection_->settings.endorse_timeout));
  ::gateway::PreparedTransaction prepared;
  prepared.set_transaction_id(proposed_.transaction_id());
  *prepared.mutable_envelope() = std::move(*response.mutable_prepared_transaction());
  return Transaction(connection_, channel_id_, std::move(prepared));
}

Result<Proposal> Contract::propose(const Call& call) const {
  std::vector<Bytes> arguments{call.function};
  arguments.insert(arguments.end(), call.arguments.begin(), call.arguments.end());
  const auto made = wire::make_proposal(channel_id_, wire::make_call(chaincode_, arguments), connection_->signer.serialized,
                                        os::system_clock().now(), os::system_random(), call.transient);
  ::gateway::ProposedTransaction proposed;
  proposed.set_transaction_id(made.transaction_id);
  proposed.mutable_proposal()->set_proposal_bytes(wire::marshal(made.proposal));
  for (const auto& mspid : call.organizations) proposed.add_endorsing_organizations(mspid);
  return Proposal(connection_, channel_id_, std::move(proposed));
}

Result<Bytes> Contract::evaluate(const Call& call) const {
  SELVAGE_TRY(auto proposal, propose(call));
  return proposal.evaluate();
}

Result<Contract::Submitted> Contract::submit_async(const Call& call) const {
  SELVAGE_TRY(auto proposal, propose(call));
  SELVAGE_TRY(auto transaction, proposal.endorse());
  SELVAGE_TRY(auto result, transaction.result());
  SELVAGE_TRY(auto commit, transaction.submit());
  return Submitted{std::move(result), std::move(commit)};
}

Result<Bytes> Contract::submit(const Call& call) const {
  SELVAGE_TRY(auto submitted, submit_async(call));
  SELVAGE_TRY(const auto status, submitted.commit.status());
  if (status.valid()) return std::move(submitted.result);
  return fail(Code::kAborted, "transaction " + status.transaction_id + " failed to commit with status code " +
                                  std::to_string(status.code) + " (" + ::protos::TxValidationCode_Name(status.code) + ")");
}

Result<Gateway> Gateway::connect(const Dialer& dialer, const Target& peer, wire::Signer signer, GatewaySettings settings) {
  SELVAGE_TRY(auto channel, dialer.dial(peer));
  return Gateway(std::make_shared<const Connection>(
      Connection{std::move(channel), std::move(signer), dialer.certificate_hash(), settings}));
}

Result<Proposal> Gateway::signed_proposal(BytesView bytes, Bytes signature) const {
  SELVAGE_TRY(auto proposed, wire::parse<::gateway::ProposedTransaction>(bytes));
  SELVAGE_TRY(const auto proposal, wire::read_proposal(proposed.proposal().proposal_bytes()));
  SELVAGE_TRY(auto channel_id, channel_of(proposal.header));
  proposed.mutable_proposal()->set_signature(std::move(signature));
  return Proposal(connection_, std::move(channel_id), std::move(proposed));
}

Result<Transaction> Gateway::signed_transaction(BytesView bytes, Bytes signature) const {
  SELVAGE_TRY(auto prepared, wire::parse<::gateway::PreparedTransaction>(bytes));
  SELVAGE_TRY(const auto payload, wire::read_payload(prepared.envelope().payload()));
  SELVAGE_TRY(const auto channel_header, wire::read_channel_header(payload.header.channel_header));
  std::string channel_id(channel_header.channel_id);
  prepared.mutable_envelope()->set_signature(std::move(signature));
  return Transaction(connection_, std::move(channel_id), std::move(prepared));
}

Result<Commit> Gateway::signed_commit(BytesView bytes, Bytes signature) const {
  SELVAGE_TRY(auto outer, wire::parse<::gateway::SignedCommitStatusRequest>(bytes));
  SELVAGE_TRY(auto request, wire::parse<::gateway::CommitStatusRequest>(outer.request()));
  outer.set_signature(std::move(signature));
  return Commit(connection_, std::move(outer), request.transaction_id());
}

}  // namespace selvage::client
