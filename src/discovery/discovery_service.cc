#include "discovery/discovery_service.h"

#include "discovery/discovery.h"
#include "rpc/typed.h"
#include "wire/marshal.h"

namespace selvage::discovery {

void add_discovery_service(rpc::Server& server, Discovery& discovery) {
  server.add_unary("/discovery.Discovery/Discover", [&discovery](std::shared_ptr<rpc::ServerCall> call, Bytes bytes) {
    ::discovery::SignedRequest request;
    if (!wire::parse_into(bytes, request)) return call->finish(rpc::unparsable());
    const rpc::Peer& peer = call->peer();
    auto response = discovery.answer(request, {peer.address, peer.certificate, peer.certificate_sha256});
    if (!response) return call->finish(rpc::Status(response.error()));
    call->reply(wire::marshal(*response));
  });
}

}  // namespace selvage::discovery
