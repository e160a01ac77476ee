#include "identity/well_formed.h"

#include <fmt/format.h>

#include "crypto/certificate.h"
#include "crypto/pem.h"
#include "msp/identities.pb.h"
#include "wire/marshal.h"

namespace selvage::identity {
namespace {

// One DER INTEGER, positive and minimal; false when it is not. Advances past it.
bool take_positive_integer(BytesView& in) {
  if (in.size() < 3 || in[0] != 0x02) return false;
  const size_t length = static_cast<uint8_t>(in[1]);
  if (length == 0 || length > 127 || in.size() < 2 + length) return false;
  const BytesView value = in.substr(2, length);
  const auto first = static_cast<uint8_t>(value[0]);
  if ((first & 0x80) != 0) return false;
  if (first == 0 && (length == 1 || (static_cast<uint8_t>(value[1]) & 0x80) == 0)) return false;
  in.remove_prefix(2 + length);
  return true;
}

bool is_canonical_ecdsa(BytesView signature) {
  if (signature.size() < 2 || signature[0] != 0x30) return false;
  size_t header = 2;
  size_t length = static_cast<uint8_t>(signature[1]);
  if (length == 0x81 && signature.size() > 2) {  // P-521
    length = static_cast<uint8_t>(signature[2]);
    if (length < 128) return false;
    header = 3;
  } else if (length > 127) {
    return false;
  }
  BytesView body = signature.substr(header);
  return body.size() == length && take_positive_integer(body) && take_positive_integer(body) && body.empty();
}

bool signed_with_ecdsa(crypto::SignatureAlgorithm algorithm) {
  using A = crypto::SignatureAlgorithm;
  return algorithm == A::kEcdsaSha1 || algorithm == A::kEcdsaSha256 || algorithm == A::kEcdsaSha384 ||
         algorithm == A::kEcdsaSha512;
}

}  // namespace

Status check_identity_form(BytesView serialized) {
  const auto refuse = [] { return fail(Code::kInvalidArgument, "no MSP provider recognizes the identity"); };
  ::msp::SerializedIdentity claim;
  if (!wire::parse_into(serialized, claim)) {
    return fail(Code::kInvalidArgument, "identity is not a SerializedIdentity");
  }
  const Bytes& pem = claim.id_bytes();
  const std::vector<crypto::PemBlock> blocks = crypto::parse_pem(pem);
  if (blocks.empty() || (blocks[0].label != "CERTIFICATE" && !blocks[0].label.empty())) return refuse();
  // Nothing may follow the END line but its own line break.
  const size_t end = pem.find("-----END " + blocks[0].label + "-----");
  if (end == std::string::npos) return refuse();
  size_t after = end + 14 + blocks[0].label.size();
  while (after < pem.size() && (pem[after] == ' ' || pem[after] == '\t' || pem[after] == '\r')) after++;
  if (after < pem.size() && pem[after] == '\n') after++;
  if (after != pem.size()) return refuse();
  auto certificate = crypto::Certificate::from_der(blocks[0].der);
  if (!certificate) return refuse();
  if (signed_with_ecdsa(certificate->signature_algorithm()) && !is_canonical_ecdsa(certificate->signature())) return refuse();
  return {};
}

}  // namespace selvage::identity
