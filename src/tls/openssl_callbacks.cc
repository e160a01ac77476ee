// What OpenSSL asks of a session in the middle of a handshake.
#include <openssl/x509v3.h>

#include <algorithm>

#include "crypto/hash.h"
#include "tls/handshake_alert.h"
#include "tls/openssl_session.h"

namespace selvage::tls {
namespace {

constexpr size_t kListed = 64;  // of a ClientHello's entries

OpensslSession* session_of(const SSL* ssl) { return static_cast<OpensslSession*>(SSL_get_app_data(ssl)); }

bool reserved(uint16_t number) { return (number & 0x0f0f) == 0x0a0a; }  // GREASE

// The X509_V_ERR_ value that OpenSSL turns into this alert.
int verify_error_for(int alert) {
  switch (alert) {
    case kAlertUnknownCa: return X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY;
    case kAlertCertificateExpired: return X509_V_ERR_CERT_HAS_EXPIRED;
    case kAlertUnsupportedCertificate: return X509_V_ERR_INVALID_PURPOSE;
    case kAlertCertificateRevoked: return X509_V_ERR_CERT_REVOKED;
    default: return X509_V_ERR_CERT_REJECTED;
  }
}

Result<crypto::Certificate> read_certificate(X509* native) {
  unsigned char* der = nullptr;
  int size = i2d_X509(native, &der);
  if (size <= 0) return fail(Code::kInvalidArgument, "x509: malformed certificate");
  auto certificate = peer_certificate(BytesView(reinterpret_cast<char*>(der), static_cast<size_t>(size)));
  OPENSSL_free(der);
  return certificate;
}

}  // namespace

int OpensslSession::on_client_hello(SSL* ssl, int*, void*) {
  session_of(ssl)->read_client_hello();
  return SSL_CLIENT_HELLO_SUCCESS;
}

void OpensslSession::read_client_hello() {
  SSL* ssl = ssl_.get();
  auto number = [](const unsigned char* at) { return static_cast<uint16_t>(at[0] << 8 | at[1]); };
  versions_offered_.clear();
  ciphers_offered_.clear();
  alpn_offered_.clear();
  const unsigned char* bytes = nullptr;
  size_t size = 0;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_supported_versions, &bytes, &size) == 1 && size > 1) {
    for (size_t i = 1; i + 1 < size && versions_offered_.size() < kListed; i += 2) {
      if (!reserved(number(bytes + i))) versions_offered_.push_back(number(bytes + i));
    }
  } else {
    for (unsigned version = SSL_client_hello_get0_legacy_version(ssl); version >= 0x0301 && version <= 0x0303; --version) {
      versions_offered_.push_back(static_cast<uint16_t>(version));
    }
  }
  size = SSL_client_hello_get0_ciphers(ssl, &bytes);
  for (size_t i = 0; i + 1 < size && ciphers_offered_.size() < kListed; i += 2) {
    if (!reserved(number(bytes + i))) ciphers_offered_.push_back(number(bytes + i));
  }
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &bytes, &size) == 1) {
    for (size_t i = 2; i < size && alpn_offered_.size() < kListed;) {
      size_t length = bytes[i];
      if (i + 1 + length > size) break;
      alpn_offered_.emplace_back(reinterpret_cast<const char*>(bytes + i + 1), length);
      i += 1 + length;
    }
  }
}

int OpensslSession::on_alpn(SSL* ssl, const unsigned char** chosen, unsigned char* chosen_size,
                            const unsigned char* offered, unsigned offered_size, void*) {
  const auto& ours = session_of(ssl)->basis_->server_policy.alpn;
  if (ours.empty()) return SSL_TLSEXT_ERR_NOACK;
  for (const std::string& wanted : ours) {
    for (unsigned i = 0; i < offered_size;) {
      unsigned length = offered[i];
      if (i + 1 + length > offered_size) break;
      if (BytesView(reinterpret_cast<const char*>(offered + i + 1), length) == wanted) {
        *chosen = offered + i + 1;
        *chosen_size = static_cast<unsigned char>(length);
        return SSL_TLSEXT_ERR_OK;
      }
      i += 1 + length;
    }
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

int OpensslSession::on_certificate_request(SSL* ssl, void*) {
  session_of(ssl)->certificate_requested_ = true;
  return 1;  // go on with the certificate that the context has, if any
}

int OpensslSession::on_verify(X509_STORE_CTX* store, void*) {
  auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  OpensslSession* session = session_of(ssl);
  if (session->verify_chain(store)) {
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return 1;
  }
  // Refused all the same, but later: an explained client in words, a TLS 1.3 server by refuse_server().
  bool later = session->basis_->our_side == Side::kServer ? session->explains_ : SSL_version(ssl) == TLS1_3_VERSION;
  if (later) {
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return 1;
  }
  X509_STORE_CTX_set_error(store, verify_error_for(session->refusal_->alert));
  return 0;
}

bool OpensslSession::demands_verification() const {
  ClientAuth mode = basis_->server_policy.client_auth;
  return mode == ClientAuth::kVerifyIfGiven || mode == ClientAuth::kRequireAndVerify;
}

std::optional<Refusal> OpensslSession::judge(const std::vector<crypto::Certificate>& chain) const {
  bool server = basis_->our_side == Side::kServer;
  PeerCheck check;
  check.peer = server ? Side::kClient : Side::kServer;
  auto shift = std::max(server ? basis_->server_policy.time_shift : basis_->client_policy.time_shift, std::chrono::seconds(0));
  check.now = basis_->clock->now() - shift;
  if (!server) check.host = host_to_verify();
  auto refusal = verify_peer(chain, *basis_->trust, check);
  if (refusal || !server) return refusal;
  const ServerPolicy& policy = basis_->server_policy;
  if (const Revocations* list = policy.revocation ? basis_->trust->revoked(chain) : nullptr) {
    return Refusal{Refusal::Kind::kRevoked, "tls: client certificate is revoked by the list of " + list->from.to_string(), {},
                   kAlertCertificateRevoked};
  }
  if (!policy.client_names.empty() && !has_allowed_name(chain.front(), policy.client_names)) {
    return Refusal{Refusal::Kind::kOtherName, "tls: client certificate has none of the names that may connect", {}, kAlertAccessDenied};
  }
  return std::nullopt;
}

// Told of a session that could be resumed: after the client's last message.
int OpensslSession::on_new_session(SSL* ssl, SSL_SESSION* session) {
  OpensslSession* self = session_of(ssl);
  const std::vector<crypto::Certificate>* chain = &self->facts_.peer_chain;
  if (SSL_session_reused(ssl) == 1) chain = ResumableSessions::chain_of(session);
  // The refused, who may be about to be told in words, and those who are to show a certificate and did not: never.
  if (self->refusal_ || chain == nullptr) return 0;
  ClientAuth mode = self->basis_->server_policy.client_auth;
  if (chain->empty() && (mode == ClientAuth::kRequireAny || mode == ClientAuth::kRequireAndVerify)) return 0;
  if (!ResumableSessions::attach(session, *chain)) return 0;
  unsigned size = 0;
  const unsigned char* id = SSL_SESSION_get_id(session, &size);
  self->basis_->resumable->remember({reinterpret_cast<const char*>(id), size}, ResumableSessions::Native(session));
  return 1;  // the reference is ours
}

SSL_SESSION* OpensslSession::on_resume(SSL* ssl, const unsigned char* id, int id_size, int* copy) {
  OpensslSession* self = session_of(ssl);
  *copy = 0;  // the reference that find() takes is given away
  auto known = self->basis_->resumable->find({reinterpret_cast<const char*>(id), static_cast<size_t>(id_size)});
  if (!known) return nullptr;
  const auto* chain = ResumableSessions::chain_of(known.get());
  if (chain == nullptr) return nullptr;
  // What would be refused now shakes hands in full, and is told why.
  if (!chain->empty() && self->demands_verification() && self->judge(*chain)) return nullptr;
  return known.release();
}

bool OpensslSession::verify_chain(X509_STORE_CTX* store) {
  const STACK_OF(X509)* natives = X509_STORE_CTX_get0_untrusted(store);
  bool server = basis_->our_side == Side::kServer;
  facts_.peer_chain.clear();
  for (int i = 0; i < sk_X509_num(natives); ++i) {
    auto certificate = read_certificate(sk_X509_value(natives, i));
    if (!certificate) {
      refusal_ = Refusal{Refusal::Kind::kMalformed,
                         std::string("tls: failed to parse ") + (server ? "client certificate: " : "certificate from server: ") +
                             certificate.error().message,
                         {}, kAlertBadCertificate};
      return false;
    }
    facts_.peer_chain.push_back(std::move(*certificate));
  }
  if (facts_.peer_chain.empty()) return true;  // OpenSSL asks only when there is one
  if (server && !demands_verification()) return true;
  refusal_ = judge(facts_.peer_chain);
  // Fabric quirk: Go's server tells a client of the wrong key usage no more than that its certificate is bad (crypto/tls).
  if (refusal_ && server && basis_->server_policy.explain == Explain::kOff && refusal_->alert == kAlertUnsupportedCertificate) {
    refusal_->alert = kAlertBadCertificate;
  }
  if (refusal_) return false;
  if (!server && basis_->client_policy.pin) {
    if (Status pinned = basis_->client_policy.pin(facts_.peer_chain.front()); !pinned) {
      refusal_ = Refusal{Refusal::Kind::kPinned, pinned.error().message, {}, kAlertBadCertificate, pinned.error()};
      return false;
    }
  }
  facts_.peer_verified = true;
  return true;
}

void OpensslSession::on_event(const SSL* ssl, int where, int value) {
  if (!(where & SSL_CB_ALERT)) return;
  OpensslSession* session = session_of(ssl);
  int level = value >> 8, alert = value & 0xff;
  if (level != SSL3_AL_FATAL) return;
  ((where & SSL_CB_READ) ? session->alert_received_ : session->alert_sent_) = alert;
}

void OpensslSession::on_secret(const SSL* ssl, const char* line) {
  std::string_view text(line);
  OpensslSession* session = session_of(ssl);
  // A server writes with its last keys as soon as it has said its part.
  const bool server = session->basis_->our_side == Side::kServer;
  if (!text.starts_with(server ? "SERVER_TRAFFIC_SECRET_0 " : "CLIENT_HANDSHAKE_TRAFFIC_SECRET ")) return;
  if (auto secret = from_hex(text.substr(text.rfind(' ') + 1))) session->handshake_secret_ = std::move(*secret);
}

// See tls/handshake_alert.h. What OpenSSL made since `output_before` would be our part of a good handshake.
void OpensslSession::refuse_server(size_t output_before) {
  output_.resize(output_before);
  Bytes record = protected_alert(SSL_get_current_cipher(ssl_.get()), handshake_secret_, refusal_->alert);
  crypto::wipe(handshake_secret_);
  if (!record.empty()) {
    output_ += Bytes{20, 3, 3, 0, 1, 1} + record;  // change_cipher_spec, which middleboxes expect before it
    alert_sent_ = refusal_->alert;
  }
  fail_with(refusal_->text);
}

// OpenSSL has no verdict that makes this alert: the "bad certificate" that it made since `output_before` gives way to it.
void OpensslSession::deny_client(size_t output_before) {
  if (!alert_sent_) return;
  const Bytes record = SSL_version(ssl_.get()) == TLS1_3_VERSION
                           ? protected_alert(SSL_get_current_cipher(ssl_.get()), handshake_secret_, refusal_->alert)
                           : Bytes{21, 3, 3, 0, 2, 2, static_cast<char>(refusal_->alert)};  // nothing is encrypted yet
  if (record.empty()) return;
  output_.resize(output_before);
  output_ += record;
  alert_sent_ = refusal_->alert;
}

}  // namespace selvage::tls
