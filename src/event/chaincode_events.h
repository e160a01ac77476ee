// Chaincode events out of committed blocks, and which of them a request asked for. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/bytes.h"
#include "base/result.h"
#include "common/common.pb.h"
#include "gateway/gateway.pb.h"
#include "peer/chaincode_event.pb.h"

namespace selvage::event {

// Events of the block's valid endorser transactions, in their order. Transactions that cannot be read have none: such are
// not valid. Fabric quirk: internal/pkg/gateway/event: events without chaincode, name or transaction id are left out.
[[nodiscard]] std::vector<::protos::ChaincodeEvent> events_of(const ::common::Block& block);

// One request's choice; it has state: with an after-transaction id nothing matches up to and with that transaction's event.
class EventMatcher {
 public:
  EventMatcher(std::string chaincode, std::string after_transaction_id)
      : chaincode_(std::move(chaincode)), after_(std::move(after_transaction_id)), passed_(after_.empty()) {}
  // The events that match; blocks must come in order.
  [[nodiscard]] std::vector<::protos::ChaincodeEvent> choose(std::vector<::protos::ChaincodeEvent> events);

 private:
  const std::string chaincode_;
  const std::string after_;
  bool passed_;
};

// Bytes of a SignedChaincodeEventsRequest and of a SignedCommitStatusRequest, taken apart. kInvalidArgument with Fabric's
// words; the signature is not looked at.
struct EventsRequest {
  ::gateway::SignedChaincodeEventsRequest outer;
  ::gateway::ChaincodeEventsRequest request;
};
[[nodiscard]] Result<EventsRequest> read_events_request(BytesView bytes);
struct CommitRequest {
  ::gateway::SignedCommitStatusRequest outer;
  ::gateway::CommitStatusRequest request;
};
[[nodiscard]] Result<CommitRequest> read_commit_request(BytesView bytes);

// The first block of a request without (known) after-transaction id. kInvalidArgument for positions that are not offered.
[[nodiscard]] Result<uint64_t> start_block(const ::gateway::ChaincodeEventsRequest& request, uint64_t height);

}  // namespace selvage::event
