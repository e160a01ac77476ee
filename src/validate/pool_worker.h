// Validation work over a pool of threads that the node owns and shares among channels.
#pragma once

#include "validate/validator.h"

namespace selvage::os {
class WorkerPool;
}

namespace selvage::validate {

// The calling thread works too, so that it makes progress when the pool is busy elsewhere. `width` is the most threads of
// the pool that one block takes; the pool outlives what is returned.
[[nodiscard]] Parallel on_pool(os::WorkerPool& pool, size_t width);

}  // namespace selvage::validate
