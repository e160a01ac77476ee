#include "crypto/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace selvage::crypto {
namespace {

// Fetched once: an implicit fetch for every digest costs more than a short digest itself.
const EVP_MD* fetch(const char* name) {
  const EVP_MD* found = EVP_MD_fetch(nullptr, name, nullptr);
  if (found == nullptr) {
    std::fprintf(stderr, "OpenSSL has no %s: its configuration (openssl.cnf, OPENSSL_CONF) loads no provider for it\n", name);
    std::abort();
  }
  return found;
}

const EVP_MD* sha256_method() {
  static const EVP_MD* method = fetch("SHA256");
  return method;
}

// A context per thread, made once: making one costs two allocations.
EVP_MD_CTX* thread_context() {
  struct Holder {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    ~Holder() { EVP_MD_CTX_free(context); }
  };
  thread_local Holder holder;
  return holder.context;
}

Bytes digest(const EVP_MD* method, std::initializer_list<BytesView> parts) {
  EVP_MD_CTX* context = thread_context();
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  bool good = EVP_DigestInit_ex2(context, method, nullptr) == 1;
  for (BytesView part : parts) good = good && EVP_DigestUpdate(context, part.data(), part.size()) == 1;
  good = good && EVP_DigestFinal_ex(context, out, &size) == 1;
  if (!good) std::abort();  // out of memory, or OpenSSL is being unloaded
  return Bytes(reinterpret_cast<char*>(out), size);
}

}  // namespace

Bytes sha256(BytesView message) { return digest(sha256_method(), {message}); }
Bytes sha256(std::initializer_list<BytesView> parts) { return digest(sha256_method(), parts); }
Bytes sha384(BytesView message) {
  static const EVP_MD* method = fetch("SHA384");
  return digest(method, {message});
}
Bytes sha512(BytesView message) {
  static const EVP_MD* method = fetch("SHA512");
  return digest(method, {message});
}
Bytes sha1(BytesView message) {
  static const EVP_MD* method = fetch("SHA1");
  return digest(method, {message});
}

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  if (context_ == nullptr || EVP_DigestInit_ex2(context_, sha256_method(), nullptr) != 1) std::abort();
}
Sha256::~Sha256() { EVP_MD_CTX_free(context_); }
Sha256::Sha256(Sha256&& other) noexcept : context_(std::exchange(other.context_, nullptr)) {}
Sha256& Sha256::operator=(Sha256&& other) noexcept {
  std::swap(context_, other.context_);
  return *this;
}
void Sha256::update(BytesView part) { EVP_DigestUpdate(context_, part.data(), part.size()); }
Bytes Sha256::finish() {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_DigestFinal_ex(context_, out, &size);
  EVP_DigestInit_ex2(context_, sha256_method(), nullptr);
  return Bytes(reinterpret_cast<char*>(out), size);
}

bool equal_in_constant_time(BytesView one, BytesView other) {
  return one.size() == other.size() && CRYPTO_memcmp(one.data(), other.data(), one.size()) == 0;
}

void wipe(Bytes& secret) {
  OPENSSL_cleanse(secret.data(), secret.capacity());
  secret.clear();
}

}  // namespace selvage::crypto
