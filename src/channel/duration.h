// Go's duration text, as BatchTimeout and etcdraft's TickInterval carry it.
#pragma once

#include <chrono>
#include <string_view>

#include "base/result.h"

namespace selvage::channel {

// "2s", "1.5h", "300ms", "-2m30s". Errors: kInvalidArgument with Go's words.
[[nodiscard]] Result<std::chrono::nanoseconds> parse_go_duration(std::string_view text);

}  // namespace selvage::channel
