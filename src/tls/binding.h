// A request that names the TLS certificate it came over: the hash in the request against the connection's own.
//
// Pure. Used by Deliver (ChannelHeader.tls_cert_hash) and, later, gossip.
#pragma once

#include "base/bytes.h"
#include "base/result.h"

namespace selvage::tls {

// SHA-256 of the leaf's DER; empty when `leaf_der` is empty.
[[nodiscard]] Bytes certificate_hash(BytesView leaf_der);

// Ok when both are equal. `actual` empty: the client sent no certificate. kInvalidArgument with Fabric's words in `message`
// ("client didn't include its TLS cert hash", "claimed TLS cert hash is [52 234 ...] but actual TLS cert hash is [...]"); `cause`
// has both in hex and `hint` what usually lies behind it.
[[nodiscard]] Status check_binding(BytesView claimed_hash, BytesView actual_hash);

}  // namespace selvage::tls
