#include "tls/openssl_session.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>

#include "crypto/distinguished_name.h"
#include "crypto/hash.h"
#include "tls/handshake_alert.h"

namespace selvage::tls {
namespace {

constexpr size_t kRecordBytes = 16384;
constexpr size_t kFirstBytesKept = 64;
constexpr size_t kListed = 64;  // of a ClientHello's entries

OpensslSession* session_of(const SSL* ssl) { return static_cast<OpensslSession*>(SSL_get_app_data(ssl)); }

std::string hex_list(const std::vector<uint16_t>& numbers) {
  std::string out = "[";
  for (uint16_t number : numbers) {
    char text[8];
    std::snprintf(text, sizeof text, "%s%x", out.size() > 1 ? " " : "", number);
    out += text;
  }
  return out + "]";
}

std::string version_name(uint16_t version) {
  switch (version) {
    case 0x0300: return "SSL 3.0";
    case 0x0301: return "TLS 1.0";
    case 0x0302: return "TLS 1.1";
    case 0x0303: return "TLS 1.2";
    case 0x0304: return "TLS 1.3";
    default: return "";
  }
}

std::string cipher_name(SSL* ssl, uint16_t id) {
  unsigned char bytes[2] = {static_cast<unsigned char>(id >> 8), static_cast<unsigned char>(id & 0xff)};
  const SSL_CIPHER* cipher = SSL_CIPHER_find(ssl, bytes);
  if (cipher != nullptr) return SSL_CIPHER_standard_name(cipher);
  char text[8];
  std::snprintf(text, sizeof text, "0x%04x", id);
  return text;
}

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

int transport_read(BIO* bio, char* out, int wanted) {
  auto* session = static_cast<OpensslSession*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (session->input_.empty()) {
    BIO_set_retry_read(bio);
    return -1;
  }
  size_t count = std::min(session->input_.size(), static_cast<size_t>(wanted));
  std::memcpy(out, session->input_.data(), count);
  session->input_.remove_prefix(count);
  return static_cast<int>(count);
}

int transport_write(BIO* bio, const char* bytes, int count) {
  auto* session = static_cast<OpensslSession*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  session->output_.append(bytes, static_cast<size_t>(count));
  return count;
}

BIO_METHOD* OpensslSession::transport() {
  static BIO_METHOD* method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "session");
    BIO_meth_set_read(made, transport_read);
    BIO_meth_set_write(made, transport_write);
    BIO_meth_set_ctrl(made, [](BIO*, int command, long, void*) -> long { return command == BIO_CTRL_FLUSH; });
    return made;
  }();
  return method;
}

OpensslSession::OpensslSession(std::shared_ptr<const SessionBasis> basis, std::string peer_address, std::string host)
    : basis_(std::move(basis)), peer_address_(std::move(peer_address)), host_(std::move(host)),
      begun_(basis_->clock->steady()) {
  if (basis_->native) ssl_.reset(SSL_new(basis_->native.get()));
  BIO* bio = ssl_ ? BIO_new(transport()) : nullptr;
  if (bio == nullptr) {
    ssl_.reset();
    fail_with(basis_->broken.empty() ? "tls: " + crypto::take_openssl_errors() : basis_->broken);
    return;
  }
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_app_data(ssl_.get(), this);
  if (basis_->our_side == Side::kServer) {
    SSL_set_accept_state(ssl_.get());
    return;
  }
  SSL_set_connect_state(ssl_.get());
  std::string name = host_to_verify();
  while (name.ends_with('.')) name.pop_back();
  if (!name.empty() && !crypto::ip_from_string(name)) SSL_set_tlsext_host_name(ssl_.get(), name.c_str());
}

OpensslSession::~OpensslSession() { crypto::wipe(handshake_secret_); }

std::string OpensslSession::host_to_verify() const {
  const std::string& override_name = basis_->client_policy.server_name_override;
  std::string name = override_name.empty() ? host_ : override_name;
  if (name.size() > 2 && name.front() == '[' && name.back() == ']') name = name.substr(1, name.size() - 2);
  return name;
}

bool OpensslSession::looks_like_tls(BytesView bytes) {
  if (first_bytes_.size() >= kFirstBytesKept || facts_.version.size() > 0) return true;
  bool beginning = first_bytes_.empty();
  first_bytes_.append(bytes.substr(0, kFirstBytesKept - first_bytes_.size()));
  if (!beginning || first_bytes_.empty()) return true;
  auto type = static_cast<uint8_t>(first_bytes_[0]);
  if (type == 0x16 || type == 0x15) return true;
  fail_with(type & 0x80 ? "tls: unsupported SSLv2 handshake received"
                        : "tls: first record does not look like a TLS handshake");
  return false;
}

void OpensslSession::receive(BytesView ciphertext, Bytes& plaintext) {
  if (state_ == State::kFailed || state_ == State::kClosed || !ssl_) return;
  if (state_ == State::kHandshaking && !ciphertext.empty() && !looks_like_tls(ciphertext)) return;
  ERR_clear_error();
  input_ = ciphertext;
  if (state_ == State::kHandshaking) handshake();
  if (state_ == State::kOpen) read_all(plaintext);
  input_ = {};
}

void OpensslSession::handshake() {
  size_t output_before = output_.size();
  int result = SSL_do_handshake(ssl_.get());
  if (refusal_ && basis_->our_side == Side::kClient && result == 1) return refuse_server(output_before);
  if (result == 1) return handshake_done();
  int error = SSL_get_error(ssl_.get(), result);
  if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) fail_from_openssl();
}

void OpensslSession::handshake_done() {
  state_ = State::kOpen;
  crypto::wipe(handshake_secret_);
  SSL* ssl = ssl_.get();
  facts_.version = version_name(static_cast<uint16_t>(SSL_version(ssl)));
  if (const SSL_CIPHER* cipher = SSL_get_current_cipher(ssl)) facts_.cipher = SSL_CIPHER_standard_name(cipher);
  if (int group = static_cast<int>(SSL_get_negotiated_group(ssl)); group > 0) {
    if (const char* name = SSL_group_to_name(ssl, group)) facts_.group = name;
    if (facts_.group == "x25519") facts_.group = "X25519";
    if (facts_.group == "secp256r1" || facts_.group == "prime256v1") facts_.group = "P-256";
    if (facts_.group == "secp384r1") facts_.group = "P-384";
    if (facts_.group == "secp521r1") facts_.group = "P-521";
  }
  const unsigned char* alpn = nullptr;
  unsigned alpn_size = 0;
  SSL_get0_alpn_selected(ssl, &alpn, &alpn_size);
  facts_.alpn.assign(reinterpret_cast<const char*>(alpn), alpn_size);
  if (basis_->our_side != Side::kServer) return;
  const ServerPolicy& policy = basis_->server_policy;
  if (policy.explain && policy.client_auth == ClientAuth::kRequireAndVerify && facts_.peer_chain.empty()) {
    refusal_ = Refusal{Refusal::Kind::kNoCertificate, "tls: client didn't provide a certificate", {}, kAlertCertificateRequired};
  }
  if (refusal_) gather(refusal_->text);  // explained: open, and to be told in words
}

void OpensslSession::read_all(Bytes& plaintext) {
  thread_local char buffer[kRecordBytes];
  while (true) {
    size_t count = 0;
    int result = SSL_read_ex(ssl_.get(), buffer, sizeof buffer, &count);
    if (result == 1) {
      plaintext.append(buffer, count);
      continue;
    }
    int error = SSL_get_error(ssl_.get(), result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return;
    if (error == SSL_ERROR_ZERO_RETURN) {
      state_ = State::kPeerClosed;
      return;
    }
    return fail_from_openssl();
  }
}

void OpensslSession::receive_end(const std::string& error) {
  if (state_ == State::kFailed || state_ == State::kClosed || state_ == State::kPeerClosed) return;
  fail_with(refusal_ && state_ == State::kHandshaking ? refusal_->text : error.empty() ? "EOF" : error);
  failure_->closed_by_peer = true;
}

bool OpensslSession::send(BytesView plaintext) {
  if (state_ != State::kOpen && state_ != State::kPeerClosed) return false;
  ERR_clear_error();
  if (output_at_ == output_.size()) {
    output_.clear();
    output_at_ = 0;
  }
  while (!plaintext.empty()) {
    size_t written = 0;
    if (SSL_write_ex(ssl_.get(), plaintext.data(), plaintext.size(), &written) != 1) {
      fail_from_openssl();
      return false;
    }
    plaintext.remove_prefix(written);
  }
  return true;
}

void OpensslSession::close() {
  if (state_ == State::kOpen || state_ == State::kPeerClosed) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
  }
  if (state_ != State::kFailed) state_ = State::kClosed;
}

void OpensslSession::consume_output(size_t bytes) {
  output_at_ += std::min(bytes, output_.size() - output_at_);
  if (output_at_ < output_.size()) return;
  output_at_ = 0;
  // An idle connection holds no buffer; a busy one keeps a modest one.
  if (output_.capacity() > 256 * 1024) {
    Bytes().swap(output_);
  } else {
    output_.clear();
  }
}

Result<Bytes> OpensslSession::export_key(std::string_view label, std::string_view context, size_t bytes) const {
  if (state_ != State::kOpen && state_ != State::kPeerClosed) {
    return fail(Code::kFailedPrecondition, "the handshake is not complete");
  }
  Bytes out(bytes, '\0');
  if (SSL_export_keying_material(ssl_.get(), reinterpret_cast<unsigned char*>(out.data()), bytes, label.data(),
                                 label.size(), reinterpret_cast<const unsigned char*>(context.data()), context.size(),
                                 context.empty() ? 0 : 1) != 1) {
    return fail(Code::kInternal, "cannot export keying material", crypto::take_openssl_errors());
  }
  return out;
}

std::shared_ptr<const Diagnosis> OpensslSession::diagnosis() {
  if (failure_ && !diagnosis_) diagnosis_ = std::make_shared<Diagnosis>(explain(*failure_));
  return diagnosis_;
}

// --- what OpenSSL asks ---------------------------------------------------------------------------------------------------

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
  bool later = session->basis_->our_side == Side::kServer ? session->basis_->server_policy.explain
                                                          : SSL_version(ssl) == TLS1_3_VERSION;
  if (later) {
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return 1;
  }
  X509_STORE_CTX_set_error(store, verify_error_for(session->refusal_->alert));
  return 0;
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
  ClientAuth mode = basis_->server_policy.client_auth;
  if (server && mode != ClientAuth::kVerifyIfGiven && mode != ClientAuth::kRequireAndVerify) return true;

  PeerCheck check;
  check.peer = server ? Side::kClient : Side::kServer;
  auto shift = std::max(server ? basis_->server_policy.time_shift : basis_->client_policy.time_shift, std::chrono::seconds(0));
  check.now = basis_->clock->now() - shift;
  if (!server) check.host = host_to_verify();
  refusal_ = verify_peer(facts_.peer_chain, *basis_->trust, check);
  if (refusal_) return false;
  if (!server && basis_->client_policy.pin) {
    if (Status pinned = basis_->client_policy.pin(facts_.peer_chain.front()); !pinned) {
      refusal_ = Refusal{Refusal::Kind::kPinned, pinned.error().message, {}, kAlertBadCertificate};
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
  if (!text.starts_with("CLIENT_HANDSHAKE_TRAFFIC_SECRET ")) return;
  if (auto secret = from_hex(text.substr(text.rfind(' ') + 1))) session_of(ssl)->handshake_secret_ = std::move(*secret);
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

// --- what went wrong -----------------------------------------------------------------------------------------------------

std::string OpensslSession::words_for(unsigned long openssl_error) const {
  int reason = ERR_GET_REASON(openssl_error);
  if (alert_received_) return "remote error: tls: " + alert_text(*alert_received_);
  if (refusal_) return refusal_->text;
  if (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE) return "tls: client didn't provide a certificate";
  if (reason == SSL_R_NO_SHARED_CIPHER) {
    return "tls: no cipher suite supported by both client and server; client offered: " + hex_list(ciphers_offered_);
  }
  if (reason == SSL_R_UNSUPPORTED_PROTOCOL && basis_->our_side == Side::kServer) {
    return "tls: client offered only unsupported versions: " + hex_list(versions_offered_);
  }
  if (reason == SSL_R_UNSUPPORTED_PROTOCOL) return "tls: server selected unsupported protocol version";
  if (reason == SSL_R_NO_APPLICATION_PROTOCOL || alert_sent_ == kAlertNoApplicationProtocol) {
    std::string list;
    for (const auto& one : alpn_offered_) list += (list.empty() ? "\"" : " \"") + escape(one, 32) + "\"";
    return "tls: client requested unsupported application protocols ([" + list + "])";
  }
  if (reason == SSL_R_HTTP_REQUEST || reason == SSL_R_HTTPS_PROXY_REQUEST || reason == SSL_R_WRONG_VERSION_NUMBER) {
    return "tls: first record does not look like a TLS handshake";
  }
  if (reason == SSL_R_BAD_SIGNATURE) {
    return basis_->our_side == Side::kServer ? "tls: invalid signature by the client certificate"
                                             : "tls: invalid signature by the server certificate";
  }
  const char* text = ERR_reason_error_string(openssl_error);
  return std::string("tls: ") + (text == nullptr ? "unknown error" : text);
}

void OpensslSession::fail_from_openssl() {
  unsigned long error = ERR_get_error();
  ERR_clear_error();
  crypto::wipe(handshake_secret_);
  fail_with(words_for(error));
}

void OpensslSession::fail_with(std::string error) {
  gather(std::move(error));
  state_ = State::kFailed;
}

void OpensslSession::gather(std::string error) {
  if (failure_ && state_ == State::kFailed) return;
  auto seen = std::make_unique<Evidence>();
  seen->our_side = basis_->our_side;
  seen->peer_address = peer_address_;
  seen->error = std::move(error);
  seen->refusal = refusal_;
  if (!refusal_ && seen->error == "tls: client didn't provide a certificate") {
    seen->refusal = Refusal{Refusal::Kind::kNoCertificate, seen->error, {}, alert_sent_.value_or(kAlertCertificateRequired)};
  }
  seen->alert_received = alert_received_;
  seen->alert_sent = alert_sent_;
  seen->handshake_done = state_ == State::kOpen;
  if (first_bytes_.size() > 0 && facts_.version.empty()) seen->first_bytes = first_bytes_;
  seen->peer_chain = facts_.peer_chain;
  seen->trust = basis_->trust;
  if (basis_->credentials) {
    seen->our_chain = basis_->credentials->chain();
    seen->our_files = basis_->credentials->files();
  }
  seen->certificate_requested = certificate_requested_;
  seen->version = facts_.version;
  seen->alpn_offered = alpn_offered_;
  for (uint16_t version : versions_offered_) {
    std::string name = version_name(version);
    if (!name.empty()) seen->versions_offered.push_back(std::move(name));
  }
  if (ssl_) {
    for (uint16_t cipher : ciphers_offered_) seen->ciphers_offered.push_back(cipher_name(ssl_.get(), cipher));
    if (const char* sni = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name)) seen->sni = sni;
    const STACK_OF(X509_NAME)* names = certificate_requested_ ? SSL_get0_peer_CA_list(ssl_.get()) : nullptr;
    for (int i = 0; i < sk_X509_NAME_num(names) && seen->acceptable_issuers.size() < kListed; ++i) {
      const unsigned char* der = nullptr;
      size_t size = 0;
      crypto::ParsedName name;
      if (X509_NAME_get0_der(sk_X509_NAME_value(names, i), &der, &size) == 1 &&
          crypto::parse_name(BytesView(reinterpret_cast<const char*>(der), size), name)) {
        seen->acceptable_issuers.push_back(std::move(name.text));
      }
    }
  }
  seen->server_policy = basis_->server_policy;
  seen->client_policy = basis_->client_policy;
  seen->dialled_host = host_;
  seen->now = basis_->clock->now();
  seen->duration = basis_->clock->steady() - begun_;
  failure_ = std::move(seen);
  diagnosis_.reset();
}

}  // namespace selvage::tls
