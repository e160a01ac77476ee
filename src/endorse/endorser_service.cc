#include "endorse/endorser_service.h"

#include "endorse/endorser.h"
#include "rpc/typed.h"

namespace selvage::endorse {

void add_endorser_service(rpc::Server& server, Endorser& endorser) {
  rpc::add_unary<protos::SignedProposal, protos::ProposalResponse>(
      server, "/protos.Endorser/ProcessProposal",
      [&endorser](rpc::ServerCall&, const protos::SignedProposal& proposal, protos::ProposalResponse* response) {
        auto answer = endorser.process(proposal);
        if (!answer) return rpc::Status(answer.error());
        *response = std::move(*answer);
        return rpc::Status();
      });
}

}  // namespace selvage::endorse
