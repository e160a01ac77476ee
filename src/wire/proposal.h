// Proposals, endorsements and the transaction made of them.
//
// Fabric quirk: protoutil/proputils.go, txutils.go.
#pragma once

#include <map>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "common/common.pb.h"
#include "peer/chaincode.pb.h"
#include "peer/proposal.pb.h"
#include "peer/proposal_response.pb.h"
#include "wire/signer.h"

namespace selvage::wire {

struct NewProposal {
  ::protos::Proposal proposal;
  std::string transaction_id;
};

// A chaincode call as a proposal, not yet signed. `channel_id` is empty for calls to the peer itself (install, join).
// `transient` reaches the chaincode and never the ledger.
[[nodiscard]] NewProposal make_proposal(std::string_view channel_id, const ::protos::ChaincodeInvocationSpec& call,
                                        BytesView creator, SystemTime now, Random& random,
                                        const std::map<std::string, Bytes>& transient = {});
// The usual call: chaincode by name, arguments as bytes.
[[nodiscard]] ::protos::ChaincodeInvocationSpec make_call(std::string_view chaincode, std::span<const Bytes> arguments,
                                                          bool is_init = false);
[[nodiscard]] Result<::protos::SignedProposal> sign_proposal(const ::protos::Proposal& proposal, const Signer& signer);

// ChaincodeProposalPayload without its transient map, written anew: what goes into the transaction.
[[nodiscard]] Result<Bytes> payload_for_transaction(BytesView chaincode_proposal_payload);
// SHA-256(channel header, signature header, payload_for_transaction(payload)): endorsers compute it.
[[nodiscard]] Result<Bytes> proposal_hash(BytesView channel_header, BytesView signature_header,
                                          BytesView chaincode_proposal_payload);
// The same over a payload as it stands in a transaction: validators compute it.
[[nodiscard]] Bytes proposal_hash_in_transaction(BytesView channel_header, BytesView signature_header,
                                                 BytesView payload_in_transaction);

// Marshalled ProposalResponsePayload{hash, ChaincodeAction{results, events, response, chaincode id}}.
[[nodiscard]] Bytes response_payload(BytesView hash, const ::protos::Response& response, BytesView results,
                                     BytesView events, const ::protos::ChaincodeID& chaincode_id);
// What an endorser signs: response payload, then its own serialized identity.
[[nodiscard]] Bytes endorsed_bytes(BytesView response_payload, BytesView endorser);

// The transaction that the client signs and sends to the orderer. Errors: kInvalidArgument with Fabric's words when a
// response failed, endorsers disagree, or the signer is not the proposal's creator.
[[nodiscard]] Result<::common::Envelope> make_transaction(const ::protos::Proposal& proposal, const Signer& signer,
                                                          std::span<const ::protos::ProposalResponse> responses);
// The same up to the signature: the payload that a gateway hands to its client to sign.
[[nodiscard]] Result<::common::Payload> make_transaction_payload(const ::protos::Proposal& proposal,
                                                                 std::span<const ::protos::ProposalResponse> responses);

}  // namespace selvage::wire
