// The two numbers of an ECDSA signature, and which half of the curve's order S is in. Pure; for crypto/ only.
#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/key.h"

namespace selvage::crypto {

struct EcdsaSignature {
  Bytes r, s;  // big-endian, no leading zeros, above zero
};

// Errors have Fabric's words. Bytes after the SEQUENCE, and after S within it, are ignored as Go's asn1.Unmarshal does.
[[nodiscard]] Result<EcdsaSignature> parse_ecdsa_signature(BytesView der);
[[nodiscard]] Bytes encode_ecdsa_signature(const EcdsaSignature& signature);

// The order of the curve, big-endian; empty when `algorithm` is not ECDSA.
[[nodiscard]] BytesView curve_order(KeyAlgorithm algorithm);
[[nodiscard]] Bytes half_curve_order(KeyAlgorithm algorithm);
// Compares as numbers (both without leading zeros): -1, 0, 1.
[[nodiscard]] int compare_numbers(BytesView one, BytesView other);
// S becomes order - S when it is above the half; true if it was. S must be below the order.
bool make_low_s(EcdsaSignature& signature, KeyAlgorithm algorithm);

}  // namespace selvage::crypto
