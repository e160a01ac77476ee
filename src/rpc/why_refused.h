// Deliver answers a request that it does not take with a bare status; servers of ours say in a trailer why (tls/binding.h).
#pragma once

#include <chrono>
#include <string>

#include "rpc/client_stream.h"

namespace selvage::rpc {

// After such a status: the server's sentence, escaped; empty when it sent none. Waits for the end of the call, which is cancelled
// after `within`: a server may leave it open.
[[nodiscard]] std::string why_refused(ClientStream& stream, std::chrono::milliseconds within = std::chrono::seconds(3));

}  // namespace selvage::rpc
