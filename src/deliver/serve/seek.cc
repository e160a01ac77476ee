#include "deliver/serve/seek.h"

#include <fmt/chrono.h>

#include "tls/binding.h"
#include "wire/block.h"
#include "wire/marshal.h"

namespace selvage::deliver {
namespace {

std::string describe(SystemTime time) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S} +0000 UTC", std::chrono::floor<std::chrono::seconds>(time));
}

}  // namespace

Result<SeekRequest> parse_request(common::Envelope envelope) {
  SELVAGE_TRY(common::Payload payload, wire::parse<common::Payload>(envelope.payload()));
  if (!payload.has_header()) return fail(Code::kInvalidArgument, "envelope has no header");
  SeekRequest request;
  SELVAGE_TRY(request.channel, wire::parse<common::ChannelHeader>(payload.header().channel_header()));
  SELVAGE_TRY(common::SignatureHeader header, wire::parse<common::SignatureHeader>(payload.header().signature_header()));
  request.creator = std::move(*header.mutable_creator());
  request.seek_info = std::move(*payload.mutable_data());
  request.envelope = std::move(envelope);
  return request;
}

Status check_request(const SeekRequest& request, const RequestRules& rules, SystemTime now,
                     const ClientCertificate& certificate) {
  if (!request.channel.has_timestamp()) {
    return fail(Code::kInvalidArgument, "channel header in envelope must contain timestamp");
  }
  const auto& stamp = request.channel.timestamp();
  // Seconds are compared first: a hostile timestamp must not overflow nanoseconds.
  const int64_t now_seconds = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  const int64_t window = std::chrono::ceil<std::chrono::seconds>(rules.time_window).count() + 1;
  bool far = stamp.seconds() < now_seconds - window || stamp.seconds() > now_seconds + window;
  std::string when = fmt::format("{} seconds since the epoch", stamp.seconds());
  if (!far) {
    const SystemTime then(std::chrono::seconds(stamp.seconds()) + std::chrono::nanoseconds(stamp.nanos()));
    far = std::chrono::abs(now - then) > rules.time_window;
    when = describe(then);
  }
  if (far) {
    return fail(Code::kInvalidArgument,
                fmt::format("envelope timestamp {} is more than {} apart from current server time {}", when,
                            std::chrono::duration_cast<std::chrono::seconds>(rules.time_window), describe(now)));
  }
  if (!rules.bind_to_tls_certificate) return {};
  return tls::check_binding(request.channel.tls_cert_hash(), certificate.sha256, certificate.subject);
}

Result<SeekRange> resolve(const orderer::SeekInfo& info, uint64_t height, uint64_t newest) {
  if (!info.has_start() || !info.has_stop()) {
    return fail(Code::kInvalidArgument, "seekInfo message with missing start or stop");
  }
  SeekRange range;
  switch (info.start().Type_case()) {
    case orderer::SeekPosition::kOldest:
      range.first = 0;
      break;
    case orderer::SeekPosition::kNewest:
      range.first = newest;
      break;
    case orderer::SeekPosition::kSpecified:
      range.first = info.start().specified().number();
      if (range.first > height) range.not_found = true;
      break;
    case orderer::SeekPosition::kNextCommit:
      range.first = height;
      break;
    case orderer::SeekPosition::TYPE_NOT_SET:
      range.not_found = true;
      break;
  }
  if (range.not_found) return range;
  switch (info.stop().Type_case()) {
    case orderer::SeekPosition::kOldest:
      range.last = range.first;
      break;
    case orderer::SeekPosition::kNewest:
      // Newest to newest is one block, whatever was added in between.
      range.last = info.start().has_newest() ? range.first : height - 1;
      break;
    case orderer::SeekPosition::kSpecified:
      range.last = info.stop().specified().number();
      if (range.last < range.first) {
        return fail(Code::kInvalidArgument,
                    fmt::format("start number {} greater than stop number {}", range.first, range.last));
      }
      break;
    case orderer::SeekPosition::kNextCommit:
    case orderer::SeekPosition::TYPE_NOT_SET:
      range.last = 0;
      break;
  }
  return range;
}

std::optional<common::Block> header_only(const common::Block& block) {
  if (wire::is_config_block(block)) return std::nullopt;
  common::Block bare;
  *bare.mutable_header() = block.header();
  *bare.mutable_metadata() = block.metadata();
  return bare;
}

}  // namespace selvage::deliver
