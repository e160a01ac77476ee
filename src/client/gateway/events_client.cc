#include <atomic>
#include <deque>

#include "client/deliver_client.h"
#include "client/gateway/gateway_client.h"
#include "orderer/ab.pb.h"
#include "rpc/channel.h"
#include "wire/marshal.h"

namespace selvage::client {
namespace {

// The part that all streams share. `next_message` waits.
class Stream {
 public:
  Stream(ConnectionPtr connection, const std::string& method)
      : connection_(std::move(connection)), stream_(connection_->channel->stream(method)) {}

  bool send(Bytes message) { return stream_->write(std::move(message)); }
  void half_close() { stream_->half_close(); }
  Result<std::optional<Bytes>> next_message() {
    Bytes message;
    if (stream_->read(&message)) return std::optional<Bytes>(std::move(message));
    if (cancelled_) return std::optional<Bytes>();
    const auto status = stream_->finish();
    return fail(status.ok() ? Code::kUnavailable : status.code, status.ok() ? "the peer ended the stream" : status.to_string());
  }
  std::string why(::common::Status answer) { return why_refused(*stream_, answer); }
  void cancel() {
    cancelled_ = true;
    stream_->cancel();
  }

 private:
  ConnectionPtr connection_;
  std::unique_ptr<rpc::ClientStream> stream_;
  std::atomic<bool> cancelled_ = false;
};

class ChaincodeEvents final : public Events<ChaincodeEvent> {
 public:
  explicit ChaincodeEvents(ConnectionPtr connection) : stream_(std::move(connection), "/gateway.Gateway/ChaincodeEvents") {}
  bool start(const ::gateway::SignedChaincodeEventsRequest& request) {
    if (!stream_.send(wire::marshal(request))) return false;
    stream_.half_close();
    return true;
  }
  Result<std::optional<ChaincodeEvent>> next() override {
    while (ready_.empty()) {
      SELVAGE_TRY(const auto message, stream_.next_message());
      if (!message) return std::optional<ChaincodeEvent>();
      SELVAGE_TRY(const auto response, wire::parse<::gateway::ChaincodeEventsResponse>(*message));
      for (const auto& event : response.events())
        ready_.push_back({response.block_number(), event.tx_id(), event.chaincode_id(), event.event_name(), event.payload()});
    }
    std::optional<ChaincodeEvent> event(std::move(ready_.front()));
    ready_.pop_front();
    return event;
  }
  void cancel() override { stream_.cancel(); }

 private:
  Stream stream_;
  std::deque<ChaincodeEvent> ready_;
};

template <class Event>
class BlockStream final : public Events<Event> {
 public:
  using Take = Event* (*)(::protos::DeliverResponse&);  // null: the response has none
  BlockStream(ConnectionPtr connection, const std::string& method, Take take)
      : stream_(std::move(connection), method), take_(take) {}
  bool start(const ::common::Envelope& seek) { return stream_.send(wire::marshal(seek)); }
  Result<std::optional<Event>> next() override {
    SELVAGE_TRY(const auto message, stream_.next_message());
    if (!message) return std::optional<Event>();
    SELVAGE_TRY(auto response, wire::parse<::protos::DeliverResponse>(*message));
    if (Event* event = take_(response)) return std::optional<Event>(std::move(*event));
    return fail(Code::kAborted, "the peer answers " + ::common::Status_Name(response.status()), stream_.why(response.status()));
  }
  void cancel() override { stream_.cancel(); }

 private:
  Stream stream_;
  const Take take_;
};

Checkpoint position_of(std::optional<uint64_t> start, const Checkpointer* checkpointer) {
  if (checkpointer != nullptr && checkpointer->position().set) return checkpointer->position();
  return {start.value_or(0), "", start.has_value()};
}

template <class Event>
Result<std::unique_ptr<Events<Event>>> follow(const ConnectionPtr& connection, const std::string& channel_id,
                                              const std::string& method, const Checkpoint& from,
                                              typename BlockStream<Event>::Take take) {
  ::orderer::SeekInfo seek;
  if (from.set) {
    seek.mutable_start()->mutable_specified()->set_number(from.block);
  } else {
    seek.mutable_start()->mutable_next_commit();
  }
  seek.mutable_stop()->mutable_specified()->set_number(UINT64_MAX);
  SELVAGE_TRY(const auto envelope,
              make_seek_envelope(channel_id, connection->signer, connection->certificate_hash, seek));
  auto stream = std::make_unique<BlockStream<Event>>(connection, method, take);
  if (!stream->start(envelope)) return fail(stream->next().error());
  return std::unique_ptr<Events<Event>>(std::move(stream));
}

}  // namespace

Result<std::unique_ptr<Events<ChaincodeEvent>>> Network::chaincode_events(const std::string& chaincode,
                                                                          std::optional<uint64_t> start,
                                                                          const Checkpointer* checkpointer) const {
  const Checkpoint from = position_of(start, checkpointer);
  ::gateway::ChaincodeEventsRequest request;
  request.set_channel_id(channel_id_);
  request.set_chaincode_id(chaincode);
  request.set_identity(connection_->signer.serialized);
  request.set_after_transaction_id(from.transaction_id);
  if (from.set) {
    request.mutable_start_position()->mutable_specified()->set_number(from.block);
  } else {
    request.mutable_start_position()->mutable_next_commit();
  }
  ::gateway::SignedChaincodeEventsRequest signed_request;
  signed_request.set_request(wire::marshal(request));
  SELVAGE_TRY(*signed_request.mutable_signature(), connection_->signer.sign(signed_request.request()));
  auto events = std::make_unique<ChaincodeEvents>(connection_);
  if (!events->start(signed_request)) return fail(events->next().error());
  return std::unique_ptr<Events<ChaincodeEvent>>(std::move(events));
}

Result<std::unique_ptr<Events<::common::Block>>> Network::block_events(std::optional<uint64_t> start,
                                                                       const Checkpointer* checkpointer) const {
  return follow<::common::Block>(connection_, channel_id_, "/protos.Deliver/Deliver", position_of(start, checkpointer),
                                 [](::protos::DeliverResponse& response) {
                                   return response.has_block() ? response.mutable_block() : nullptr;
                                 });
}

Result<std::unique_ptr<Events<::protos::FilteredBlock>>> Network::filtered_block_events(
    std::optional<uint64_t> start, const Checkpointer* checkpointer) const {
  return follow<::protos::FilteredBlock>(connection_, channel_id_, "/protos.Deliver/DeliverFiltered",
                                         position_of(start, checkpointer), [](::protos::DeliverResponse& response) {
                                           return response.has_filtered_block() ? response.mutable_filtered_block()
                                                                                : nullptr;
                                         });
}

}  // namespace selvage::client
