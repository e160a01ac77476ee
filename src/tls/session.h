// One TLS connection as a state machine: bytes in, bytes out, no socket, no clock but the one it is given.
//
//   auto session = context->accept("10.0.0.7:51234");
//   ... readable:   session->receive(ciphertext, plaintext);     // plaintext is appended to
//                   ... plaintext and session->state() ...
//   ... to send:    session->send(plaintext_out);
//   ... writable:   n = ::send(fd, session->output()); session->consume_output(n);
//
// After every receive() and send() there may be output: flush it, also when the state is kFailed, because the alert that
// tells the peer why is in it. Then, if wants_linger(): shut down the write side of the socket, read and discard for up to a
// second, close. Without that the peer's kernel may drop the alert.
//
// One thread at a time. The session keeps its context's certificates alive.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "tls/diagnosis.h"

namespace selvage::tls {

// What a finished handshake agreed on.
struct SessionFacts {
  std::string version;   // "TLS 1.3"
  std::string cipher;    // "TLS_AES_128_GCM_SHA256"
  std::string group;     // "X25519"; empty when not known
  std::string alpn;      // "h2"; empty: none
  std::string sni;       // server: as asked for by the client
  std::vector<crypto::Certificate> peer_chain;  // leaf first; empty: none
  bool peer_verified = false;                   // held against our trust and accepted
  bool resumed = false;                         // server: without a full handshake; peer_chain is that of the first one
};

class Session {
 public:
  enum class State {
    kHandshaking,
    kOpen,         // plaintext flows both ways
    kPeerClosed,   // close_notify came; we may still send
    kClosed,       // close() was called
    kFailed,       // see failure()
  };

  virtual ~Session() = default;

  // Takes all of `ciphertext` and appends what it decrypts to `plaintext`. On a new client session call it once with
  // nothing to make the first flight. An error in the bytes is not returned but is state kFailed.
  virtual void receive(BytesView ciphertext, Bytes& plaintext) = 0;
  // The transport ended (EOF or an error text such as "read tcp 127.0.0.1:1->127.0.0.1:2: connection reset by peer").
  virtual void receive_end(const std::string& error = "") = 0;
  // Encrypts all of it, in records of up to 16 KiB. Only in kOpen or kPeerClosed; otherwise nothing happens and false.
  virtual bool send(BytesView plaintext) = 0;
  // Says goodbye (close_notify). No effect once failed.
  virtual void close() = 0;

  // What is to be written to the transport now. Valid until the next call on this session.
  [[nodiscard]] virtual BytesView output() const = 0;
  virtual void consume_output(size_t bytes) = 0;

  [[nodiscard]] virtual State state() const = 0;
  // A fatal alert is in, or was taken from, output(): close only after a linger.
  [[nodiscard]] virtual bool wants_linger() const = 0;

  // Valid from kOpen on.
  [[nodiscard]] virtual const SessionFacts& facts() const = 0;
  // Keying material for a binding (RFC 5705 and 8446, equal to Go's ExportKeyingMaterial). kFailedPrecondition before kOpen.
  [[nodiscard]] virtual Result<Bytes> export_key(std::string_view label, std::string_view context, size_t bytes) const = 0;

  // Set in kFailed, and in kOpen on a server that explains a refusal (ServerPolicy::explain).
  [[nodiscard]] virtual const Evidence* failure() const = 0;
  // explain(*failure()), made at the first call; null when there is no failure.
  [[nodiscard]] virtual std::shared_ptr<const Diagnosis> diagnosis() = 0;
  [[nodiscard]] bool refused() const { return state() == State::kOpen && failure() != nullptr; }
};

}  // namespace selvage::tls
