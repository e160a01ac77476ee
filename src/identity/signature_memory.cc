#include "identity/signature_memory.h"

#include <mutex>
#include <string>
#include <unordered_set>

#include "crypto/hash.h"

namespace selvage::identity {
namespace {

// Lengths in front, so that no other division of the same bytes has the same digest.
Bytes length_prefix(BytesView part) {
  Bytes out;
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(part.size() >> shift));
  return out;
}

struct DigestHash {
  size_t operator()(const Bytes& digest) const {  // the digest is random already
    size_t out = 0;
    for (size_t i = 0; i < sizeof out && i < digest.size(); i++) out = out << 8 | static_cast<uint8_t>(digest[i]);
    return out;
  }
};

}  // namespace

struct SignatureMemory::State {
  size_t half;
  mutable std::mutex mutex;
  std::unordered_set<Bytes, DigestHash> young, old;  // the young ones become the old ones when they are half of all
};

SignatureMemory::SignatureMemory(size_t entries_max) : state_(std::make_unique<State>()) {
  state_->half = entries_max < 2 ? 1 : entries_max / 2;
}
SignatureMemory::~SignatureMemory() = default;

Bytes SignatureMemory::key(BytesView identity, BytesView message, BytesView signature) {
  return crypto::sha256({length_prefix(identity), identity, length_prefix(message), message, signature});
}

void SignatureMemory::add(const Bytes& key) {
  std::lock_guard lock(state_->mutex);
  if (state_->young.size() >= state_->half) {
    state_->old = std::move(state_->young);
    state_->young = {};
  }
  state_->young.insert(key);
}

bool SignatureMemory::contains(const Bytes& key) const {
  std::lock_guard lock(state_->mutex);
  return state_->young.count(key) > 0 || state_->old.count(key) > 0;
}

}  // namespace selvage::identity
