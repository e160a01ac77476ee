#include "tls/openssl_session.h"

#include <openssl/err.h>

#include <algorithm>
#include <cstring>

#include "crypto/hash.h"

namespace selvage::tls {
namespace {

constexpr size_t kRecordBytes = 16384;
constexpr size_t kFirstBytesKept = 64;

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

OpensslSession::OpensslSession(std::shared_ptr<const SessionBasis> basis, std::string peer_address, std::string host,
                               bool may_explain)
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
    const ServerPolicy& policy = basis_->server_policy;
    explains_ = may_explain && policy.explain == Explain::kClient && policy.client_auth == ClientAuth::kRequireAndVerify;
    if (explains_) SSL_set_verify(ssl_.get(), SSL_VERIFY_PEER, nullptr);
    SSL_set_accept_state(ssl_.get());
    return;
  }
  SSL_set_connect_state(ssl_.get());
  std::string name = host_to_verify();
  while (name.ends_with('.')) name.pop_back();
  if (!name.empty() && !crypto::ip_from_string(name)) SSL_set_tlsext_host_name(ssl_.get(), name.c_str());
}

OpensslSession::~OpensslSession() {
  crypto::wipe(handshake_secret_);
  // OpenSSL forbids to resume a session that ended without goodbye, as TLS 1.0 did. Connections just end; after an error of
  // TLS itself the ban is right.
  if (ssl_ && basis_->resumable && (state_ != State::kFailed || failure_->closed_by_peer)) {
    SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  }
}

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
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return;
  if (refusal_ && refusal_->alert == kAlertAccessDenied) deny_client(output_before);
  fail_from_openssl();
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
  if (basis_->our_side != Side::kServer) {
    // Fabric quirk: gRPC for Go takes no server that agrees to no protocol (google.golang.org/grpc/credentials): it is another
    // service, or a proxy that ends TLS. Without this the first frames would meet it, and nobody could say what it is.
    const auto& wanted = basis_->client_policy.alpn;
    if (alpn_size == 0 && !wanted.empty() && wanted.front() == "h2") {
      fail_with("credentials: cannot check peer: missing selected ALPN property");
    }
    return;
  }
  if (SSL_session_reused(ssl) == 1) {
    // on_resume() has held this chain against our trust; no certificate crossed the wire this time.
    if (const auto* chain = ResumableSessions::chain_of(SSL_get0_session(ssl))) facts_.peer_chain = *chain;
    facts_.peer_verified = demands_verification() && !facts_.peer_chain.empty();
    facts_.resumed = true;
  }
  const ServerPolicy& policy = basis_->server_policy;
  if (policy.on_visitor && !demands_verification()) policy.on_visitor(peer_address_, facts_.peer_chain);
  if (explains_ && facts_.peer_chain.empty()) {
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
  if (output_at_ < output_.size()) {
    // A peer that always leaves a rest unread must not make us keep all that it has read.
    if (output_at_ > 64 * 1024 && output_at_ > output_.size() / 2) {
      output_.erase(0, output_at_);
      output_at_ = 0;
    }
    return;
  }
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

}  // namespace selvage::tls
