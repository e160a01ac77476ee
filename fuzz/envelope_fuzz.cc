// Envelopes and proposals as orderer and peer read them in place, held against wire::parse, which reads as Go does.
#include <cstdlib>

#include "common/common.pb.h"
#include "peer/proposal.pb.h"
#include "wire/block.h"
#include "wire/marshal.h"
#include "wire/transaction_views.h"
#include "wire/views.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace selvage;
  const BytesView input(reinterpret_cast<const char*>(bytes), size);
  const auto view = wire::read_envelope(input);
  ::common::Envelope envelope;
  if (wire::parse_into(input, envelope)) {
    // What is a message there, is one for the reader, which says the same of it.
    if (!view || view->payload != envelope.payload() || view->signature != envelope.signature()) std::abort();
  }
  if (auto open = wire::open_envelope(input)) {
    ::common::Payload payload;
    if (wire::parse_into(open->envelope.payload, payload) && payload.data() != open->payload.data) std::abort();
  }
  (void)wire::check_canonical_envelope(input, 0).has_value();
  if (auto proposal = wire::read_signed_proposal(input)) (void)wire::read_proposal(proposal->proposal_bytes).has_value();
  (void)wire::read_identity(input).has_value();
  return 0;
}
