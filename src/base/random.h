// The randomness that pure code is given: os/ has the cryptographic one, a simulation has one made from its seed.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace selvage {

class Random {
 public:
  virtual ~Random() = default;
  [[nodiscard]] virtual Bytes bytes(size_t count) = 0;
  // Uniform in [0, bound); bound > 0.
  [[nodiscard]] virtual uint64_t below(uint64_t bound) = 0;
};

}  // namespace selvage
