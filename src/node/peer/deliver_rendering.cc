#include "node/peer/deliver_rendering.h"

#include "channel/bundle.h"
#include "common/common.pb.h"
#include "crypto/certificate.h"
#include "deliver/serve/seek.h"
#include "deliver/serve/source.h"
#include "node/peer/filtered_block.h"
#include "peer/events.pb.h"
#include "policy/acl.h"
#include "policy/policy.h"
#include "wire/fields.h"
#include "wire/marshal.h"
#include "wire/views.h"

namespace selvage::node {
namespace {

Bytes make_status(::common::Status status) {
  ::protos::DeliverResponse response;
  response.set_status(status);
  return wire::marshal(response);
}

}  // namespace

Result<Bytes> BlockRendering::block(const ::common::Block& block, const deliver::Source&,
                                    const deliver::SeekRequest&) const {
  constexpr uint32_t kBlock = 2;  // DeliverResponse.block, without a copy of the message
  Bytes response;
  wire::append_bytes_field(response, kBlock, wire::marshal(block));
  return response;
}

Bytes BlockRendering::status(::common::Status status) const { return make_status(status); }

Result<Bytes> FilteredRendering::block(const ::common::Block& block, const deliver::Source&,
                                       const deliver::SeekRequest&) const {
  auto filtered = make_filtered_block(block);
  if (!filtered) return make_status(::common::BAD_REQUEST);
  ::protos::DeliverResponse response;
  *response.mutable_filtered_block() = std::move(*filtered);
  return wire::marshal(response);
}

Bytes FilteredRendering::status(::common::Status status) const { return make_status(status); }

deliver::AccessCheck make_event_access(std::string resource) {
  return [resource = std::move(resource)](const channel::Bundle& bundle,
                                          const deliver::SeekRequest& request) -> Status {
    SELVAGE_TRY(const auto signed_data, policy::signed_data_of(request.envelope));
    const policy::SignedData views[] = {signed_data.view()};
    return policy::check_acl(resource, bundle.acl_channel(), views);
  };
}

std::optional<SystemTime> expiry_of_identity(BytesView serialized) {
  const auto identity = wire::read_identity(serialized);
  if (!identity) return std::nullopt;
  const auto certificate = crypto::Certificate::from_pem(identity->id_bytes);
  if (!certificate) return std::nullopt;
  return to_system_time(certificate->not_after());
}

}  // namespace selvage::node
