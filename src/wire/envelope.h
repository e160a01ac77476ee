// Making headers and signed envelopes, and opening an envelope of a known kind.
//
// Fabric quirk: protoutil/commonutils.go, txutils.go.
#pragma once

#include <google/protobuf/message.h>

#include <string>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "common/common.pb.h"
#include "wire/signer.h"

namespace selvage::wire {

inline constexpr size_t kNonceSize = 24;

// Lower-case hex of SHA-256(nonce, creator).
[[nodiscard]] std::string transaction_id(BytesView nonce, BytesView creator);

// Whole seconds, as Fabric writes headers of everything but proposals.
[[nodiscard]] ::common::ChannelHeader make_channel_header(::common::HeaderType type, int32_t version,
                                                          std::string_view channel_id, SystemTime now);
[[nodiscard]] ::common::SignatureHeader make_signature_header(BytesView creator, Random& random);

// Payload{header, data} of a message, signed; the data is marshal(message).
struct EnvelopeOptions {
  int32_t version = 0;
  Bytes tls_cert_hash;  // SHA-256 of the client's TLS certificate in DER; empty without
};
[[nodiscard]] Result<::common::Envelope> make_signed_envelope(::common::HeaderType type, std::string_view channel_id,
                                                              const Signer& signer,
                                                              const google::protobuf::Message& message, SystemTime now,
                                                              Random& random, const EnvelopeOptions& options = {});
// The last step alone: marshals and signs.
[[nodiscard]] Result<::common::Envelope> sign_payload(const ::common::Payload& payload, const Signer& signer);

// Parses the data of an envelope that must be of `type` into `message`, and gives its channel header.
// Errors: kInvalidArgument "invalid type MESSAGE, expected CONFIG_UPDATE", "envelope must have a Header", ...
[[nodiscard]] Result<::common::ChannelHeader> open_envelope_of(const ::common::Envelope& envelope,
                                                               ::common::HeaderType type,
                                                               google::protobuf::Message& message);
// The channel header alone.
[[nodiscard]] Result<::common::ChannelHeader> channel_header_of(const ::common::Envelope& envelope);
// "ENDORSER_TRANSACTION"; for a number without a name the number, as Go prints it.
[[nodiscard]] std::string header_type_name(int32_t type);

}  // namespace selvage::wire
