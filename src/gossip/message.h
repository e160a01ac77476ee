// Gossip messages with the envelope that they came in: reading, signing, and the rules that hold for one message alone.
//
// Pure parsing of strangers' bytes; nothing here keeps state. Used by all of gossip/, by discovery (which passes original
// envelopes on) and by the fuzzers.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/random.h"
#include "base/result.h"
#include "gossip/message.pb.h"

namespace selvage::gossip {

// Immutable once shared. `envelope` is what was signed: it is passed on as it came.
struct SignedMessage {
  ::gossip::GossipMessage message;
  ::gossip::Envelope envelope;
};
using MessagePtr = std::shared_ptr<const SignedMessage>;

using Sign = std::function<Result<Bytes>(BytesView message)>;
// Whether a signature over a message is that of the identity in question.
using Verify = std::function<Status(BytesView signature, BytesView message)>;

// kInvalidArgument when the bytes are no Envelope, or its payload no GossipMessage.
[[nodiscard]] Result<MessagePtr> read_message(BytesView envelope);
[[nodiscard]] Result<MessagePtr> read_message(::gossip::Envelope envelope);

// For messages between two peers, whose connection proves who sent them.
[[nodiscard]] MessagePtr make_unsigned(::gossip::GossipMessage message);
[[nodiscard]] Result<MessagePtr> make_signed(::gossip::GossipMessage message, const Sign& sign);
// With our internal endpoint, signed too, in the secret envelope.
[[nodiscard]] Result<MessagePtr> make_signed_with_secret(::gossip::GossipMessage message,
                                                         const std::string& internal_endpoint, const Sign& sign);
// The same without the secret, for other organisations.
[[nodiscard]] MessagePtr without_secret(const MessagePtr& message);

// Payload, and secret payload if there is one, carry the right signatures. "Empty signature" and the like in Go's words.
[[nodiscard]] Status check_signature(const SignedMessage& message, const Verify& verify);

// Whether the tag fits the content; unknown contents have none.
// Fabric quirk: gossip/protoext/message.go IsTagLegal.
[[nodiscard]] Status check_tag(const ::gossip::GossipMessage& message);
// CHAN_AND_ORG, CHAN_ONLY, CHAN_OR_ORG
[[nodiscard]] bool is_of_channel(const ::gossip::GossipMessage& message);
[[nodiscard]] bool is_pull(const ::gossip::GossipMessage& message);
[[nodiscard]] ::gossip::PullMsgType pull_type(const ::gossip::GossipMessage& message);

// "" when there is none, or it cannot be read.
[[nodiscard]] std::string internal_endpoint(const ::gossip::Envelope& envelope);

// SHA-256 of MSP id and certificate of a msp.SerializedIdentity; "" when the bytes are none.
[[nodiscard]] Bytes pki_id_of(BytesView identity);
// What proves that a peer knows a channel's name: SHA-256 of PKI-id and name.
[[nodiscard]] Bytes channel_mac(BytesView pki_id, BytesView channel);

// For questions: never 0, which is none.
[[nodiscard]] uint64_t make_nonce(Random& random);

// Strictly later: a younger incarnation, or the same one's higher number.
[[nodiscard]] bool is_later(const ::gossip::PeerTime& one, const ::gossip::PeerTime& other);

// One line for the log; what others chose is escaped.
[[nodiscard]] std::string describe(const SignedMessage& message);

}  // namespace selvage::gossip
