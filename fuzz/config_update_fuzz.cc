// Config updates as clients broadcast them, and config envelopes as orderers put them into blocks, against a channel's
// configuration. The first byte: which of the two.
#include "base/log.h"
#include "channel/bundle.h"
#include "channel/config_update.h"
#include "common/common.pb.h"
#include "common/configtx.pb.h"
#include "golden.h"
#include "wire/marshal.h"
#include "wire/protobuf_log.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace selvage;
  static const channel::BundlePtr bundle = (wire::route_protobuf_log(), (void)log::set_spec("fatal"), fuzz::golden_bundle());
  if (size == 0) return 0;
  const BytesView input(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  if (bytes[0] & 1) {
    ::common::ConfigEnvelope next;
    if (wire::parse_into(input, next)) (void)bundle->check_next(next).has_value();
    return 0;
  }
  ::common::Envelope envelope;
  if (!wire::parse_into(input, envelope)) return 0;
  auto proposed = bundle->propose_update(envelope);
  if (proposed && !bundle->check_next(*proposed)) __builtin_trap();  // what an orderer proposes, all must accept
  return 0;
}
