// Digests. Every module that needs a hash takes it from here.
//
// Safe from any thread. Nothing here fails: the algorithms are fetched once, and a process whose OpenSSL lacks SHA-2
// cannot do any work and ends at the first use.
#pragma once

#include <initializer_list>
#include <memory>

#include "base/bytes.h"

struct evp_md_ctx_st;

namespace selvage::crypto {

[[nodiscard]] Bytes sha256(BytesView message);  // 32 bytes
// The parts one after the other, without joining them first.
[[nodiscard]] Bytes sha256(std::initializer_list<BytesView> parts);
[[nodiscard]] Bytes sha384(BytesView message);
[[nodiscard]] Bytes sha512(BytesView message);
// Key identifiers of X.509 (RFC 5280) and nothing else.
[[nodiscard]] Bytes sha1(BytesView message);

// SHA-256 over parts as they come. One thread at a time. After finish() it starts afresh.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void update(BytesView part);
  [[nodiscard]] Bytes finish();

 private:
  evp_md_ctx_st* context_;
};

// Equal without telling by its time where the first difference is; lengths are not secret.
[[nodiscard]] bool equal_in_constant_time(BytesView one, BytesView other);

// Overwrites the bytes and empties the string: for what held a secret.
void wipe(Bytes& secret);

}  // namespace selvage::crypto
