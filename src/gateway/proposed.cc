#include "gateway/proposed.h"

#include "peer/chaincode.pb.h"
#include "peer/transaction.pb.h"
#include "wire/marshal.h"
#include "wire/proposal.h"

namespace selvage::gateway {
namespace {

tl::unexpected<Error> invalid(std::string text) { return fail(Code::kInvalidArgument, std::move(text)); }

struct Read {
  Proposed proposed;
  ::protos::ChaincodeInvocationSpec spec;
};

Result<Read> read(const ::protos::SignedProposal& signed_proposal) {
  Read out;
  SELVAGE_TRY(auto proposal, wire::parse<::protos::Proposal>(signed_proposal.proposal_bytes()));
  SELVAGE_TRY(out.proposed.header, wire::parse<::common::Header>(proposal.header()));
  SELVAGE_TRY(auto channel_header, wire::parse<::common::ChannelHeader>(out.proposed.header.channel_header()));
  SELVAGE_TRY(auto payload, wire::parse<::protos::ChaincodeProposalPayload>(proposal.payload()));
  SELVAGE_CHECK(wire::parse_into(payload.input(), out.spec));
  out.proposed.channel = std::move(*channel_header.mutable_channel_id());
  out.proposed.chaincode = out.spec.chaincode_spec().chaincode_id().name();
  out.proposed.has_transient = payload.transientmap_size() > 0;
  out.proposed.payload = std::move(*proposal.mutable_payload());
  return out;
}

}  // namespace

Result<Proposed> read_proposed(const ::protos::SignedProposal& proposal) {
  SELVAGE_TRY(auto out, read(proposal));
  return std::move(out.proposed);
}

Result<Proposed> read_query(const ::protos::SignedProposal& proposal) {
  if (proposal.proposal_bytes().empty()) return invalid("a signed proposal is required");
  SELVAGE_TRY(auto out, read(proposal));
  const std::string& channel = out.proposed.channel;
  if (channel.empty()) return invalid("no channel id provided");
  if (!out.spec.has_chaincode_spec()) return invalid("no chaincode spec is provided, channel id [" + channel + "]");
  if (!out.spec.chaincode_spec().has_chaincode_id())
    return invalid("no chaincode id is provided, channel id [" + channel + "]");
  if (out.proposed.chaincode.empty()) return invalid("no chaincode name is provided, channel id [" + channel + "]");
  return std::move(out.proposed);
}

Result<::common::Envelope> prepare_transaction(const Proposed& proposed, const Bytes& response_payload,
                                               std::vector<::protos::Endorsement> endorsements) {
  ::protos::ChaincodeActionPayload action;
  SELVAGE_TRY(*action.mutable_chaincode_proposal_payload(), wire::payload_for_transaction(proposed.payload));
  action.mutable_action()->set_proposal_response_payload(response_payload);
  for (auto& endorsement : endorsements) *action.mutable_action()->add_endorsements() = std::move(endorsement);
  ::protos::Transaction transaction;
  auto* one = transaction.add_actions();
  one->set_header(proposed.header.signature_header());
  one->set_payload(wire::marshal(action));
  ::common::Payload payload;
  *payload.mutable_header() = proposed.header;
  payload.set_data(wire::marshal(transaction));
  ::common::Envelope envelope;
  envelope.set_payload(wire::marshal(payload));
  return envelope;
}

}  // namespace selvage::gateway
