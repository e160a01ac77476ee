// Signatures known to be good, by digest of identity, message and signature: what this process signed itself or has
// verified already need not be verified again. A digest enters only after a successful check or with our own signature.
#pragma once

#include <memory>

#include "base/bytes.h"

namespace selvage::identity {

// Bounded; safe from any thread.
class SignatureMemory {
 public:
  explicit SignatureMemory(size_t entries_max = 65536);
  ~SignatureMemory();

  [[nodiscard]] static Bytes key(BytesView identity, BytesView message, BytesView signature);
  void add(const Bytes& key);
  [[nodiscard]] bool contains(const Bytes& key) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace selvage::identity
