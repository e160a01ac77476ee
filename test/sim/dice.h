// All randomness of a run, from one seed; and OpenSSL's, from a fixed one, so that keys and certificates are the same in
// every process. How much OpenSSL draws for a signature depends on what is signed: no run may depend on it.
#pragma once

#include <cstdint>
#include <random>

#include "base/random.h"

namespace selvage::sim {

class Dice final : public Random {
 public:
  // From here on OpenSSL's randomness is ours, in all of the process.
  Dice();
  void seed(uint64_t seed) { engine_.seed(seed); }
  [[nodiscard]] Bytes bytes(size_t count) override;
  [[nodiscard]] uint64_t below(uint64_t bound) override { return engine_() % bound; }

 private:
  std::mt19937_64 engine_{1};
};

}  // namespace selvage::sim
