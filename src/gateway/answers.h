// What an endorser's answer means to the gateway, and what a call ends with when it fails. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "gateway/gateway.pb.h"
#include "gateway/network.h"

namespace selvage::gateway {

// How a call fails: a gRPC status with gateway.ErrorDetail messages, one for each node that had its part in it.
struct CallError {
  Code code = Code::kUnknown;
  std::string message;
  std::vector<::gateway::ErrorDetail> details;
};

struct Verdict {
  Code code = Code::kOk;  // kOk: endorsed, or answered by the chaincode with success
  std::string message;
  bool retry = false;     // Evaluate: ask another peer
  bool remove = false;    // the connection is of no use
  [[nodiscard]] bool ok() const { return code == Code::kOk; }
};

// Fabric quirk: internal/pkg/gateway/apiutils.go responseStatus.
[[nodiscard]] Verdict judge(const EndorserAnswer& answer);

// What the transaction function returned, out of the signed part of a response.
[[nodiscard]] Result<Bytes> result_of(const ::protos::ProposalResponse& response);

[[nodiscard]] ::gateway::ErrorDetail error_detail(const Member& member, std::string message);
[[nodiscard]] ::gateway::ErrorDetail error_detail(const OrdererEndpoint& orderer, std::string message);

// As Go prints a []string: "[a b]".
[[nodiscard]] std::string go_list(const std::vector<std::string>& items);

}  // namespace selvage::gateway
