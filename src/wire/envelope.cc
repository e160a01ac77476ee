#include "wire/envelope.h"

#include "crypto/hash.h"
#include "wire/marshal.h"

namespace selvage::wire {

std::string transaction_id(BytesView nonce, BytesView creator) { return to_hex(crypto::sha256({nonce, creator})); }

::common::ChannelHeader make_channel_header(::common::HeaderType type, int32_t version, std::string_view channel_id,
                                            SystemTime now) {
  ::common::ChannelHeader header;
  header.set_type(type);
  header.set_version(version);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count();
  header.mutable_timestamp()->set_seconds(seconds);
  header.set_channel_id(std::string(channel_id));
  return header;
}

::common::SignatureHeader make_signature_header(BytesView creator, Random& random) {
  ::common::SignatureHeader header;
  header.set_creator(Bytes(creator));
  header.set_nonce(random.bytes(kNonceSize));
  return header;
}

Result<::common::Envelope> sign_payload(const ::common::Payload& payload, const Signer& signer) {
  ::common::Envelope envelope;
  envelope.set_payload(marshal(payload));
  SELVAGE_TRY(*envelope.mutable_signature(), signer.sign(envelope.payload()));
  return envelope;
}

Result<::common::Envelope> make_signed_envelope(::common::HeaderType type, std::string_view channel_id,
                                                const Signer& signer, const google::protobuf::Message& message,
                                                SystemTime now, Random& random, const EnvelopeOptions& options) {
  ::common::ChannelHeader channel_header = make_channel_header(type, options.version, channel_id, now);
  channel_header.set_tls_cert_hash(options.tls_cert_hash);
  ::common::Payload payload;
  payload.mutable_header()->set_channel_header(marshal(channel_header));
  payload.mutable_header()->set_signature_header(marshal(make_signature_header(signer.serialized, random)));
  payload.set_data(marshal(message));
  return sign_payload(payload, signer);
}

std::string header_type_name(int32_t type) {
  if (!::common::HeaderType_IsValid(type)) return std::to_string(type);
  return ::common::HeaderType_Name(static_cast<::common::HeaderType>(type));
}

Result<::common::ChannelHeader> open_envelope_of(const ::common::Envelope& envelope, ::common::HeaderType type,
                                                 google::protobuf::Message& message) {
  SELVAGE_TRY(auto payload, parse<::common::Payload>(envelope.payload()));
  if (!payload.has_header()) return fail(Code::kInvalidArgument, "envelope must have a Header");
  SELVAGE_TRY(auto header, parse<::common::ChannelHeader>(payload.header().channel_header()));
  if (header.type() != type)
    return fail(Code::kInvalidArgument,
                "invalid type " + header_type_name(header.type()) + ", expected " + header_type_name(type));
  if (!parse_into(payload.data(), message))
    return fail(Code::kInvalidArgument,
                "error unmarshalling message for type " + header_type_name(type) + ": " + kBadWireFormat);
  return header;
}

Result<::common::ChannelHeader> channel_header_of(const ::common::Envelope& envelope) {
  SELVAGE_TRY(auto payload, parse<::common::Payload>(envelope.payload()));
  if (!payload.has_header()) return fail(Code::kInvalidArgument, "header not set");
  if (payload.header().channel_header().empty()) return fail(Code::kInvalidArgument, "channel header not set");
  auto header = parse<::common::ChannelHeader>(payload.header().channel_header());
  if (!header) return fail(header.error().within("error unmarshalling channel header"));
  return header;
}

}  // namespace selvage::wire
