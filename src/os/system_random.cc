#include "os/system_random.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace selvage::os {
namespace {

void fill(void* to, size_t count) {
  auto* at = static_cast<char*>(to);
  while (count > 0) {
    const ssize_t got = ::getrandom(at, count, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      std::fprintf(stderr, "the kernel gives no randomness: %s\n", std::strerror(errno));
      std::abort();
    }
    at += got;
    count -= static_cast<size_t>(got);
  }
}

class SystemRandom : public Random {
 public:
  Bytes bytes(size_t count) override {
    Bytes out(count, '\0');
    fill(out.data(), count);
    return out;
  }
  uint64_t below(uint64_t bound) override {
    // Draws above the last whole multiple of `bound` would make small numbers more likely.
    const uint64_t excess = (UINT64_MAX % bound + 1) % bound;
    while (true) {
      uint64_t draw = 0;
      fill(&draw, sizeof draw);
      if (draw <= UINT64_MAX - excess) return draw % bound;
    }
  }
};

}  // namespace

Random& system_random() {
  static auto& random = *new SystemRandom;
  return random;
}

}  // namespace selvage::os
