#include "event/chaincode_events.h"

#include "peer/transaction.pb.h"
#include "wire/marshal.h"
#include "wire/transaction_views.h"
#include "wire/views.h"

namespace selvage::event {
namespace {

using ::protos::ChaincodeEvent;

// False when there is none.
bool read_event(const wire::TransactionActionView& action, ChaincodeEvent* event) {
  const auto payload = wire::read_chaincode_action_payload(action.payload);
  if (!payload) return false;
  const auto response = wire::read_proposal_response_payload(payload->response_payload);
  if (!response) return false;
  const auto result = wire::read_chaincode_action(response->extension);
  if (!result || result->events.empty() || !wire::parse_into(result->events, *event)) return false;
  return !event->chaincode_id().empty() && !event->event_name().empty() && !event->tx_id().empty();
}

tl::unexpected<Error> invalid(std::string text) { return fail(Code::kInvalidArgument, std::move(text)); }

}  // namespace

std::vector<ChaincodeEvent> events_of(const ::common::Block& block) {
  std::vector<ChaincodeEvent> events;
  if (block.metadata().metadata_size() <= ::common::TRANSACTIONS_FILTER) return events;
  const std::string& codes = block.metadata().metadata(::common::TRANSACTIONS_FILTER);
  for (int i = 0; i < block.data().data_size(); ++i) {
    const auto at = static_cast<size_t>(i);
    if (at >= codes.size() || static_cast<uint8_t>(codes[at]) != ::protos::VALID) continue;
    const auto envelope = wire::open_envelope(block.data().data(i));
    if (!envelope || envelope->channel_header.type != ::common::ENDORSER_TRANSACTION) continue;
    const auto actions = wire::read_transaction(envelope->payload.data);
    if (!actions) continue;
    for (const auto& action : *actions) {
      ChaincodeEvent event;
      if (read_event(action, &event)) events.push_back(std::move(event));
    }
  }
  return events;
}

std::vector<ChaincodeEvent> EventMatcher::choose(std::vector<ChaincodeEvent> events) {
  std::vector<ChaincodeEvent> chosen;
  for (auto& event : events) {
    if (!passed_) {
      passed_ = event.tx_id() == after_;
    } else if (event.chaincode_id() == chaincode_) {
      chosen.push_back(std::move(event));
    }
  }
  return chosen;
}

Result<EventsRequest> read_events_request(BytesView bytes) {
  EventsRequest read;
  SELVAGE_CHECK(wire::parse_into(bytes, read.outer));
  if (read.outer.request().empty()) return invalid("a chaincode events request is required");
  if (auto parsed = wire::parse_into(read.outer.request(), read.request); !parsed)
    return invalid("invalid chaincode events request: " + parsed.error().message);
  return read;
}

Result<CommitRequest> read_commit_request(BytesView bytes) {
  CommitRequest read;
  SELVAGE_CHECK(wire::parse_into(bytes, read.outer));
  if (read.outer.request().empty()) return invalid("a commit status request is required");
  if (auto parsed = wire::parse_into(read.outer.request(), read.request); !parsed)
    return invalid("invalid status request: " + parsed.error().message);
  if (read.request.identity().empty()) return invalid("no identity provided");
  if (read.request.channel_id().empty()) return invalid("no channel ID provided");
  if (read.request.transaction_id().empty()) return invalid("transaction ID should not be empty");
  return read;
}

Result<uint64_t> start_block(const ::gateway::ChaincodeEventsRequest& request, uint64_t height) {
  switch (request.start_position().Type_case()) {
    case ::orderer::SeekPosition::TYPE_NOT_SET:
    case ::orderer::SeekPosition::kNextCommit:
      return height;
    case ::orderer::SeekPosition::kSpecified:
      return request.start_position().specified().number();
    case ::orderer::SeekPosition::kNewest:
      return invalid("invalid start position type: *orderer.SeekPosition_Newest");
    case ::orderer::SeekPosition::kOldest:
      return invalid("invalid start position type: *orderer.SeekPosition_Oldest");
  }
  return invalid("invalid start position type");
}

}  // namespace selvage::event
