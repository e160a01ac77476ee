// Event streams at both ends. The first part is a request for events or for a commit's status, as a peer takes it; the
// second what a peer answers a client who follows blocks; the rest are blocks, out of which events are taken for the
// request. No event is told twice, and what a peer sends can be read.
#include <set>

#include "base/utf8.h"
#include "event/chaincode_events.h"
#include "input.h"
#include "readable.h"
#include "node/peer/filtered_block.h"
#include "peer/events.pb.h"
#include "wire/fields.h"
#include "wire/marshal.h"
#include "wire/protobuf_log.h"

namespace {

using namespace selvage;
using fuzz::expect;
using fuzz::expect_readable;

void follow(const ::gateway::ChaincodeEventsRequest& request, BytesView rest) {
  event::EventMatcher matcher(request.chaincode_id(), request.after_transaction_id());
  event::EventMatcher all_of_it(request.chaincode_id(), "");
  bool passed = request.after_transaction_id().empty();
  BytesView part;
  while (fuzz::take_part(rest, part)) {
    ::common::Block block;
    if (!wire::parse_into(part, block)) continue;
    const auto events = event::events_of(block);
    expect(events.size() <= static_cast<size_t>(block.data().data_size()));
    const auto chosen = matcher.choose(events), all = all_of_it.choose(events);
    expect(chosen.size() <= all.size() && (!passed || chosen.size() == all.size()));
    passed = passed || !chosen.empty();
    ::gateway::ChaincodeEventsResponse response;
    for (const auto& event : chosen) {
      expect(event.chaincode_id() == request.chaincode_id() && !event.event_name().empty() && !event.tx_id().empty());
      *response.add_events() = event;
    }
    expect_readable(response);
    if (const auto filtered = node::make_filtered_block(block)) {
      expect(filtered->filtered_transactions_size() <= block.data().data_size());
      expect_readable(*filtered);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  wire::route_protobuf_log();
  fuzz::be_quiet();
  BytesView rest = fuzz::view_of(bytes, size), asked, answered;
  if (!fuzz::take_part(rest, asked)) return 0;
  (void)fuzz::take_part(rest, answered);
  if (const auto commit = event::read_commit_request(asked)) {
    expect(is_utf8(commit->request.transaction_id()) && is_utf8(commit->request.channel_id()));
  }
  if (::protos::DeliverResponse response; wire::parse_into(answered, response)) {
    expect_readable(response);
    if (response.has_block()) (void)node::make_filtered_block(response.block()).has_value();
  }
  const auto events = event::read_events_request(asked);
  if (!events) return 0;
  for (const uint64_t height : {uint64_t{1}, uint64_t{100}, UINT64_MAX}) {
    const auto start = event::start_block(events->request, height);
    if (start && !events->request.start_position().has_specified()) expect(*start <= height);
  }
  follow(events->request, rest);
  return 0;
}
