// `gateway.Gateway/Evaluate`, `/Endorse` and `/Submit` on a gRPC server. The other two calls are event/'s.
#pragma once

#include "gateway/endorse.h"
#include "gateway/submit.h"

namespace selvage::rpc {
class Server;
}

namespace selvage::gateway {

// Before server.start(). What the parts refer to outlives the server and the connections of the gateway.
void add_gateway_service(rpc::Server& server, const CallParts& calls, const SubmitParts& submission);

}  // namespace selvage::gateway
