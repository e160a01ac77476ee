// How a peer's Deliver streams look: protos.DeliverResponse with whole blocks or with filtered ones.
#pragma once

#include "deliver/serve/deliver_service.h"

namespace selvage::node {

// /protos.Deliver/Deliver
class BlockRendering final : public deliver::Rendering {
 public:
  [[nodiscard]] Result<Bytes> block(const ::common::Block& block, const deliver::Source& source,
                                    const deliver::SeekRequest& request) const override;
  [[nodiscard]] Bytes status(::common::Status status) const override;
  [[nodiscard]] const char* data_type() const override { return "block"; }
};

// /protos.Deliver/DeliverFiltered
class FilteredRendering final : public deliver::Rendering {
 public:
  [[nodiscard]] Result<Bytes> block(const ::common::Block& block, const deliver::Source& source,
                                    const deliver::SeekRequest& request) const override;
  [[nodiscard]] Bytes status(::common::Status status) const override;
  [[nodiscard]] const char* data_type() const override { return "filtered_block"; }
  [[nodiscard]] bool filtered() const override { return true; }
  [[nodiscard]] bool honours_header_only() const override { return false; }
};

// By the ACL of `resource` ("event/Block", "event/FilteredBlock") in the channel's configuration.
[[nodiscard]] deliver::AccessCheck make_event_access(std::string resource);

// The end of the certificate in a serialized identity.
[[nodiscard]] std::optional<SystemTime> expiry_of_identity(BytesView serialized);

}  // namespace selvage::node
