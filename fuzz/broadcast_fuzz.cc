// What clients send to an orderer's Broadcast.
#include "base/log.h"
#include "golden.h"
#include "order/msg_processor.h"
#include "wire/protobuf_log.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace selvage;
  static const channel::BundlePtr bundle = (wire::route_protobuf_log(), (void)log::set_spec("fatal"), fuzz::golden_bundle());
  auto message = order::read_message(BytesView(reinterpret_cast<const char*>(bytes), size));
  if (!message) return 0;
  (void)order::classify(static_cast<int32_t>(message->channel.type));
  (void)order::check_signature(message->envelope, *bundle, "/Channel/Writers", "/Channel/Orderer/Writers").has_value();
  (void)order::identity_expiry(message->envelope.signature, bundle->msps().get());
  return 0;
}
