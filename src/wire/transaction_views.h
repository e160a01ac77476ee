// An endorsed transaction read in place, layer by layer: Transaction, ChaincodeActionPayload, ProposalResponsePayload,
// ChaincodeAction. What views are, and their errors: views.h.
#pragma once

#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace selvage::wire {

struct TransactionActionView {
  BytesView header;   // SignatureHeader
  BytesView payload;  // ChaincodeActionPayload
};

struct EndorsementView {
  BytesView endorser;
  BytesView signature;
};

struct ChaincodeActionPayloadView {
  BytesView proposal_payload;  // ChaincodeProposalPayload without transient data
  bool has_action = false;
  BytesView response_payload;  // ProposalResponsePayload: what endorsers signed
  std::vector<EndorsementView> endorsements;
};

struct ProposalResponsePayloadView {
  BytesView proposal_hash;
  BytesView extension;  // ChaincodeAction
};

struct ChaincodeIdView {
  bool present = false;
  BytesView path;
  BytesView name;
  BytesView version;
};

struct ResponseView {
  bool present = false;
  int32_t status = 0;
  BytesView message;
  BytesView payload;
};

struct ChaincodeActionView {
  BytesView results;  // TxReadWriteSet
  BytesView events;   // ChaincodeEvent
  ResponseView response;
  ChaincodeIdView chaincode_id;
};

// protos.Transaction.
[[nodiscard]] Result<std::vector<TransactionActionView>> read_transaction(BytesView bytes);
[[nodiscard]] Result<ChaincodeActionPayloadView> read_chaincode_action_payload(BytesView bytes);
[[nodiscard]] Result<ProposalResponsePayloadView> read_proposal_response_payload(BytesView bytes);
[[nodiscard]] Result<ChaincodeActionView> read_chaincode_action(BytesView bytes);
// protos.ChaincodeHeaderExtension: the chaincode that a proposal addresses.
[[nodiscard]] Result<ChaincodeIdView> read_chaincode_header_extension(BytesView bytes);

}  // namespace selvage::wire
