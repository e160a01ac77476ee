// The one Session that there is: OpenSSL behind two memory buffers. For tls/ only.
#pragma once

#include <openssl/ssl.h>

#include <chrono>
#include <functional>
#include <memory>

#include "base/clock.h"
#include "crypto/native.h"
#include "tls/context.h"
#include "tls/resumption.h"
#include "tls/session.h"

namespace selvage::tls {

using NativeContext = std::unique_ptr<SSL_CTX, crypto::Freer<SSL_CTX_free>>;

// "TLS 1.3"; empty for a number without a name.
[[nodiscard]] std::string version_name(uint16_t version);

// What a session is made from; shared by all sessions of one context version.
struct SessionBasis {
  NativeContext native;
  std::string broken;  // why there is no native context
  Side our_side = Side::kServer;
  std::shared_ptr<const Credentials> credentials;  // may be null on a client
  std::shared_ptr<const TrustSnapshot> trust;
  std::shared_ptr<const Clock> clock;
  ServerPolicy server_policy;
  ClientPolicy client_policy;
  std::unique_ptr<ResumableSessions> resumable;  // server with ServerPolicy::resumption
};

class OpensslSession final : public Session {
 public:
  // `host`: as dialled, client only. `may_explain`: server only, see ServerContext::accept().
  OpensslSession(std::shared_ptr<const SessionBasis> basis, std::string peer_address, std::string host,
                 bool may_explain = false);
  ~OpensslSession() override;

  void receive(BytesView ciphertext, Bytes& plaintext) override;
  void receive_end(const std::string& error) override;
  bool send(BytesView plaintext) override;
  void close() override;
  [[nodiscard]] BytesView output() const override { return BytesView(output_).substr(output_at_); }
  void consume_output(size_t bytes) override;
  [[nodiscard]] State state() const override { return state_; }
  [[nodiscard]] bool wants_linger() const override { return alert_sent_.has_value(); }
  [[nodiscard]] const SessionFacts& facts() const override { return facts_; }
  [[nodiscard]] Result<Bytes> export_key(std::string_view label, std::string_view context, size_t bytes) const override;
  [[nodiscard]] const Evidence* failure() const override { return failure_.get(); }
  [[nodiscard]] std::shared_ptr<const Diagnosis> diagnosis() override;

  // Called back by OpenSSL.
  static BIO_METHOD* transport();
  static int on_client_hello(SSL* ssl, int* alert, void* unused);
  static int on_alpn(SSL* ssl, const unsigned char** chosen, unsigned char* chosen_size, const unsigned char* offered,
                     unsigned offered_size, void* unused);
  static int on_certificate_request(SSL* ssl, void* unused);
  static int on_verify(X509_STORE_CTX* store, void* unused);
  static void on_event(const SSL* ssl, int where, int value);
  static void on_secret(const SSL* ssl, const char* line);
  static int on_new_session(SSL* ssl, SSL_SESSION* session);
  static SSL_SESSION* on_resume(SSL* ssl, const unsigned char* id, int id_size, int* copy);

 private:
  friend int transport_read(BIO*, char*, int);
  friend int transport_write(BIO*, const char*, int);

  bool verify_chain(X509_STORE_CTX* store);
  [[nodiscard]] std::optional<Refusal> judge(const std::vector<crypto::Certificate>& chain) const;
  [[nodiscard]] bool demands_verification() const;
  bool looks_like_tls(BytesView ciphertext);
  void handshake();
  void handshake_done();
  void read_all(Bytes& plaintext);
  void fail_from_openssl();
  void refuse_server(size_t output_before);
  void deny_client(size_t output_before);
  void fail_with(std::string error);
  void gather(std::string error);
  [[nodiscard]] std::string words_for(unsigned long openssl_error) const;
  [[nodiscard]] std::string host_to_verify() const;
  void read_client_hello();

  std::shared_ptr<const SessionBasis> basis_;
  std::string peer_address_, host_;
  bool explains_ = false;
  SteadyTime begun_;
  BytesView input_;   // the rest of what receive() was given
  Bytes output_;
  size_t output_at_ = 0;
  State state_ = State::kHandshaking;
  SessionFacts facts_;
  std::optional<Refusal> refusal_;
  std::optional<int> alert_sent_, alert_received_;
  bool certificate_requested_ = false;
  Bytes handshake_secret_;  // TLS 1.3, until the handshake is over: what an alert of ours is protected with
  Bytes first_bytes_;
  // Of the ClientHello, for messages.
  std::vector<std::string> alpn_offered_;
  std::vector<uint16_t> versions_offered_, ciphers_offered_;
  std::unique_ptr<Evidence> failure_;
  std::shared_ptr<const Diagnosis> diagnosis_;
  std::unique_ptr<SSL, crypto::Freer<SSL_free>> ssl_;  // last: goes first
};

}  // namespace selvage::tls
