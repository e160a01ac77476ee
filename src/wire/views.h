// Envelope, payload, headers and proposals read in place: the hot paths of orderer and peer look at a few fields of
// large messages and keep the bytes, which are what is signed and hashed.
//
// Every view points into the bytes that it was read from. A view says what the generated class would say, repeated and
// merged fields included. Errors are kInvalidArgument with Fabric's text ("error unmarshalling ChannelHeader: ...").
#pragma once

#include "base/bytes.h"
#include "base/result.h"

namespace selvage::wire {

struct EnvelopeView {
  BytesView payload;
  BytesView signature;
};

struct HeaderView {
  BytesView channel_header;
  BytesView signature_header;
};

struct PayloadView {
  bool has_header = false;
  HeaderView header;
  BytesView data;
};

struct ChannelHeaderView {
  int32_t type = 0;
  int32_t version = 0;
  bool has_timestamp = false;
  int64_t timestamp_seconds = 0;
  int32_t timestamp_nanos = 0;
  BytesView channel_id;
  BytesView tx_id;
  uint64_t epoch = 0;
  BytesView extension;
  BytesView tls_cert_hash;
};

struct SignatureHeaderView {
  BytesView creator;
  BytesView nonce;
};

[[nodiscard]] Result<EnvelopeView> read_envelope(BytesView bytes);
[[nodiscard]] Result<HeaderView> read_header(BytesView bytes);
[[nodiscard]] Result<PayloadView> read_payload(BytesView bytes);
[[nodiscard]] Result<ChannelHeaderView> read_channel_header(BytesView bytes);
[[nodiscard]] Result<SignatureHeaderView> read_signature_header(BytesView bytes);

// All four layers of one envelope.
struct OpenEnvelope {
  EnvelopeView envelope;
  PayloadView payload;
  ChannelHeaderView channel_header;
  SignatureHeaderView signature_header;
};
[[nodiscard]] Result<OpenEnvelope> open_envelope(BytesView envelope);

// msp.SerializedIdentity.
struct IdentityView {
  BytesView mspid;
  BytesView id_bytes;
};
[[nodiscard]] Result<IdentityView> read_identity(BytesView bytes);

// protos.SignedProposal and protos.Proposal.
struct SignedProposalView {
  BytesView proposal_bytes;
  BytesView signature;
};
struct ProposalView {
  BytesView header;
  BytesView payload;
  BytesView extension;
};
[[nodiscard]] Result<SignedProposalView> read_signed_proposal(BytesView bytes);
[[nodiscard]] Result<ProposalView> read_proposal(BytesView bytes);

}  // namespace selvage::wire
