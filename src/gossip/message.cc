#include "gossip/message.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "crypto/hash.h"
#include "msp/identities.pb.h"
#include "wire/marshal.h"

namespace selvage::gossip {
namespace {

using Message = ::gossip::GossipMessage;

MessagePtr share(Message message, Bytes payload, Bytes signature) {
  auto made = std::make_shared<SignedMessage>();
  made->message = std::move(message);
  made->envelope.set_payload(std::move(payload));
  made->envelope.set_signature(std::move(signature));
  return made;
}

Status expect_tag(const Message& message, Message::Tag tag) {
  if (message.tag() == tag) return {};
  return fail(Code::kInvalidArgument, "Tag should be " + Message::Tag_Name(tag));
}

Status check_one(BytesView payload, BytesView signature, const Verify& verify) {
  if (payload.empty()) return fail(Code::kInvalidArgument, "Empty payload");
  if (signature.empty()) return fail(Code::kInvalidArgument, "Empty signature");
  return verify(signature, payload);
}

const char* content_name(const Message& message) {
  const auto* field = Message::descriptor()->FindFieldByNumber(message.content_case());
  return field == nullptr ? "nothing" : field->name().c_str();
}

}  // namespace

Result<MessagePtr> read_message(::gossip::Envelope envelope) {
  auto read = std::make_shared<SignedMessage>();
  if (auto parsed = wire::parse_into(envelope.payload(), read->message); !parsed) {
    return fail(Code::kInvalidArgument, std::string("Failed unmarshalling GossipMessage from envelope: ") + wire::kBadWireFormat);
  }
  read->envelope = std::move(envelope);
  return MessagePtr(std::move(read));
}

Result<MessagePtr> read_message(BytesView bytes) {
  SELVAGE_TRY(auto envelope, wire::parse<::gossip::Envelope>(bytes));
  return read_message(std::move(envelope));
}

MessagePtr make_unsigned(Message message) {
  Bytes payload = wire::marshal(message);
  return share(std::move(message), std::move(payload), "");
}

Result<MessagePtr> make_signed(Message message, const Sign& sign) {
  Bytes payload = wire::marshal(message);
  SELVAGE_TRY(Bytes signature, sign(payload));
  return share(std::move(message), std::move(payload), std::move(signature));
}

Result<MessagePtr> make_signed_with_secret(Message message, const std::string& internal_endpoint, const Sign& sign) {
  SELVAGE_TRY(const MessagePtr made, make_signed(std::move(message), sign));
  auto with = std::make_shared<SignedMessage>(*made);
  ::gossip::Secret secret;
  secret.set_internalendpoint(internal_endpoint);
  Bytes payload = wire::marshal(secret);
  SELVAGE_TRY(Bytes signature, sign(payload));
  with->envelope.mutable_secret_envelope()->set_payload(std::move(payload));
  with->envelope.mutable_secret_envelope()->set_signature(std::move(signature));
  return MessagePtr(std::move(with));
}

MessagePtr without_secret(const MessagePtr& message) {
  if (!message->envelope.has_secret_envelope()) return message;
  auto open = std::make_shared<SignedMessage>(*message);
  open->envelope.clear_secret_envelope();
  return open;
}

Status check_signature(const SignedMessage& message, const Verify& verify) {
  const auto& envelope = message.envelope;
  SELVAGE_CHECK(check_one(envelope.payload(), envelope.signature(), verify));
  if (!envelope.has_secret_envelope()) return {};
  return check_one(envelope.secret_envelope().payload(), envelope.secret_envelope().signature(), verify);
}

bool is_of_channel(const Message& message) {
  return message.tag() == Message::CHAN_AND_ORG || message.tag() == Message::CHAN_ONLY ||
         message.tag() == Message::CHAN_OR_ORG;
}

bool is_pull(const Message& message) {
  return message.has_hello() || message.has_data_dig() || message.has_data_req() || message.has_data_update();
}

::gossip::PullMsgType pull_type(const Message& message) {
  switch (message.content_case()) {
    case Message::kHello: return message.hello().msg_type();
    case Message::kDataDig: return message.data_dig().msg_type();
    case Message::kDataReq: return message.data_req().msg_type();
    case Message::kDataUpdate: return message.data_update().msg_type();
    default: return ::gossip::UNDEFINED;
  }
}

Status check_tag(const Message& message) {
  if (message.tag() == Message::UNDEFINED) return fail(Code::kInvalidArgument, "Undefined tag");
  switch (message.content_case()) {
    case Message::kDataMsg:
    case Message::kLeadershipMsg: return expect_tag(message, Message::CHAN_AND_ORG);
    case Message::kAliveMsg:
    case Message::kMemReq:
    case Message::kMemRes: return expect_tag(message, Message::EMPTY);
    case Message::kPeerIdentity: return expect_tag(message, Message::ORG_ONLY);
    case Message::kHello:
    case Message::kDataDig:
    case Message::kDataReq:
    case Message::kDataUpdate:
      if (pull_type(message) == ::gossip::BLOCK_MSG) return expect_tag(message, Message::CHAN_AND_ORG);
      if (pull_type(message) == ::gossip::IDENTITY_MSG) return expect_tag(message, Message::EMPTY);
      return fail(Code::kInvalidArgument, "Invalid PullMsgType: " + ::gossip::PullMsgType_Name(pull_type(message)));
    case Message::kStateInfo:
    case Message::kStateInfoPullReq:
    case Message::kStateSnapshot:
    case Message::kStateRequest:
    case Message::kStateResponse: return expect_tag(message, Message::CHAN_OR_ORG);
    default: return fail(Code::kInvalidArgument, std::string("Unknown message type: ") + content_name(message));
  }
}

std::string internal_endpoint(const ::gossip::Envelope& envelope) {
  if (!envelope.has_secret_envelope()) return "";
  auto secret = wire::parse<::gossip::Secret>(envelope.secret_envelope().payload());
  return secret ? secret->internalendpoint() : "";
}

Bytes pki_id_of(BytesView identity) {
  if (identity.empty()) return "";
  const auto parsed = wire::parse<::msp::SerializedIdentity>(identity);
  if (!parsed) return "";
  return crypto::sha256({parsed->mspid(), parsed->id_bytes()});
}

Bytes channel_mac(BytesView pki_id, BytesView channel) { return crypto::sha256({pki_id, channel}); }

uint64_t make_nonce(Random& random) { return random.below(UINT64_MAX - 1) + 1; }

bool is_later(const ::gossip::PeerTime& one, const ::gossip::PeerTime& other) {
  if (one.inc_num() != other.inc_num()) return one.inc_num() > other.inc_num();
  return one.seq_num() > other.seq_num();
}

std::string describe(const SignedMessage& message) {
  const Message& content = message.message;
  return fmt::format("GossipMessage: Channel: {}, nonce: {}, tag: {} {}, Envelope: {} bytes, Signature: {} bytes",
                     escape(content.channel()), content.nonce(), Message::Tag_Name(content.tag()), content_name(content),
                     message.envelope.payload().size(), message.envelope.signature().size());
}

}  // namespace selvage::gossip
