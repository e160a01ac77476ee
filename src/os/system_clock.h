// The real clocks.
#pragma once

#include "base/clock.h"

namespace selvage::os {

// One for the process; safe from any thread; never destroyed.
[[nodiscard]] Clock& system_clock();

}  // namespace selvage::os
