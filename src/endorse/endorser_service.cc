#include "endorse/endorser_service.h"

#include "endorse/endorser.h"
#include "rpc/typed.h"

namespace selvage::endorse {

void add_endorser_service(rpc::Server& server, Endorser& endorser) {
  server.add_unary("/protos.Endorser/ProcessProposal",
                   [&endorser](std::shared_ptr<rpc::ServerCall> call, Bytes bytes) {
                     protos::SignedProposal proposal;
                     if (!proposal.ParseFromString(bytes)) return call->finish(rpc::unparsable());
                     endorser.process(proposal, [call](Result<protos::ProposalResponse> answer) {
                       if (!answer) return call->finish(rpc::Status(answer.error()));
                       call->reply(answer->SerializeAsString());
                     });
                   });
}

}  // namespace selvage::endorse
