// May this new pair take the place of the one in force? It may not be worse at anything that the old one can do: others
// would start to refuse us at their next handshake, and nobody would look here for the reason.
//
// Pure.
#pragma once

#include <chrono>

#include "tls/live/registry.h"

namespace selvage::tls {

// kFailedPrecondition: `message` says what the new pair cannot do, `cause` which file, `hint` what to do. That key and
// certificate belong together was checked when it was loaded.
[[nodiscard]] Status check_new_pair(const Pair& pair, const Credentials& now, const Credentials& next,
                                    std::chrono::sys_seconds at);

}  // namespace selvage::tls
