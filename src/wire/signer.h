// A signature maker as wire/ needs it: who signs, and how. identity::SigningIdentity becomes one with signer_of().
#pragma once

#include <functional>
#include <utility>

#include "base/bytes.h"
#include "base/result.h"

namespace selvage::wire {

struct Signer {
  Bytes serialized;  // msp.SerializedIdentity: the creator
  std::function<Result<Bytes>(BytesView message)> sign;
};

// Anything with serialized() and sign(); it is copied.
template <class SigningIdentity>
[[nodiscard]] Signer signer_of(SigningIdentity identity) {
  Bytes serialized = identity.serialized();
  return Signer{std::move(serialized),
                [identity = std::move(identity)](BytesView message) { return identity.sign(message); }};
}

}  // namespace selvage::wire
