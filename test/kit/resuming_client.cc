#include "kit/resuming_client.h"

#include <openssl/err.h>

namespace selvage::test {

ResumingClient::ResumingClient(const Identity* identity, int version) : context_(SSL_CTX_new(TLS_client_method())) {
  SSL_CTX* context = context_.get();
  SSL_CTX_set_max_proto_version(context, version);
  SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_set_app_data(context, this);
  SSL_CTX_sess_set_new_cb(context, [](SSL* ssl, SSL_SESSION* session) {
    auto* self = static_cast<ResumingClient*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
    self->session_.reset(session);
    return 1;
  });
  if (identity == nullptr) return;
  const Bytes& der = identity->certificate.der();
  SSL_CTX_use_certificate_ASN1(context, static_cast<int>(der.size()), reinterpret_cast<const unsigned char*>(der.data()));
  SSL_CTX_use_PrivateKey(context, identity->key.native());
}

bool ResumingClient::connect(tls::Session& server, const Step& step) {
  std::unique_ptr<SSL, crypto::Freer<SSL_free>> ssl(SSL_new(context_.get()));
  BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
  SSL_set_bio(ssl.get(), in, out);
  if (session_) SSL_set_session(ssl.get(), session_.get());
  SSL_set_connect_state(ssl.get());
  Bytes heard;
  for (bool moved = true; moved;) {
    char buffer[16384];
    if (SSL_do_handshake(ssl.get()) == 1) SSL_read(ssl.get(), buffer, sizeof buffer);  // reads tickets
    moved = false;
    if (int size = BIO_read(out, buffer, sizeof buffer); size > 0) {
      BytesView flight(buffer, static_cast<size_t>(size));
      if (step) {
        step(flight);
      } else {
        server.receive(flight, heard);
      }
      moved = true;
    }
    if (BytesView answer = server.output(); !answer.empty()) {
      BIO_write(in, answer.data(), static_cast<int>(answer.size()));
      server.consume_output(answer.size());
      moved = true;
    }
  }
  resumed_ = SSL_session_reused(ssl.get()) == 1;
  const bool done = SSL_is_init_finished(ssl.get()) == 1;
  SSL_set_quiet_shutdown(ssl.get(), 1);
  SSL_shutdown(ssl.get());  // a session of a connection that just vanished would count as bad
  ERR_clear_error();
  return done && server.state() == tls::Session::State::kOpen;
}

}  // namespace selvage::test
