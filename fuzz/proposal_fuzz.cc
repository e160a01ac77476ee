// Signed proposals, the first that an endorser sees of a client.
#include "endorse/proposal.h"
#include "peer/proposal.pb.h"
#include "wire/marshal.h"
#include "wire/protobuf_log.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace selvage;
  static const bool quiet = (wire::route_protobuf_log(), true);
  (void)quiet;
  ::protos::SignedProposal proposal;
  if (!wire::parse_into(BytesView(reinterpret_cast<const char*>(bytes), size), proposal)) return 0;
  auto unpacked = endorse::unpack(proposal);
  if (!unpacked) return 0;
  (void)endorse::check_headers(*unpacked).has_value();
  (void)endorse::check_time_window(*unpacked, SystemTime{}, std::chrono::minutes(15)).has_value();
  return 0;
}
