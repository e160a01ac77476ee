// The body of PUT /logspec: {"spec": "gossip=debug:info"}. Pure.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace selvage::ops {

// The spec of the body's first JSON value; empty where it has none. kInvalidArgument in the words of Go's
// encoding/json, which operators' scripts may compare.
[[nodiscard]] Result<std::string> parse_logspec_body(BytesView body);

}  // namespace selvage::ops
