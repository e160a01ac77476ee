// gzip, the one compression that gRPC's implementations share. Pure; any thread.
#pragma once

#include <cstddef>
#include <optional>

#include "base/bytes.h"

namespace selvage::rpc {

// Inflates one gzip member (or several in a row). nullopt when it is none or truncated; `too_large` is set when the
// result would exceed `bytes_max`. Never holds more than that, whatever the bytes promise.
[[nodiscard]] std::optional<Bytes> gunzip(BytesView bytes, size_t bytes_max, bool* too_large);

// One gzip member, at the level that costs least; never fails.
[[nodiscard]] Bytes gzip(BytesView bytes);

}  // namespace selvage::rpc
