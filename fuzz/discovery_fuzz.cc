// Signed discovery requests: what any client of a peer may send.
#include "discovery/discovery.h"
#include "wire/marshal.h"
#include "wire/protobuf_log.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace selvage;
  static const bool quiet = (wire::route_protobuf_log(), true);
  (void)quiet;
  ::discovery::SignedRequest request;
  if (!wire::parse_into(BytesView(reinterpret_cast<const char*>(bytes), size), request)) return 0;
  (void)selvage::discovery::read_request(request).has_value();
  return 0;
}
