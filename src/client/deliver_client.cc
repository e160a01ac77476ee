#include "client/deliver_client.h"

#include "base/log.h"
#include "orderer/ab.pb.h"
#include "os/system_clock.h"
#include "os/system_random.h"
#include "peer/events.pb.h"
#include "rpc/why_refused.h"
#include "wire/envelope.h"
#include "wire/marshal.h"

namespace selvage::client {
namespace {

const log::Logger& logger() {
  static const log::Logger logger("cli.common");
  return logger;
}

// A peer's answers have the orderer's shape here.
Result<::orderer::DeliverResponse> parse_answer(From from, const Bytes& message) {
  if (from == From::kOrderer) return wire::parse<::orderer::DeliverResponse>(message);
  SELVAGE_TRY(auto answer, wire::parse<::protos::DeliverResponse>(message));
  ::orderer::DeliverResponse same;
  if (answer.has_block()) {
    *same.mutable_block() = std::move(*answer.mutable_block());
  } else {
    same.set_status(answer.status());
  }
  return same;
}

}  // namespace

std::string why_refused(rpc::ClientStream& stream, ::common::Status answer) {
  return answer == ::common::BAD_REQUEST ? rpc::why_refused(stream) : "";
}

Result<::common::Envelope> make_seek_envelope(const std::string& channel_id, const wire::Signer& signer,
                                              const Bytes& certificate_hash, const ::orderer::SeekInfo& seek) {
  return wire::make_signed_envelope(::common::DELIVER_SEEK_INFO, channel_id, signer, seek, os::system_clock().now(),
                                    os::system_random(), {0, certificate_hash});
}

DeliverClient::DeliverClient(std::shared_ptr<rpc::Channel> channel, From from, std::string channel_id,
                             wire::Signer signer, Bytes certificate_hash, bool best_effort)
    : channel_(std::move(channel)),
      from_(from),
      channel_id_(std::move(channel_id)),
      signer_(std::move(signer)),
      certificate_hash_(std::move(certificate_hash)),
      best_effort_(best_effort) {}

Result<::common::Block> DeliverClient::fetch(const Position& position) {
  ::orderer::SeekInfo seek;
  if (std::holds_alternative<Oldest>(position)) {
    seek.mutable_start()->mutable_oldest();
  } else if (std::holds_alternative<Newest>(position)) {
    seek.mutable_start()->mutable_newest();
  } else {
    seek.mutable_start()->mutable_specified()->set_number(std::get<uint64_t>(position));
  }
  *seek.mutable_stop() = seek.start();
  seek.set_behavior(::orderer::SeekInfo::BLOCK_UNTIL_READY);
  if (best_effort_) seek.set_error_response(::orderer::SeekInfo::BEST_EFFORT);
  SELVAGE_TRY(const auto envelope, make_seek_envelope(channel_id_, signer_, certificate_hash_, seek));

  auto stream =
      channel_->stream(from_ == From::kOrderer ? "/orderer.AtomicBroadcast/Deliver" : "/protos.Deliver/Deliver");
  Bytes message;
  if (!stream->write(wire::marshal(envelope)) || !stream->read(&message)) {
    const rpc::Status status = stream->finish();
    return fail(status.ok() ? Code::kUnavailable : status.code,
                "error receiving: " + (status.ok() ? "EOF" : status.to_string()));
  }
  SELVAGE_TRY(auto answer, parse_answer(from_, message));
  if (!answer.has_block()) {
    // Fabric quirk: internal/peer/common/deliverclient.go prints the pointer that Go has for it.
    const std::string status = "&{" + ::common::Status_Name(answer.status()) + "}";
    LOG_INFO(logger(), "Expect block, but got status: {}", status);
    return fail(Code::kUnknown, "can't read the block: " + status, why_refused(*stream, answer.status()));
  }
  LOG_INFO(logger(), "Received block: {}", answer.block().header().number());
  stream->half_close();
  return std::move(*answer.mutable_block());
}

}  // namespace selvage::client
