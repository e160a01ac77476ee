#include "deliver/pull/orderer_client.h"

#include <limits>

#include "common/common.pb.h"
#include "crypto/certificate.h"
#include "orderer/ab.pb.h"
#include "rpc/channel.h"
#include "tls/context.h"
#include "wire/envelope.h"

namespace selvage::deliver {

OrdererClient::OrdererClient(std::string channel_id, DialSettings settings, wire::Signer signer, const Clock& clock,
                             Random& random)
    : channel_id_(std::move(channel_id)),
      settings_(std::move(settings)),
      signer_(std::move(signer)),
      clock_(clock),
      random_(random) {}

std::shared_ptr<rpc::Channel> OrdererClient::dial(const Endpoint& endpoint) const {
  rpc::ChannelSettings dial;
  dial.targets = {endpoint.address};
  dial.connect_timeout = settings_.connect_timeout;
  dial.keepalive.interval = settings_.keepalive_interval;
  dial.keepalive.timeout = settings_.keepalive_timeout;
  dial.idle_timeout = std::chrono::milliseconds(0);
  if (settings_.tls) {
    dial.tls = std::make_shared<tls::ClientContext>(settings_.credentials,
                                                    std::make_shared<tls::TrustStore>(endpoint.roots));
  }
  return rpc::Channel::make(std::move(dial));
}

Result<Bytes> OrdererClient::seek(uint64_t from, Content content) const {
  ::orderer::SeekInfo seek;
  seek.mutable_start()->mutable_specified()->set_number(from);
  seek.mutable_stop()->mutable_specified()->set_number(std::numeric_limits<uint64_t>::max());
  seek.set_behavior(::orderer::SeekInfo::BLOCK_UNTIL_READY);
  if (content == Content::kAttestations) seek.set_content_type(::orderer::SeekInfo::HEADER_WITH_SIG);
  wire::EnvelopeOptions options;
  if (settings_.tls && settings_.credentials != nullptr) {
    if (auto ours = settings_.credentials->current()) options.tls_cert_hash = ours->leaf().sha256();
  }
  SELVAGE_TRY(::common::Envelope envelope,
              wire::make_signed_envelope(::common::DELIVER_SEEK_INFO, channel_id_, signer_, seek, clock_.now(), random_,
                                         options));
  return envelope.SerializeAsString();
}

}  // namespace selvage::deliver
