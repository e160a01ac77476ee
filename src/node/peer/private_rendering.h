// How /protos.Deliver/DeliverWithPrivateData looks: blocks with the private writes that this peer has and the asker may see.
#pragma once

#include "deliver/serve/deliver_service.h"

namespace selvage::node {

// For sources that are PeerChannels only. A collection is shown to those whom its member policy at that block admits; the
// signature of the asker's identity the access check has verified.
class PrivateRendering final : public deliver::Rendering {
 public:
  [[nodiscard]] Result<Bytes> block(const ::common::Block& block, const deliver::Source& source,
                                    const deliver::SeekRequest& request) const override;
  [[nodiscard]] Bytes status(::common::Status status) const override;
  [[nodiscard]] const char* data_type() const override { return "block_and_pvtdata"; }
};

}  // namespace selvage::node
