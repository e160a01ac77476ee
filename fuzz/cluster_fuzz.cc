// What another orderer sends over Step: Raft messages, their metadata, and transactions that it passes on.
#include <cstdlib>

#include "base/log.h"
#include "order/msg_processor.h"
#include "order/raft/codec.h"
#include "orderer/cluster.pb.h"
#include "orderer/etcdraft/metadata.pb.h"
#include "wire/marshal.h"
#include "wire/protobuf_log.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace selvage;
  static const bool quiet = (wire::route_protobuf_log(), log::set_spec("fatal").has_value());
  (void)quiet;
  ::orderer::StepRequest request;
  if (!wire::parse_into(BytesView(reinterpret_cast<const char*>(bytes), size), request)) return 0;
  if (request.has_consensus_request()) {
    if (auto message = order::raft::decode_message(request.consensus_request().payload())) (void)order::raft::encode(*message);
    ::etcdraft::ClusterMetadata metadata;
    (void)wire::parse_into(request.consensus_request().metadata(), metadata).has_value();
  }
  if (request.has_submit_request()) {
    const Bytes envelope = wire::marshal(request.submit_request().payload());
    if (auto message = order::read_message(envelope)) (void)order::classify(static_cast<int32_t>(message->channel.type));
  }
  return 0;
}
