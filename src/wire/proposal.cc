#include "wire/proposal.h"

#include <set>

#include "crypto/hash.h"
#include "peer/transaction.pb.h"
#include "wire/envelope.h"
#include "wire/marshal.h"

namespace selvage::wire {

NewProposal make_proposal(std::string_view channel_id, const ::protos::ChaincodeInvocationSpec& call, BytesView creator,
                          SystemTime now, Random& random, const std::map<std::string, Bytes>& transient) {
  const ::common::SignatureHeader signature_header = make_signature_header(creator, random);
  NewProposal made;
  made.transaction_id = transaction_id(signature_header.nonce(), creator);

  ::protos::ChaincodeHeaderExtension extension;
  *extension.mutable_chaincode_id() = call.chaincode_spec().chaincode_id();
  ::common::ChannelHeader channel_header = make_channel_header(::common::ENDORSER_TRANSACTION, 0, channel_id, now);
  const auto nanos = now.time_since_epoch() - std::chrono::floor<std::chrono::seconds>(now.time_since_epoch());
  channel_header.mutable_timestamp()->set_nanos(static_cast<int32_t>(nanos.count()));
  channel_header.set_tx_id(made.transaction_id);
  channel_header.set_extension(marshal(extension));
  ::common::Header header;
  header.set_channel_header(marshal(channel_header));
  header.set_signature_header(marshal(signature_header));

  ::protos::ChaincodeProposalPayload payload;
  payload.set_input(marshal(call));
  payload.mutable_transientmap()->insert(transient.begin(), transient.end());
  made.proposal.set_header(marshal(header));
  made.proposal.set_payload(marshal(payload));
  return made;
}

::protos::ChaincodeInvocationSpec make_call(std::string_view chaincode, std::span<const Bytes> arguments,
                                            bool is_init) {
  ::protos::ChaincodeInvocationSpec call;
  auto* spec = call.mutable_chaincode_spec();
  spec->set_type(::protos::ChaincodeSpec::GOLANG);
  spec->mutable_chaincode_id()->set_name(std::string(chaincode));
  for (const Bytes& argument : arguments) spec->mutable_input()->add_args(argument);
  spec->mutable_input()->set_is_init(is_init);
  return call;
}

Result<::protos::SignedProposal> sign_proposal(const ::protos::Proposal& proposal, const Signer& signer) {
  ::protos::SignedProposal signed_proposal;
  signed_proposal.set_proposal_bytes(marshal(proposal));
  SELVAGE_TRY(*signed_proposal.mutable_signature(), signer.sign(signed_proposal.proposal_bytes()));
  return signed_proposal;
}

Result<Bytes> payload_for_transaction(BytesView chaincode_proposal_payload) {
  SELVAGE_TRY(auto payload, parse<::protos::ChaincodeProposalPayload>(chaincode_proposal_payload));
  ::protos::ChaincodeProposalPayload stripped;  // drops what it does not know, as Fabric does
  stripped.set_input(std::move(*payload.mutable_input()));
  return marshal(stripped);
}

Bytes proposal_hash_in_transaction(BytesView channel_header, BytesView signature_header,
                                   BytesView payload_in_transaction) {
  return crypto::sha256({channel_header, signature_header, payload_in_transaction});
}

Result<Bytes> proposal_hash(BytesView channel_header, BytesView signature_header,
                            BytesView chaincode_proposal_payload) {
  SELVAGE_TRY(const Bytes stripped, payload_for_transaction(chaincode_proposal_payload));
  return proposal_hash_in_transaction(channel_header, signature_header, stripped);
}

Bytes response_payload(BytesView hash, const ::protos::Response& response, BytesView results, BytesView events,
                       const ::protos::ChaincodeID& chaincode_id) {
  ::protos::ChaincodeAction action;
  action.set_results(Bytes(results));
  action.set_events(Bytes(events));
  *action.mutable_response() = response;
  *action.mutable_chaincode_id() = chaincode_id;
  ::protos::ProposalResponsePayload payload;
  payload.set_proposal_hash(Bytes(hash));
  payload.set_extension(marshal(action));
  return marshal(payload);
}

Bytes endorsed_bytes(BytesView response_payload, BytesView endorser) {
  Bytes out(response_payload);
  out += endorser;
  return out;
}

Result<::common::Payload> make_transaction_payload(const ::protos::Proposal& proposal,
                                                   std::span<const ::protos::ProposalResponse> responses) {
  if (responses.empty()) return fail(Code::kInvalidArgument, "at least one proposal response is required");
  const Bytes& agreed = responses.front().payload();
  ::protos::ChaincodeActionPayload action;
  std::set<BytesView> endorsers;
  for (const auto& answer : responses) {
    if (const int32_t status = answer.response().status(); status < 200 || status >= 400)
      return fail(Code::kInvalidArgument, "proposal response was not successful, error code " + std::to_string(status) +
                                              ", msg " + answer.response().message());
    if (answer.payload() != agreed)
      return fail(Code::kInvalidArgument, "ProposalResponsePayloads do not match (base64): '" +
                                              to_base64(answer.payload()) + "' vs '" + to_base64(agreed) + "'");
    if (answer.has_endorsement() && endorsers.insert(answer.endorsement().endorser()).second)
      *action.mutable_action()->add_endorsements() = answer.endorsement();
  }
  if (endorsers.empty()) return fail(Code::kInvalidArgument, "no endorsements");
  action.mutable_action()->set_proposal_response_payload(agreed);

  ::common::Payload payload;
  SELVAGE_TRY(*payload.mutable_header(), parse<::common::Header>(proposal.header()));
  SELVAGE_TRY(*action.mutable_chaincode_proposal_payload(), payload_for_transaction(proposal.payload()));
  ::protos::Transaction transaction;
  auto* only = transaction.add_actions();
  only->set_header(payload.header().signature_header());
  only->set_payload(marshal(action));
  payload.set_data(marshal(transaction));
  return payload;
}

Result<::common::Envelope> make_transaction(const ::protos::Proposal& proposal, const Signer& signer,
                                            std::span<const ::protos::ProposalResponse> responses) {
  SELVAGE_TRY(auto payload, make_transaction_payload(proposal, responses));
  SELVAGE_TRY(auto creator, parse<::common::SignatureHeader>(payload.header().signature_header()));
  if (creator.creator() != signer.serialized)
    return fail(Code::kInvalidArgument, "signer must be the same as the one referenced in the header");
  return sign_payload(payload, signer);
}

}  // namespace selvage::wire
