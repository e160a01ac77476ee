// The real Disk: files of this machine through POSIX calls. Contracts and error codes are those of base/disk.h.
#pragma once

#include "base/disk.h"

namespace selvage::os {

// One for the process; safe from any thread; never destroyed.
[[nodiscard]] Disk& posix_disk();

}  // namespace selvage::os
