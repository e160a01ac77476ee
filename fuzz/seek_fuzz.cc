// What clients and peers ask of Deliver.
#include "common/common.pb.h"
#include "deliver/serve/seek.h"
#include "orderer/ab.pb.h"
#include "wire/marshal.h"
#include "wire/protobuf_log.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace selvage;
  static const bool quiet = (wire::route_protobuf_log(), true);
  (void)quiet;
  ::common::Envelope envelope;
  if (!wire::parse_into(BytesView(reinterpret_cast<const char*>(bytes), size), envelope)) return 0;
  auto request = deliver::parse_request(std::move(envelope));
  if (!request) return 0;
  (void)deliver::check_request(*request, {}, SystemTime{}, {.sha256 = "certificate", .subject = "CN=client"}).has_value();
  ::orderer::SeekInfo seek;
  if (!wire::parse_into(request->seek_info, seek)) return 0;
  for (uint64_t height : {uint64_t{1}, uint64_t{100}, ~uint64_t{0}}) {
    auto range = deliver::resolve(seek, height, height - 1);
    (void)range.has_value();
  }
  return 0;
}
