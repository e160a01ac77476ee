// A request that names the TLS certificate it came over: the hash in the request against the connection's own.
//
// Pure. Used by Deliver (ChannelHeader.tls_cert_hash).
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace selvage::tls {

// SHA-256 of the leaf's DER; empty when `leaf_der` is empty.
[[nodiscard]] Bytes certificate_hash(BytesView leaf_der);

// Ok when both are equal. `actual` empty: the client sent no certificate. kInvalidArgument with Fabric's words in `message`
// ("client didn't include its TLS cert hash", "claimed TLS cert hash is [52 234 ...] but actual TLS cert hash is [...]"); `cause`
// is "TLS-50: " with both in hex and the name of the connection's certificate, `hint` what usually lies behind it; the client may
// read both, as they hold nothing but what it, or the proxy before it, sent.
[[nodiscard]] Status check_binding(BytesView claimed_hash, BytesView actual_hash, const std::string& actual_subject = "");

// Where Deliver, whose answer to all of this is a bare BAD_REQUEST, says in words what was wrong: a trailer beside the good
// gRPC status, which clients of Fabric leave unread.
inline constexpr const char* kWhyTrailer = "selvage-why";

}  // namespace selvage::tls
