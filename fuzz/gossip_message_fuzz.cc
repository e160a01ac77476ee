// What other peers send over gossip's streams, before anybody knows who they are.
#include "gossip/message.h"
#include "wire/protobuf_log.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace selvage;
  static const bool quiet = (wire::route_protobuf_log(), true);
  (void)quiet;
  const BytesView input(reinterpret_cast<const char*>(bytes), size);
  (void)selvage::gossip::pki_id_of(input);
  auto message = selvage::gossip::read_message(input);
  if (!message) return 0;
  (void)selvage::gossip::check_tag((*message)->message).has_value();
  (void)selvage::gossip::internal_endpoint((*message)->envelope);
  (void)selvage::gossip::describe(**message);
  (void)selvage::gossip::check_signature(**message, [](BytesView, BytesView) { return Status(); }).has_value();
  (void)selvage::gossip::without_secret(*message);
  return 0;
}
