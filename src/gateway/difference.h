// In what two endorsers' signed payloads differ: so that the operator sees which key a chaincode reads or writes differently.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "gateway/network.h"

namespace selvage::gateway {

// One difference as the fields of a log line, in Fabric's words: {"type", "write value mismatch"}, {"namespace", "cc"}, ...
using Difference = std::vector<std::pair<std::string, std::string>>;
// Pure. Errors: a payload that cannot be read.
[[nodiscard]] Result<std::vector<Difference>> differences(BytesView expected, BytesView actual);

// Warns of each, as logger gateway.responsechecker.
void log_difference(const std::string& initial_endorser, const Member& invoked, BytesView expected, BytesView actual);

}  // namespace selvage::gateway
