// A signed proposal taken apart once, with the checks that need nothing but its bytes. Pure.
//
// Fabric quirk: core/endorser/msgvalidation.go; the order of the checks and their texts are part of the interface, since
// clients and the gateway compare them.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "common/common.pb.h"
#include "peer/chaincode.pb.h"
#include "peer/proposal.pb.h"

namespace selvage::endorse {

struct UnpackedProposal {
  protos::SignedProposal signed_proposal;
  protos::Proposal proposal;
  common::ChannelHeader channel_header;
  common::SignatureHeader signature_header;
  std::string chaincode;         // from the header extension
  protos::ChaincodeInput input;  // arguments; its transient data stays in the payload
  Bytes hash;                    // W3: channel header, signature header, payload without transient data

  [[nodiscard]] const std::string& channel_id() const { return channel_header.channel_id(); }
  [[nodiscard]] const std::string& txid() const { return channel_header.tx_id(); }
};

// Parses; errors are kUnknown with Fabric's text ("error unmarshalling Proposal: ...").
[[nodiscard]] Result<UnpackedProposal> unpack(const protos::SignedProposal& signed_proposal);

// Header type, epoch, nonce, creator, transaction id, non-empty proposal and signature: all that comes before the
// creator's identity is looked at.
[[nodiscard]] Status check_headers(const UnpackedProposal& proposal);

// Fabric's auth filter TimeWindowCheck: "request unauthorized due to incorrect timestamp".
[[nodiscard]] Status check_time_window(const UnpackedProposal& proposal, SystemTime now, std::chrono::nanoseconds window);

}  // namespace selvage::endorse
