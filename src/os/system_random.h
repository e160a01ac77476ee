// Cryptographic randomness from the kernel (getrandom).
#pragma once

#include "base/random.h"

namespace selvage::os {

// One for the process; safe from any thread; never destroyed. A kernel that gives no randomness ends the process: there
// is no safe way on.
[[nodiscard]] Random& system_random();

}  // namespace selvage::os
