#include "client/endorser_client.h"

#include <future>

#include "wire/marshal.h"

namespace selvage::client {
namespace {

Result<::protos::ProposalResponse> answer_of(const rpc::UnaryReply& reply) {
  if (!reply.status.ok()) return fail(reply.status.code, reply.status.to_string());
  return wire::parse<::protos::ProposalResponse>(reply.message);
}

constexpr const char* kMethod = "/protos.Endorser/ProcessProposal";

}  // namespace

EndorserClient::EndorserClient(std::shared_ptr<rpc::Channel> channel, std::string address)
    : channel_(std::move(channel)), address_(std::move(address)) {}

Result<::protos::ProposalResponse> EndorserClient::process(const ::protos::SignedProposal& proposal,
                                                           std::optional<std::chrono::milliseconds> timeout) const {
  rpc::CallOptions options;
  options.timeout = timeout;
  return answer_of(channel_->call(kMethod, wire::marshal(proposal), options));
}

Result<std::vector<::protos::ProposalResponse>> process_on_all(std::span<const EndorserClient> endorsers,
                                                               const ::protos::SignedProposal& proposal) {
  const Bytes request = wire::marshal(proposal);
  std::vector<std::shared_ptr<std::promise<rpc::UnaryReply>>> replies;
  for (const EndorserClient& endorser : endorsers) {
    auto promise = std::make_shared<std::promise<rpc::UnaryReply>>();
    (void)endorser.channel()->call_async(kMethod, request, {},
                                         [promise](rpc::UnaryReply reply) { promise->set_value(std::move(reply)); });
    replies.push_back(std::move(promise));
  }
  std::vector<::protos::ProposalResponse> answers;
  std::optional<Error> error;
  for (auto& promise : replies) {
    auto answer = answer_of(promise->get_future().get());
    if (answer) {
      answers.push_back(std::move(*answer));
    } else if (!error) {
      error = answer.error();
    }
  }
  if (error) return fail(*error);
  return answers;
}

}  // namespace selvage::client
