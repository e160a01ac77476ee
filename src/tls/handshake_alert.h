// An alert of TLS 1.3 during the handshake that OpenSSL does not send, protected as RFC 8446 wants it.
//
// OpenSSL's client makes its keys for writing only with its last flight, so that an alert by which it refused a server's
// certificate would leave in the clear. OpenSSL's servers overlook that; Go's answer "bad record MAC" and never learn the
// reason. So a session lets its handshake go on to that flight, throws the flight away and sends this in its place.
//
// OpenSSL's server has no verdict on a certificate that makes the alert "access denied"; a session sends this in place of what
// OpenSSL made instead.
// Pure; for tls/ only.
#pragma once

#include <openssl/ssl.h>

#include "base/bytes.h"

namespace selvage::tls {

// The record that carries a fatal alert, as the first one under this secret: the client's handshake traffic secret, or the
// server's application traffic secret. Empty when the suite is none of TLS 1.3's.
[[nodiscard]] Bytes protected_alert(const SSL_CIPHER* suite, BytesView traffic_secret, int alert);

}  // namespace selvage::tls
