#include "gateway/answers.h"

#include <fmt/format.h>

#include "base/utf8.h"
#include "wire/transaction_views.h"

namespace selvage::gateway {

Verdict judge(const EndorserAnswer& answer) {
  if (answer.failed) {
    // Without a response the peer could not be reached, as far as Fabric can tell; with one it refused the proposal.
    if (answer.refused) return {Code::kFailedPrecondition, answer.error, false, false};
    return {Code::kUnavailable, answer.error, true, true};
  }
  const auto& response = answer.response.response();
  if (response.status() >= 200 && response.status() < 400) return {};
  if (answer.response.payload().empty() && response.status() == 500) {
    // Made by the peer and not by the chaincode. A chaincode whose stream broke has probably crashed.
    return {Code::kAborted, response.message(), true, response.message().ends_with("chaincode stream terminated")};
  }
  return {Code::kUnknown, fmt::format("chaincode response {}, {}", response.status(), response.message()), false, false};
}

Result<Bytes> result_of(const ::protos::ProposalResponse& response) {
  auto payload = wire::read_proposal_response_payload(response.payload());
  if (!payload) return fail(payload.error().within("failed to deserialize proposal response payload"));
  auto action = wire::read_chaincode_action(payload->extension);
  if (!action) return fail(action.error().within("failed to deserialize chaincode action"));
  return Bytes(action->response.payload);
}

::gateway::ErrorDetail error_detail(const Member& member, std::string message) {
  ::gateway::ErrorDetail detail;
  detail.set_address(member.endpoint);
  detail.set_msp_id(member.mspid);
  detail.set_message(to_utf8(std::move(message)));
  return detail;
}

::gateway::ErrorDetail error_detail(const OrdererEndpoint& orderer, std::string message) {
  ::gateway::ErrorDetail detail;
  detail.set_address(orderer.log_address);
  detail.set_msp_id(orderer.mspid);
  detail.set_message(to_utf8(std::move(message)));
  return detail;
}

std::string go_list(const std::vector<std::string>& items) {
  std::string out = "[";
  for (const auto& item : items) {
    if (out.size() > 1) out += ' ';
    out += item;
  }
  return out + "]";
}

}  // namespace selvage::gateway
