// The hook is deprecated in OpenSSL 3, and the only one that reaches keys and nonces of its default provider.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "sim/dice.h"

#include <openssl/rand.h>

namespace selvage::sim {
namespace {

int draw(unsigned char* out, int count) {
  static std::mt19937_64 engine;
  for (int i = 0; i < count; ++i) out[i] = static_cast<unsigned char>(engine());
  return 1;
}
int ready() { return 1; }

}  // namespace

Dice::Dice() {
  static const RAND_METHOD kMethod = {nullptr, draw, nullptr, nullptr, draw, ready};
  RAND_set_rand_method(&kMethod);
}

Bytes Dice::bytes(size_t count) {
  Bytes out(count, '\0');
  for (char& c : out) c = static_cast<char>(engine_());
  return out;
}

}  // namespace selvage::sim
