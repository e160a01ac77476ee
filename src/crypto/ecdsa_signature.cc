#include "crypto/ecdsa_signature.h"

#include <array>

#include "crypto/der.h"

namespace selvage::crypto {
namespace {

Bytes order_of(const char* hex) { return from_hex(hex).value_or(Bytes()); }

Bytes without_leading_zeros(BytesView number) {
  while (!number.empty() && number[0] == 0) number.remove_prefix(1);
  return Bytes(number);
}

Bytes halve(BytesView number) {
  Bytes out(number);
  unsigned carry = 0;
  for (char& c : out) {
    unsigned byte = static_cast<uint8_t>(c);
    c = static_cast<char>((byte >> 1) | (carry << 7));
    carry = byte & 1;
  }
  return without_leading_zeros(out);
}

// one - other, for one >= other.
Bytes subtract(BytesView one, BytesView other) {
  Bytes out(one);
  int borrow = 0;
  for (size_t i = 0; i < out.size(); ++i) {
    size_t at = out.size() - 1 - i;
    int difference = static_cast<uint8_t>(out[at]) - borrow;
    if (i < other.size()) difference -= static_cast<uint8_t>(other[other.size() - 1 - i]);
    borrow = difference < 0;
    out[at] = static_cast<char>(difference & 0xff);
  }
  return without_leading_zeros(out);
}

struct Curve {
  Bytes order, half;
};

const Curve* curve_of(KeyAlgorithm algorithm) {
  static const std::array<Curve, 4> curves = [] {
    std::array<Curve, 4> all;
    all[0].order = order_of("ffffffffffffffffffffffffffff16a2e0b8f03e13dd29455c5c2a3d");
    all[1].order = order_of("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
    all[2].order = order_of(
        "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973");
    all[3].order = order_of(
        "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899"
        "c47aebb6fb71e91386409");
    for (Curve& curve : all) curve.half = halve(curve.order);
    return all;
  }();
  switch (algorithm) {
    case KeyAlgorithm::kEcdsaP224: return &curves[0];
    case KeyAlgorithm::kEcdsaP256: return &curves[1];
    case KeyAlgorithm::kEcdsaP384: return &curves[2];
    case KeyAlgorithm::kEcdsaP521: return &curves[3];
    default: return nullptr;
  }
}

tl::unexpected<Error> malformed(const char* what) {
  return fail(Code::kInvalidArgument, std::string("Failed unmashalling signature [") + what + "]");
}

}  // namespace

Result<EcdsaSignature> parse_ecdsa_signature(BytesView bytes) {
  der::Reader outer(bytes);
  BytesView sequence, r, s;
  if (!outer.read(der::kSequence, sequence)) return malformed("failed unmashalling signature [asn1: structure error]");
  der::Reader numbers(sequence);
  if (!numbers.read_integer(r) || !numbers.read_integer(s)) {
    return malformed("failed unmashalling signature [asn1: structure error: integer not minimally-encoded]");
  }
  auto positive = [](BytesView number) {
    return (static_cast<uint8_t>(number[0]) & 0x80) == 0 && !(number.size() == 1 && number[0] == 0);
  };
  if (!positive(r)) return malformed("invalid signature, R must be larger than zero");
  if (!positive(s)) return malformed("invalid signature, S must be larger than zero");
  return EcdsaSignature{without_leading_zeros(r), without_leading_zeros(s)};
}

Bytes encode_ecdsa_signature(const EcdsaSignature& signature) {
  return der::wrap(der::kSequence, der::unsigned_integer(signature.r) + der::unsigned_integer(signature.s));
}

BytesView curve_order(KeyAlgorithm algorithm) {
  const Curve* curve = curve_of(algorithm);
  return curve == nullptr ? BytesView() : BytesView(curve->order);
}

Bytes half_curve_order(KeyAlgorithm algorithm) {
  const Curve* curve = curve_of(algorithm);
  return curve == nullptr ? Bytes() : curve->half;
}

int compare_numbers(BytesView one, BytesView other) {
  if (one.size() != other.size()) return one.size() < other.size() ? -1 : 1;
  int order = one.compare(other);  // char_traits<char> compares as unsigned
  return order < 0 ? -1 : order > 0 ? 1 : 0;
}

bool make_low_s(EcdsaSignature& signature, KeyAlgorithm algorithm) {
  const Curve* curve = curve_of(algorithm);
  if (curve == nullptr || compare_numbers(signature.s, curve->half) <= 0 ||
      compare_numbers(signature.s, curve->order) >= 0) {
    return false;
  }
  signature.s = subtract(curve->order, signature.s);
  return true;
}

}  // namespace selvage::crypto
