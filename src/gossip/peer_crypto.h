// What gossip must know of identities: whose they are, whether they hold, and our own signature. An interface, so that the
// state machines are tested without certificates; msp_crypto.h is the real one.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"

namespace selvage::gossip {

// Identities are bytes of msp.SerializedIdentity. Safe from any thread.
class PeerCrypto {
 public:
  virtual ~PeerCrypto() = default;
  [[nodiscard]] virtual const Bytes& own_identity() const = 0;
  [[nodiscard]] virtual Result<Bytes> sign(BytesView message) const = 0;
  // The MSP whose identity this claims to be and can be; "" when no MSP that we know of takes it. Does not validate.
  [[nodiscard]] virtual std::string org_of(BytesView identity) const = 0;
  // Known MSP (our own, or one of a channel of ours), good chain, not revoked. Expiry is expires_at()'s.
  [[nodiscard]] virtual Status validate(BytesView identity) const = 0;
  // Errors as validate().
  [[nodiscard]] virtual Result<SystemTime> expires_at(BytesView identity) const = 0;
  // validate() and a good signature; for a foreign identity also the Readers policy of a channel that knows it.
  [[nodiscard]] virtual Status verify(BytesView identity, BytesView signature, BytesView message) const = 0;
  // The signer may read this channel (/Channel/Application/Readers). kNotFound: no such channel here.
  [[nodiscard]] virtual Status verify_in_channel(const std::string& channel, BytesView identity, BytesView signature,
                                                 BytesView message) const = 0;
};

}  // namespace selvage::gossip
