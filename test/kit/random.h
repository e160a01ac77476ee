// Randomness that is the same in every run.
#pragma once

#include <cstdint>
#include <mutex>
#include <random>

#include "base/random.h"

namespace selvage::test {

class SeededRandom final : public Random {
 public:
  explicit SeededRandom(uint64_t seed = 1) : engine_(seed) {}
  Bytes bytes(size_t count) override {
    std::lock_guard lock(mutex_);
    Bytes out(count, '\0');
    for (char& c : out) c = static_cast<char>(engine_());
    return out;
  }
  uint64_t below(uint64_t bound) override {
    std::lock_guard lock(mutex_);
    return engine_() % bound;
  }

 private:
  std::mutex mutex_;
  std::mt19937_64 engine_;
};

}  // namespace selvage::test
