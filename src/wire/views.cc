#include "wire/views.h"

#include "base/utf8.h"
#include "wire/fields.h"
#include "wire/marshal.h"

namespace selvage::wire {
namespace {

tl::unexpected<Error> bad(const char* name) {
  return fail(Code::kInvalidArgument, std::string("error unmarshalling ") + name + ": " + kBadWireFormat);
}

// Reads into a header that may have begun already: protobuf merges a message field that comes twice.
bool merge_header(BytesView bytes, HeaderView& header) {
  return read_bytes_fields(bytes, {&header.channel_header, &header.signature_header});
}

bool merge_timestamp(BytesView bytes, ChannelHeaderView& header) {
  header.has_timestamp = true;
  FieldReader fields(bytes);
  for (Field field; fields.next(field);) {
    if (field.is_varint(1)) header.timestamp_seconds = static_cast<int64_t>(field.value);
    if (field.is_varint(2)) header.timestamp_nanos = static_cast<int32_t>(field.value);
  }
  return !fields.failed();
}

}  // namespace

Result<EnvelopeView> read_envelope(BytesView bytes) {
  EnvelopeView view;
  if (!read_bytes_fields(bytes, {&view.payload, &view.signature})) return bad("Envelope");
  return view;
}

Result<HeaderView> read_header(BytesView bytes) {
  HeaderView view;
  if (!merge_header(bytes, view)) return bad("Header");
  return view;
}

Result<PayloadView> read_payload(BytesView bytes) {
  PayloadView view;
  FieldReader fields(bytes);
  for (Field field; fields.next(field);) {
    if (field.is_bytes(1)) {
      view.has_header = true;
      if (!merge_header(field.bytes, view.header)) return bad("Payload");
    }
    if (field.is_bytes(2)) view.data = field.bytes;
  }
  if (fields.failed()) return bad("Payload");
  return view;
}

Result<ChannelHeaderView> read_channel_header(BytesView bytes) {
  ChannelHeaderView view;
  FieldReader fields(bytes);
  for (Field field; fields.next(field);) {
    if (field.type == FieldType::kVarint) {
      if (field.number == 1) view.type = static_cast<int32_t>(field.value);
      if (field.number == 2) view.version = static_cast<int32_t>(field.value);
      if (field.number == 6) view.epoch = field.value;
    } else if (field.type == FieldType::kBytes) {
      switch (field.number) {
        case 3:
          if (!merge_timestamp(field.bytes, view)) return bad("ChannelHeader");
          break;
        case 4:
        case 5:
          if (!is_utf8(field.bytes)) return bad("ChannelHeader");
          (field.number == 4 ? view.channel_id : view.tx_id) = field.bytes;
          break;
        case 7:
          view.extension = field.bytes;
          break;
        case 8:
          view.tls_cert_hash = field.bytes;
          break;
        default:
          break;
      }
    }
  }
  if (fields.failed()) return bad("ChannelHeader");
  return view;
}

Result<SignatureHeaderView> read_signature_header(BytesView bytes) {
  SignatureHeaderView view;
  if (!read_bytes_fields(bytes, {&view.creator, &view.nonce})) return bad("SignatureHeader");
  return view;
}

Result<OpenEnvelope> open_envelope(BytesView envelope) {
  OpenEnvelope open;
  SELVAGE_TRY(open.envelope, read_envelope(envelope));
  SELVAGE_TRY(open.payload, read_payload(open.envelope.payload));
  if (!open.payload.has_header) return fail(Code::kInvalidArgument, "envelope must have a Header");
  SELVAGE_TRY(open.channel_header, read_channel_header(open.payload.header.channel_header));
  SELVAGE_TRY(open.signature_header, read_signature_header(open.payload.header.signature_header));
  return open;
}

Result<IdentityView> read_identity(BytesView bytes) {
  IdentityView view;
  FieldReader fields(bytes);
  for (Field field; fields.next(field);) {
    if (field.is_bytes(1)) {
      if (!is_utf8(field.bytes)) return bad("SerializedIdentity");
      view.mspid = field.bytes;
    }
    if (field.is_bytes(2)) view.id_bytes = field.bytes;
  }
  if (fields.failed()) return bad("SerializedIdentity");
  return view;
}

Result<SignedProposalView> read_signed_proposal(BytesView bytes) {
  SignedProposalView view;
  if (!read_bytes_fields(bytes, {&view.proposal_bytes, &view.signature})) return bad("SignedProposal");
  return view;
}

Result<ProposalView> read_proposal(BytesView bytes) {
  ProposalView view;
  if (!read_bytes_fields(bytes, {&view.header, &view.payload, &view.extension})) return bad("Proposal");
  return view;
}

}  // namespace selvage::wire
