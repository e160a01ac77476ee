// protos.Endorser: proposals to one peer, or to several at once.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "peer/proposal.pb.h"
#include "peer/proposal_response.pb.h"
#include "rpc/channel.h"

namespace selvage::client {

class EndorserClient {
 public:
  EndorserClient(std::shared_ptr<rpc::Channel> channel, std::string address);

  // Whatever the peer answers, refusals included. Errors have gRPC's form: "rpc error: code = Unknown desc = ...".
  [[nodiscard]] Result<::protos::ProposalResponse> process(
      const ::protos::SignedProposal& proposal, std::optional<std::chrono::milliseconds> timeout = std::nullopt) const;
  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] const std::shared_ptr<rpc::Channel>& channel() const { return channel_; }

 private:
  std::shared_ptr<rpc::Channel> channel_;
  std::string address_;
};

// All peers at the same time; answers in the order of the peers. The first error of any ends it.
[[nodiscard]] Result<std::vector<::protos::ProposalResponse>> process_on_all(std::span<const EndorserClient> endorsers,
                                                                             const ::protos::SignedProposal& proposal);

}  // namespace selvage::client
