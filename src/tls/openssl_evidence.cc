// What went wrong with a session: OpenSSL's reason in Go's words, and all that was seen.
#include <openssl/err.h>

#include "crypto/distinguished_name.h"
#include "crypto/hash.h"
#include "tls/openssl_session.h"

namespace selvage::tls {
namespace {

constexpr size_t kIssuersShown = 64;

std::string hex_list(const std::vector<uint16_t>& numbers) {
  std::string out = "[";
  for (uint16_t number : numbers) {
    char text[8];
    std::snprintf(text, sizeof text, "%s%x", out.size() > 1 ? " " : "", number);
    out += text;
  }
  return out + "]";
}

std::string cipher_name(SSL* ssl, uint16_t id) {
  unsigned char bytes[2] = {static_cast<unsigned char>(id >> 8), static_cast<unsigned char>(id & 0xff)};
  const SSL_CIPHER* cipher = SSL_CIPHER_find(ssl, bytes);
  const char* name = cipher == nullptr ? nullptr : SSL_CIPHER_standard_name(cipher);
  if (name != nullptr) return name;  // OpenSSL knows suites (GOST's) that no standard names
  char text[8];
  std::snprintf(text, sizeof text, "0x%04x", id);
  return text;
}

}  // namespace

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
    for (int i = 0; i < sk_X509_NAME_num(names) && seen->acceptable_issuers.size() < kIssuersShown; ++i) {
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
  const auto& other_key = basis_->server_policy.other_key_expected;
  if (alert_received_ && other_key && !seen->our_chain.empty()) seen->other_key_expected = other_key(seen->our_chain.front());
  seen->dialled_host = host_;
  seen->now = basis_->clock->now();
  seen->duration = basis_->clock->steady() - begun_;
  failure_ = std::move(seen);
  diagnosis_.reset();
}

}  // namespace selvage::tls
