#include "wire/transaction_views.h"

#include "base/utf8.h"
#include "wire/fields.h"
#include "wire/marshal.h"

namespace selvage::wire {
namespace {

tl::unexpected<Error> bad(const char* name) {
  return fail(Code::kInvalidArgument, std::string("error unmarshalling ") + name + ": " + kBadWireFormat);
}

bool read_action(BytesView bytes, TransactionActionView& view) {
  return read_bytes_fields(bytes, {&view.header, &view.payload});
}

bool read_endorsement(BytesView bytes, EndorsementView& view) {
  return read_bytes_fields(bytes, {&view.endorser, &view.signature});
}

// The three below may run twice on one view: protobuf merges a message field that comes twice.
bool merge_endorsed_action(BytesView bytes, ChaincodeActionPayloadView& view) {
  view.has_action = true;
  FieldReader fields(bytes);
  for (Field field; fields.next(field);) {
    if (field.is_bytes(1)) view.response_payload = field.bytes;
    if (field.is_bytes(2)) {
      EndorsementView endorsement;
      if (!read_endorsement(field.bytes, endorsement)) return false;
      view.endorsements.push_back(endorsement);
    }
  }
  return !fields.failed();
}

bool merge_chaincode_id(BytesView bytes, ChaincodeIdView& view) {
  view.present = true;
  FieldReader fields(bytes);
  for (Field field; fields.next(field);) {
    if (field.type != FieldType::kBytes || field.number > 3) continue;
    if (!is_utf8(field.bytes)) return false;
    (field.number == 1 ? view.path : field.number == 2 ? view.name : view.version) = field.bytes;
  }
  return !fields.failed();
}

bool merge_response(BytesView bytes, ResponseView& view) {
  view.present = true;
  FieldReader fields(bytes);
  for (Field field; fields.next(field);) {
    if (field.is_varint(1)) view.status = static_cast<int32_t>(field.value);
    if (field.is_bytes(2)) {
      if (!is_utf8(field.bytes)) return false;
      view.message = field.bytes;
    }
    if (field.is_bytes(3)) view.payload = field.bytes;
  }
  return !fields.failed();
}

}  // namespace

Result<std::vector<TransactionActionView>> read_transaction(BytesView bytes) {
  std::vector<TransactionActionView> actions;
  FieldReader fields(bytes);
  for (Field field; fields.next(field);) {
    if (!field.is_bytes(1)) continue;
    TransactionActionView action;
    if (!read_action(field.bytes, action)) return bad("Transaction");
    actions.push_back(action);
  }
  if (fields.failed()) return bad("Transaction");
  return actions;
}

Result<ChaincodeActionPayloadView> read_chaincode_action_payload(BytesView bytes) {
  ChaincodeActionPayloadView view;
  FieldReader fields(bytes);
  for (Field field; fields.next(field);) {
    if (field.is_bytes(1)) view.proposal_payload = field.bytes;
    if (field.is_bytes(2) && !merge_endorsed_action(field.bytes, view)) return bad("ChaincodeActionPayload");
  }
  if (fields.failed()) return bad("ChaincodeActionPayload");
  return view;
}

Result<ProposalResponsePayloadView> read_proposal_response_payload(BytesView bytes) {
  ProposalResponsePayloadView view;
  if (!read_bytes_fields(bytes, {&view.proposal_hash, &view.extension})) return bad("ProposalResponsePayload");
  return view;
}

Result<ChaincodeActionView> read_chaincode_action(BytesView bytes) {
  ChaincodeActionView view;
  FieldReader fields(bytes);
  for (Field field; fields.next(field);) {
    if (field.is_bytes(1)) view.results = field.bytes;
    if (field.is_bytes(2)) view.events = field.bytes;
    if (field.is_bytes(3) && !merge_response(field.bytes, view.response)) return bad("ChaincodeAction");
    if (field.is_bytes(4) && !merge_chaincode_id(field.bytes, view.chaincode_id)) return bad("ChaincodeAction");
  }
  if (fields.failed()) return bad("ChaincodeAction");
  return view;
}

Result<ChaincodeIdView> read_chaincode_header_extension(BytesView bytes) {
  ChaincodeIdView view;
  FieldReader fields(bytes);
  for (Field field; fields.next(field);)
    if (field.is_bytes(2) && !merge_chaincode_id(field.bytes, view)) return bad("ChaincodeHeaderExtension");
  if (fields.failed()) return bad("ChaincodeHeaderExtension");
  return view;
}

}  // namespace selvage::wire
