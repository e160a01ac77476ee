#include "tls/handshake_alert.h"

#include <openssl/hmac.h>

#include "crypto/hash.h"
#include "crypto/native.h"

namespace selvage::tls {
namespace {

using NativeCipherContext = std::unique_ptr<EVP_CIPHER_CTX, crypto::Freer<EVP_CIPHER_CTX_free>>;

const unsigned char* bytes_of(BytesView view) { return reinterpret_cast<const unsigned char*>(view.data()); }
unsigned char* bytes_of(Bytes& bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

// HKDF-Expand-Label without a context, for what fits into one digest.
Bytes expand_label(const EVP_MD* digest, BytesView secret, std::string_view label, size_t size) {
  std::string whole = "tls13 " + std::string(label);
  Bytes info{'\0', static_cast<char>(size), static_cast<char>(whole.size())};
  info += whole + std::string("\0\1", 2);
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned out_size = 0;
  if (HMAC(digest, secret.data(), static_cast<int>(secret.size()), bytes_of(info), info.size(), out, &out_size) == nullptr ||
      out_size < size) {
    return {};
  }
  return Bytes(reinterpret_cast<char*>(out), size);
}

}  // namespace

Bytes protected_alert(const SSL_CIPHER* suite, BytesView secret, int alert) {
  constexpr size_t kTag = 16, kNonce = 12;
  const EVP_MD* digest = suite == nullptr ? nullptr : SSL_CIPHER_get_handshake_digest(suite);
  const EVP_CIPHER* cipher = suite == nullptr ? nullptr : EVP_get_cipherbynid(SSL_CIPHER_get_cipher_nid(suite));
  if (digest == nullptr || cipher == nullptr || EVP_CIPHER_get_iv_length(cipher) != static_cast<int>(kNonce)) return {};
  Bytes key = expand_label(digest, secret, "key", static_cast<size_t>(EVP_CIPHER_get_key_length(cipher)));
  Bytes nonce = expand_label(digest, secret, "iv", kNonce);  // of record number 0
  const Bytes content{2, static_cast<char>(alert), 21};      // fatal; the last byte is the true type of the record
  Bytes record{23, 3, 3, 0, static_cast<char>(content.size() + kTag)};
  Bytes sealed(content.size() + kTag, '\0');
  NativeCipherContext context(EVP_CIPHER_CTX_new());
  int count = 0;
  bool good = context && !key.empty() && !nonce.empty() &&
              EVP_EncryptInit_ex(context.get(), cipher, nullptr, bytes_of(key), bytes_of(nonce)) == 1 &&
              EVP_EncryptUpdate(context.get(), nullptr, &count, bytes_of(BytesView(record)), static_cast<int>(record.size())) == 1 &&
              EVP_EncryptUpdate(context.get(), bytes_of(sealed), &count, bytes_of(BytesView(content)),
                                static_cast<int>(content.size())) == 1 &&
              EVP_EncryptFinal_ex(context.get(), bytes_of(sealed) + count, &count) == 1 &&
              EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kTag, bytes_of(sealed) + content.size()) == 1;
  crypto::wipe(key);
  return good ? record + sealed : Bytes();
}

}  // namespace selvage::tls
