// JSON of configtxlator, both ways: what its REST server is sent. The first byte: which message, and which way.
#include <string>

#include "google/protobuf/message.h"
#include "tools/protolator/protolator.h"
#include "wire/protobuf_log.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace selvage;
  static const bool quiet = (wire::route_protobuf_log(), true);
  (void)quiet;
  static const char* const kTypes[] = {"common.Block",  "common.Config",        "common.ConfigUpdate",
                                       "common.Envelope", "common.ConfigUpdateEnvelope", "common.ConfigGroup"};
  if (size == 0 || size > 100000) return 0;
  auto message = tools::protolator::make_message(kTypes[(bytes[0] >> 1) % std::size(kTypes)]);
  if (!message) __builtin_trap();
  const BytesView input(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  if (bytes[0] & 1) {
    if (!(*message)->ParseFromArray(input.data(), static_cast<int>(input.size()))) return 0;
  } else if (!tools::protolator::from_json(input, **message)) {
    return 0;
  }
  (void)tools::protolator::to_json(**message).has_value();
  return 0;
}
