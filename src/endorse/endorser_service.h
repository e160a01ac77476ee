// `protos.Endorser/ProcessProposal` on a gRPC server: Fabric's auth filters first, then the Endorser.
#pragma once

namespace selvage::rpc {
class Server;
}

namespace selvage::endorse {

class Endorser;

// Before server.start(). `endorser` outlives the server. Handlers run on the server's worker pool and block there while
// chaincode runs, so the pool must be elastic.
void add_endorser_service(rpc::Server& server, Endorser& endorser);

}  // namespace selvage::endorse
