#include "validate/transaction_check.h"

#include <fmt/format.h>

#include <set>

#include "common/common.pb.h"
#include "crypto/hash.h"
#include "identity/signature_memory.h"
#include "peer/chaincode_event.pb.h"
#include "wire/envelope.h"
#include "wire/proposal.h"
#include "wire/transaction_views.h"
#include "wire/views.h"
#include "wire/marshal.h"

namespace selvage::validate {
namespace {

using ::protos::TxValidationCode;

Verdict check_common_header(const wire::ChannelHeaderView& channel, const wire::SignatureHeaderView& signature) {
  if (channel.type != ::common::ENDORSER_TRANSACTION && channel.type != ::common::CONFIG_UPDATE &&
      channel.type != ::common::CONFIG) {
    return invalid(::protos::BAD_COMMON_HEADER, "invalid header type " + wire::header_type_name(channel.type));
  }
  if (channel.epoch != 0) {
    return invalid(::protos::BAD_COMMON_HEADER,
                   fmt::format("invalid Epoch in ChannelHeader. Expected 0, got [{}]", channel.epoch));
  }
  if (signature.nonce.empty()) return invalid(::protos::BAD_COMMON_HEADER, "invalid nonce specified in the header");
  if (signature.creator.empty()) return invalid(::protos::BAD_COMMON_HEADER, "invalid creator specified in the header");
  return {};
}

Verdict check_creator(const wire::EnvelopeView& envelope, const wire::ChannelHeaderView& header, BytesView creator,
                      const channel::Bundle& bundle, identity::SignatureMemory* signatures) {
  const auto bad = [](std::string why) { return invalid(::protos::BAD_CREATOR_SIGNATURE, std::move(why)); };
  if (header.channel_id != bundle.channel_id()) return bad(fmt::format("MSP error: channel {} is not this one", escape(header.channel_id)));
  auto identity = bundle.msps()->deserialize(creator);
  if (!identity) return bad("MSP error: " + identity.error().message);
  if (auto valid = (*identity)->validate(); !valid) return bad("creator certificate is not valid: " + valid.error().message);
  Bytes digest;
  if (signatures != nullptr) {
    digest = identity::SignatureMemory::key(creator, envelope.payload, envelope.signature);
    if (signatures->contains(digest)) return {};
  }
  if (auto verified = (*identity)->verify(envelope.payload, envelope.signature); !verified) {
    return bad("creator's signature over the proposal is not valid: " + verified.error().message);
  }
  if (signatures != nullptr) signatures->add(digest);
  return {};
}

// Layers below the payload of an endorser transaction.
struct Action {
  wire::ChaincodeActionPayloadView payload;
  wire::ProposalResponsePayloadView response;
};

Verdict check_endorser_transaction(const wire::PayloadView& payload, Action& action) {
  const auto bad = [](std::string why) { return invalid(::protos::INVALID_ENDORSER_TRANSACTION, std::move(why)); };
  if (payload.data.empty()) return bad("nil arguments");
  auto actions = wire::read_transaction(payload.data);
  if (!actions) return bad(actions.error().message);
  if (actions->size() != 1) {
    return bad(fmt::format("only one action per transaction is supported, tx contains {}", actions->size()));
  }
  const wire::TransactionActionView& only = actions->front();
  auto header = wire::read_signature_header(only.header);
  if (!header) return bad(header.error().message);
  if (header->nonce.empty()) return bad("invalid nonce specified in the header");
  if (header->creator.empty()) return bad("invalid creator specified in the header");
  auto read = wire::read_chaincode_action_payload(only.payload);
  if (!read) return bad(read.error().message);
  if (!read->has_action) return bad("no payload in ChaincodeActionPayload");
  auto response = wire::read_proposal_response_payload(read->response_payload);
  if (!response) return bad(response.error().message);
  if (read->proposal_payload.empty()) return bad("nil arguments");
  const Bytes hash = wire::proposal_hash_in_transaction(payload.header.channel_header, only.header, read->proposal_payload);
  if (hash != response->proposal_hash) return bad("proposal hash does not match");
  action.payload = std::move(*read);
  action.response = *response;
  return {};
}

// The chaincode that is addressed, what it answered, and the namespaces that it writes.
Verdict check_action(const wire::ChannelHeaderView& header, const Action& action, CheckedTransaction& out) {
  auto addressed = wire::read_chaincode_header_extension(header.extension);
  if (!addressed) return invalid(::protos::BAD_HEADER_EXTENSION, addressed.error().message);
  if (action.payload.response_payload.empty()) {
    return invalid(::protos::BAD_RESPONSE_PAYLOAD, "GetActionFromEnvelope failed: no payload in ChaincodeActionPayload");
  }
  if (action.response.extension.empty()) {
    return invalid(::protos::BAD_RESPONSE_PAYLOAD, "GetActionFromEnvelope failed: response payload is missing extension");
  }
  auto answer = wire::read_chaincode_action(action.response.extension);
  if (!answer) return invalid(::protos::BAD_RESPONSE_PAYLOAD, "GetActionFromEnvelope failed: " + answer.error().message);
  auto rw_set = ledger::parse_tx_rw_set(answer->results);
  if (!rw_set) return invalid(::protos::BAD_RWSET, "txRWSet.FromProtoBytes failed: " + rw_set.error().message);
  out.rw_set = std::make_shared<const ledger::TxRwSet>(std::move(*rw_set));
  if (!addressed->present) return invalid(::protos::INVALID_OTHER_REASON, "nil ChaincodeId in header extension");
  if (!answer->chaincode_id.present) return invalid(::protos::INVALID_OTHER_REASON, "nil ChaincodeId in ChaincodeAction");
  out.chaincode = Bytes(addressed->name);
  if (out.chaincode.empty()) return invalid(::protos::INVALID_CHAINCODE, "invalid chaincode ID");
  if (out.chaincode != answer->chaincode_id.name) {
    return invalid(::protos::INVALID_CHAINCODE, fmt::format("inconsistent ccid info ({}/{})", escape(out.chaincode),
                                                            escape(answer->chaincode_id.name)));
  }
  if (answer->chaincode_id.version.empty()) return invalid(::protos::INVALID_CHAINCODE, "invalid chaincode version");
  if (!answer->events.empty()) {
    ::protos::ChaincodeEvent event;
    if (!wire::parse_into(answer->events, event)) {
      return invalid(::protos::INVALID_OTHER_REASON, "invalid chaincode event");
    }
    if (event.chaincode_id() != out.chaincode) {
      return invalid(::protos::INVALID_OTHER_REASON,
                     "chaincode event chaincode id does not match chaincode action chaincode id");
    }
  }
  std::set<std::string> names, written{out.chaincode};
  for (const ledger::NamespaceRwSet& ns : out.rw_set->namespaces) {
    if (!names.insert(ns.name).second) {
      return invalid(::protos::ILLEGAL_WRITESET, fmt::format("duplicate namespace '{}' in txRWSet", escape(ns.name)));
    }
    if (ns.writes()) written.insert(ns.name);
  }
  out.written_namespaces.assign(written.begin(), written.end());
  return {};
}

std::vector<policy::IdentityPtr> check_endorsements(const Action& action, const channel::Bundle& bundle,
                                                    identity::SignatureMemory* signatures) {
  std::vector<Bytes> messages;
  messages.reserve(action.payload.endorsements.size());
  std::vector<policy::SignedData> signed_data;
  for (const wire::EndorsementView& endorsement : action.payload.endorsements) {
    messages.push_back(wire::endorsed_bytes(action.payload.response_payload, endorsement.endorser));
    signed_data.push_back({messages.back(), endorsement.endorser, endorsement.signature});
  }
  return policy::valid_identities(signed_data, *bundle.msps(), signatures);
}

}  // namespace

CheckedTransaction check_transaction(BytesView bytes, const channel::Bundle& bundle, identity::SignatureMemory* signatures) {
  CheckedTransaction out;
  const auto refuse = [&](TxValidationCode code, std::string why) {
    out.form = invalid(code, std::move(why));
    return std::move(out);
  };
  auto envelope = wire::read_envelope(bytes);
  if (!envelope) return refuse(::protos::INVALID_OTHER_REASON, envelope.error().message);
  auto payload = wire::read_payload(envelope->payload);
  if (!payload) return refuse(::protos::BAD_PAYLOAD, payload.error().message);
  if (!payload->has_header) return refuse(::protos::BAD_COMMON_HEADER, "nil header");
  auto channel_header = wire::read_channel_header(payload->header.channel_header);
  if (!channel_header) return refuse(::protos::BAD_COMMON_HEADER, channel_header.error().message);
  out.header_type = channel_header->type;
  out.tx_id = Bytes(channel_header->tx_id);
  auto signature_header = wire::read_signature_header(payload->header.signature_header);
  if (!signature_header) return refuse(::protos::BAD_COMMON_HEADER, signature_header.error().message);
  const std::string computed = wire::transaction_id(signature_header->nonce, signature_header->creator);
  if (out.tx_id.empty()) out.tx_id = computed;

  out.form = check_common_header(*channel_header, *signature_header);
  if (!out.form.valid()) return out;
  out.form = check_creator(*envelope, *channel_header, signature_header->creator, bundle, signatures);
  if (!out.form.valid()) return out;
  switch (channel_header->type) {
    case ::common::ENDORSER_TRANSACTION: {
      if (channel_header->tx_id != computed) {
        return refuse(::protos::BAD_PROPOSAL_TXID,
                      fmt::format("invalid txid. got [{}], expected [{}]", escape(channel_header->tx_id), computed));
      }
      Action action;
      out.form = check_endorser_transaction(*payload, action);
      if (!out.form.valid()) return out;
      out.content = check_action(*channel_header, action, out);
      if (out.content.valid()) out.endorsers = check_endorsements(action, bundle, signatures);
      return out;
    }
    case ::common::CONFIG:
      if (payload->data.empty()) return refuse(::protos::INVALID_CONFIG_TRANSACTION, "nil arguments");
      out.config = payload->data;
      return out;
    default:
      return refuse(::protos::UNSUPPORTED_TX_PAYLOAD, "unsupported header type " + wire::header_type_name(channel_header->type));
  }
}

}  // namespace selvage::validate
