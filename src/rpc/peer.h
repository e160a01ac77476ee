// The other end of a connection, as its TLS handshake proved it.
#pragma once

#include <string>

#include "base/bytes.h"

namespace selvage::rpc {

// Immutable once the connection is up; calls share it.
struct Peer {
  std::string address;             // "127.0.0.1:41234", or as dialled
  bool tls = false;                // false: plaintext, and everything below is empty
  bool verified = false;           // its certificate was held against our trust (one-way TLS: shown, not verified)
  Bytes certificate;               // its leaf, DER; empty when it sent none
  Bytes certificate_sha256;        // 32 bytes; empty when it sent none. What Fabric calls the TLS certificate hash
  std::string certificate_subject; // Go's text: "CN=peer0.org1.example.com,OU=peer"
  std::string tls_version;         // "TLS 1.3"
  std::string tls_cipher;          // "TLS_AES_128_GCM_SHA256"
  std::string tls_group;           // "X25519"; empty when not known
};

}  // namespace selvage::rpc
