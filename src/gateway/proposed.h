// The proposal inside an Evaluate or Endorse request, taken apart as far as the gateway must know it. Pure; bytes of strangers.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "common/common.pb.h"
#include "peer/proposal.pb.h"

namespace selvage::gateway {

struct Proposed {
  std::string channel;
  std::string chaincode;
  bool has_transient = false;
  ::common::Header header;
  Bytes payload;  // ChaincodeProposalPayload, as it came
};

// kInvalidArgument with Fabric's words.
[[nodiscard]] Result<Proposed> read_proposed(const ::protos::SignedProposal& proposal);
// What Evaluate demands on top: "no channel id provided", "no chaincode name is provided, channel id [x]".
[[nodiscard]] Result<Proposed> read_query(const ::protos::SignedProposal& proposal);

// The transaction for the client to sign, of what its endorsers agreed on.
[[nodiscard]] Result<::common::Envelope> prepare_transaction(const Proposed& proposed, const Bytes& response_payload,
                                                             std::vector<::protos::Endorsement> endorsements);

}  // namespace selvage::gateway
