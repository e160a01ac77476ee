// What will make others refuse us, or us refuse everybody, said at start and before it happens: a certificate without the
// usage or the names that its role needs, a root that is no CA or the wrong one.
//
// Pure; files' permissions are for upkeep_worker.
#pragma once

#include <vector>

#include "tls/expiry.h"
#include "tls/live/registry.h"

namespace selvage::tls {

[[nodiscard]] std::vector<ExpiryNote> start_notes(const std::vector<Pair>& pairs, const std::vector<Pool>& pools);

}  // namespace selvage::tls
