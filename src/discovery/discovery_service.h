// `discovery.Discovery/Discover` on a gRPC server.
#pragma once

namespace selvage::rpc {
class Server;
}

namespace selvage::discovery {

class Discovery;

// Before server.start(). `discovery` outlives the server.
void add_discovery_service(rpc::Server& server, Discovery& discovery);

}  // namespace selvage::discovery
