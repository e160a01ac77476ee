// Settings of jemalloc, from which the programs of nodes have their malloc. It reads them before main(); the environment's
// MALLOC_CONF goes over them.
#pragma once

namespace selvage::node {

// An idle peer stays within 41 MiB: threads keep nothing above 8 KiB for themselves, and pages that nobody needs go back
// after five seconds.
inline constexpr char kAllocatorSettings[] = "lg_tcache_max:13,dirty_decay_ms:5000,muzzy_decay_ms:0";

}  // namespace selvage::node
