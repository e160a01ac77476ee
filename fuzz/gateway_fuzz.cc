// What applications send to the gateway: proposals to evaluate and to endorse.
#include "gateway/proposed.h"
#include "peer/proposal.pb.h"
#include "peer/proposal_response.pb.h"
#include "wire/marshal.h"
#include "wire/protobuf_log.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace selvage;
  static const bool quiet = (wire::route_protobuf_log(), true);
  (void)quiet;
  ::protos::SignedProposal proposal;
  if (!wire::parse_into(BytesView(reinterpret_cast<const char*>(bytes), size), proposal)) return 0;
  (void)gateway::read_query(proposal).has_value();
  auto proposed = gateway::read_proposed(proposal);
  if (!proposed) return 0;
  ::protos::Endorsement endorsement;
  (void)gateway::prepare_transaction(*proposed, proposed->payload, {endorsement}).has_value();
  return 0;
}
