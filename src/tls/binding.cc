#include "tls/binding.h"

#include "crypto/hash.h"

namespace selvage::tls {
namespace {

constexpr size_t kHashShown = 64;  // of a stranger's bytes

// Go's %v of a []byte.
std::string decimal_bytes(BytesView bytes) {
  std::string out = "[";
  for (char c : bytes) {
    if (out.size() > 1) out += ' ';
    out += std::to_string(static_cast<uint8_t>(c));
  }
  return out + "]";
}

}  // namespace

Bytes certificate_hash(BytesView leaf_der) { return leaf_der.empty() ? Bytes() : crypto::sha256(leaf_der); }

Status check_binding(BytesView claimed, BytesView actual, const std::string& actual_subject) {
  const std::string shown = "the certificate of the connection" + (actual_subject.empty() ? "" : ", " + escape(actual_subject, 160) + ",");
  if (actual.empty() && !claimed.empty()) {
    return fail(Code::kInvalidArgument, "client didn't send a TLS certificate",
                "TLS-50: claimed " + to_hex(claimed.substr(0, kHashShown)) + ", and no certificate came with the connection",
                "the client must be configured with a TLS certificate and key");
  }
  if (claimed.empty()) {
    return fail(Code::kInvalidArgument, "client didn't include its TLS cert hash",
                "TLS-50: " + (actual.empty() ? "no certificate came with the connection either"
                                             : shown + " has " + to_hex(actual)),
                "the client must put the SHA-256 of its TLS certificate into the channel header; with fabric-gateway set "
                "tlsClientCertificateHash");
  }
  if (claimed == actual) return {};
  claimed = claimed.substr(0, kHashShown);
  return fail(Code::kInvalidArgument,
              "claimed TLS cert hash is " + decimal_bytes(claimed) + " but actual TLS cert hash is " + decimal_bytes(actual),
              "TLS-50: claimed " + to_hex(claimed) + ", " + shown + " has " + to_hex(actual),
              "a proxy between client and server ends TLS and connects with a certificate of its own, or the client hashes "
              "another certificate than the one it connects with");
}

}  // namespace selvage::tls
