#include "client/broadcast_client.h"

#include "common/common.pb.h"
#include "orderer/ab.pb.h"
#include "wire/marshal.h"

namespace selvage::client {

BroadcastClient::BroadcastClient(const std::vector<std::shared_ptr<rpc::Channel>>& orderers) : channels_(orderers) {
  for (const auto& orderer : orderers) streams_.push_back(orderer->stream("/orderer.AtomicBroadcast/Broadcast"));
}

BroadcastClient::~BroadcastClient() {
  for (auto& stream : streams_) stream->half_close();
}

Status BroadcastClient::send(const ::common::Envelope& envelope) {
  const Bytes bytes = wire::marshal(envelope);
  for (auto& stream : streams_) {
    if (stream->write(bytes)) continue;
    const rpc::Status status = stream->finish();
    return fail(status.code, "could not send to orderer node: " + (status.ok() ? "EOF" : status.to_string()));
  }
  ::orderer::BroadcastResponse answer;
  for (auto& stream : streams_) {
    Bytes message;
    if (!stream->read(&message)) {
      const rpc::Status status = stream->finish();
      return fail(status.ok() ? Code::kUnavailable : status.code, status.ok() ? "EOF" : status.to_string());
    }
    SELVAGE_CHECK(wire::parse_into(message, answer));
    if (answer.status() != ::common::SUCCESS)
      return fail(Code::kUnknown,
                  "got unexpected status: " + ::common::Status_Name(answer.status()) + " -- " + answer.info());
  }
  return {};
}

}  // namespace selvage::client
